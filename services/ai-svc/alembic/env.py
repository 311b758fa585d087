"""Runs the migrations of schema `ai` as the owner of its tables."""

from ai_svc.schema import METADATA, SCHEMA
from chassis.data.migrations import run_env

run_env(METADATA, SCHEMA)
