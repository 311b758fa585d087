"""The system under evaluation: ai-svc under uvicorn, its database, and the worker's pipeline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from bench.chassis_database import open_database
from bench.key_server import Identity, running_identity
from bench.servers import Servers, running_servers
from bench.service_process import running_service

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.settings import StorageSettings
from evals.datasets import Dataset
from knowledge.assembly import open_ingestion
from knowledge.embedders.local import LocalEmbedder
from knowledge.ingestion import Ingestion
from knowledge.models import SCHEMA, Chunking
from knowledge.settings import IngestionSettings
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Role, permissions_of

_SUBMITTED_AT_ONCE = 8
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Collection:
    """A question set in an organization of its own, spoken to over HTTP."""

    client: httpx.AsyncClient
    organization_id: UUID
    entry_of: dict[str, str] = field(default_factory=dict)  # document id → corpus id

    @property
    def asker(self) -> Actor:
        """Who may read everything in it, for asking without HTTP."""
        roles = frozenset({Role.ADMIN})
        tenant = self.organization_id
        return Actor(OrganizationId(tenant), UserId(tenant), roles, "evals", permissions_of(roles))

    async def search(self, question: str, top_k: int) -> list[dict[str, Any]]:
        """The passages."""
        body = {"query": question, "top_k": top_k}
        found: list[dict[str, Any]] = await self._post("/api/v1/rag/search", body)
        return found

    async def ask(self, question: str) -> dict[str, Any]:
        """The answer."""
        answer: dict[str, Any] = await self._post("/api/v1/rag/ask", {"question": question})
        return answer

    async def chat(self, question: str) -> dict[str, Any]:
        """The knowledge agent's answer, in the same shape. Nothing of it is kept."""
        body = {"model": "cogep-knowledge", "messages": [{"role": "user", "content": question}]}
        answer = await self.client.post("/api/v1/ai/v1/chat/completions", json=body)
        answer.raise_for_status()
        message = answer.json()["choices"][0]["message"]
        told = {name: message["cogep"][name] for name in ("sources", "abstained")}
        return {"answer": message["content"], **told}

    async def content(self, document_id: str) -> str:
        """The text the offsets refer to."""
        answer = await self.client.get(f"/api/v1/rag/documents/{document_id}/content")
        answer.raise_for_status()
        return answer.text

    async def submit(self, title: str, text: str, chunking: Chunking = Chunking.AUTO) -> str:
        """A document; returns its id."""
        # A set may say the same twice, under two titles.
        body = {"title": title or None, "text": text, "chunking": chunking, "allow_duplicate": True}
        return str((await self._post("/api/v1/rag/documents", body))["id"])

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self.client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()["data"]


@dataclass(frozen=True, slots=True)
class System:
    """Running, and empty."""

    url: str
    database_url: str  # as superuser, past row-level security
    identity: Identity
    ingestion: Ingestion

    @asynccontextmanager
    async def holding(
        self, dataset: Dataset, chunking: Chunking = Chunking.AUTO
    ) -> AsyncIterator[Collection]:
        """Every entry of the corpus as one document of a new organization, indexed."""
        organization_id = uuid4()
        claims = self.identity.tokens.claims("ana", org_id=str(organization_id), org="evals")
        token = self.identity.tokens.sign(claims | {"exp": claims["iat"] + 4 * 3600})
        async with httpx.AsyncClient(
            base_url=self.url,
            headers={"authorization": f"Bearer {token}"},
            timeout=_PATIENCE_SECONDS,
            trust_env=False,
        ) as client:
            collection = Collection(client, organization_id)
            gate = asyncio.Semaphore(_SUBMITTED_AT_ONCE)

            async def submit(entry_id: str, title: str, text: str) -> None:
                async with gate:
                    document_id = await collection.submit(title, text, chunking)
                    collection.entry_of[document_id] = entry_id

            await asyncio.gather(*(submit(e.id, e.title, e.text) for e in dataset.corpus))
            done = await self.ingestion.drain_once("evals")
            if done != len(dataset.corpus):
                raise RuntimeError(f"{done} of {len(dataset.corpus)} documents were processed")
            yield collection


@asynccontextmanager
async def running_system() -> AsyncIterator[System]:
    """Servers and service of the evaluation's own, with the built-in configuration."""
    with ExitStack() as started:
        servers = started.enter_context(running_servers())
        identity = started.enter_context(running_identity())
        service = started.enter_context(
            running_service("ai_svc.main:create_app", servers, identity)
        )
        async with (
            open_database(servers, SCHEMA) as database,
            _pipeline(database, servers) as ingestion,
        ):
            yield System(
                url=f"http://127.0.0.1:{service.port}",
                database_url=servers.plain_url("postgres"),
                identity=identity,
                ingestion=ingestion,
            )


@asynccontextmanager
async def _pipeline(database: Database, servers: Servers) -> AsyncIterator[Ingestion]:
    storage = ObjectStorage.at(StorageSettings(url=servers.environment()["STORAGE_URL"]))
    async with open_ingestion(database, storage, LocalEmbedder(), IngestionSettings()) as pipeline:
        yield pipeline
