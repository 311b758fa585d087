"""Runs the migrations of schema `crm` as the owner of its tables."""

from chassis.data.migrations import run_env
from core_api.schema import METADATA, SCHEMA

run_env(METADATA, SCHEMA)
