"""All tables of schema `ai` in one metadata: what migrations are compared with."""

from typing import Final

from ai_svc import tables as _tables
from ai_svc.modules.access import models as _rebuilds
from ai_svc.modules.answers import models as _answers
from ai_svc.modules.batches import models as _batches
from ai_svc.modules.chat import models as _chat
from ai_svc.modules.memory import models as _memory
from ai_svc.modules.privacy import models as _privacy
from ai_svc.modules.prompts import models as _prompts
from ai_svc.modules.proposals import models as _proposals
from ai_svc.modules.providers import models as _providers
from ai_svc.modules.triage import models as _triage
from ai_svc.modules.uploads import models as _uploads
from ai_svc.modules.usage import models as _budgets
from knowledge import absence_tables as _absences
from knowledge import access_tables as _access
from knowledge import chunk_edit_tables as _chunk_edits
from knowledge import usage as _usage
from knowledge.lexical import models as _lexical
from knowledge.models import SCHEMA, Base
from knowledge.search import models as _search
from knowledge.sources import models as _sources

METADATA: Final = Base.metadata

__all__ = [
    "METADATA",
    "SCHEMA",
    "_absences",
    "_access",
    "_answers",
    "_batches",
    "_budgets",
    "_chat",
    "_chunk_edits",
    "_lexical",
    "_memory",
    "_privacy",
    "_prompts",
    "_proposals",
    "_providers",
    "_rebuilds",
    "_search",
    "_sources",
    "_tables",
    "_triage",
    "_uploads",
    "_usage",
]
