"""Every route of the service, in the order in which paths are tried."""

from typing import Final

from ai_svc.modules.access import router as access
from ai_svc.modules.answers import router as answers
from ai_svc.modules.batches import router as batches
from ai_svc.modules.chat import messages_router as messages
from ai_svc.modules.chat import router as conversations
from ai_svc.modules.chunks import preview_router as chunk_preview
from ai_svc.modules.chunks import router as chunks
from ai_svc.modules.compatible import router as compatible
from ai_svc.modules.documents import external_router as external_documents
from ai_svc.modules.documents import router as documents
from ai_svc.modules.documents import versions_router as versions
from ai_svc.modules.index_health import router as index_health
from ai_svc.modules.live import router as live_documents
from ai_svc.modules.maintenance import router as maintenance
from ai_svc.modules.mcp_server import router as mcp_server
from ai_svc.modules.memory import router as memories
from ai_svc.modules.privacy import router as privacy
from ai_svc.modules.prompts import router as prompts
from ai_svc.modules.proposals import router as proposals
from ai_svc.modules.providers import router as providers
from ai_svc.modules.rag import router as rag
from ai_svc.modules.search import router as search
from ai_svc.modules.sources import router as sources
from ai_svc.modules.uploads import router as uploads
from ai_svc.modules.usage import router as usage
from ai_svc.modules.viewing import router as viewing

ROUTERS: Final = (
    live_documents.router,  # before what takes any word for a document's id
    batches.router,
    documents.router,
    external_documents.router,
    versions.router,
    chunks.router,
    chunk_preview.router,
    uploads.router,
    sources.router,
    search.router,
    rag.router,
    answers.router,
    compatible.router,
    mcp_server.router,
    viewing.router,
    conversations.router,
    messages.router,
    messages.judging,
    memories.router,
    proposals.router,
    proposals.deciding,
    index_health.router,
    providers.router,
    prompts.router,
    usage.router,
)
INTERNAL_ROUTERS: Final = (
    maintenance.router,
    access.router,
    index_health.internal_router,
    sources.internal_router,
    usage.internal_router,
    privacy.router,
)
