"""The tables every service has, in schema `ai`."""

from typing import Final

from chassis.data.system_tables import define_system_tables
from knowledge.models import Base

SYSTEM_TABLES: Final = define_system_tables(Base.metadata)
