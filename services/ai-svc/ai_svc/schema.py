"""All tables of schema `ai` in one metadata: what migrations are compared with."""

from typing import Final

from ai_svc.modules.triage import models as _triage
from chassis.data.system_tables import define_system_tables
from knowledge.lexical import models as _lexical
from knowledge.models import SCHEMA, Base

METADATA: Final = Base.metadata
SYSTEM_TABLES: Final = define_system_tables(METADATA)

__all__ = ["METADATA", "SCHEMA", "SYSTEM_TABLES", "_lexical", "_triage"]
