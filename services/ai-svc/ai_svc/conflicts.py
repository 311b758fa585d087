"""What a constraint that fires means to the caller."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_svc.modules.chat.exceptions import RUNNING, ConversationBusy
from ai_svc.modules.documents.exceptions import ExternalIdTaken
from ai_svc.modules.memory.exceptions import MemoryKnown
from ai_svc.modules.privacy.exceptions import ERASED_CLIENT, ClientErased
from ai_svc.modules.sources.exceptions import SourceNameTaken
from ai_svc.modules.usage.exceptions import BudgetTaken
from chassis.web.errors import DomainError, PreconditionFailed

CONFLICTS: Final[Mapping[str, type[DomainError]]] = MappingProxyType(
    {
        ERASED_CLIENT: ClientErased,
        RUNNING: ConversationBusy,
        "uq_budgets_scope": BudgetTaken,
        "uq_documents_organization_id_external_id": ExternalIdTaken,
        "uq_memory_facts_organization_id_user_id_digest": MemoryKnown,
        "uq_provider_policies_organization_id": PreconditionFailed,
        "uq_sources_organization_id_name": SourceNameTaken,
    }
)
