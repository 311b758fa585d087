"""ai-svc without its background tasks, people who call it, and documents that are indexed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis

from ai_svc.main import create_app, open_own
from ai_svc.settings import AiSettings, AnswerSettings, CoreApiSettings
from chassis.data.database import Database
from chassis.security.internal_key import InternalKeys
from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.settings import (
    DatabaseSettings,
    Environment,
    InternalKeySettings,
    OidcSettings,
    RedisSettings,
    ServiceSettings,
    StorageSettings,
)
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import Resources
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory
from knowledge.ingestion import Ingestion
from knowledge.settings import EmbeddingSettings, IngestionSettings

INTERNAL_KEY = "internal-key-of-worker-svc"
DOCUMENTS = "/api/v1/rag/documents"

HOLIDAYS = """# Férias

As férias são de 30 dias corridos por ano. O pedido é feito no portal do servidor com 60 dias de
antecedência.

# Auxílio-creche

O auxílio-creche é pago até os seis anos de idade da criança, no valor de R$ 850,00 por mês.
"""


def ai_settings(
    urls: DatabaseUrls, redis_url: str, factory: TokenFactory, objects: Path
) -> AiSettings:
    """Settings as the environment would give them: no key, no provider."""
    return AiSettings(
        service=ServiceSettings(
            environment=Environment.TEST, version="1.2.3", rate_limit_enabled=False
        ),
        database=DatabaseSettings(
            url=SecretStr(urls.app), worker_url=SecretStr(urls.worker), pool_size=5
        ),
        redis=RedisSettings(url=SecretStr(redis_url)),
        oidc=OidcSettings(
            issuer=factory.issuer, audience=factory.audience, jwks_url="http://oidc.test/jwks"
        ),
        internal_keys=InternalKeySettings(
            key=SecretStr("internal-key-of-ai-svc"),
            keys_accepted={"worker-svc": (SecretStr(INTERNAL_KEY),)},
        ),
        storage=StorageSettings(url=objects.as_uri()),
        embedding=EmbeddingSettings(),
        ingestion=IngestionSettings(),
        answers=AnswerSettings(),
        core_api=CoreApiSettings(core_api_url="http://core-api.test"),
    )


@asynccontextmanager
async def opened(settings: AiSettings, factory: TokenFactory) -> AsyncIterator[FastAPI]:
    """The service, its connections open, without relay and consumer: tests drive those."""
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        issuer = httpx.MockTransport(lambda _: httpx.Response(200, json=factory.jwks()))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=issuer))
        database = Database(settings.database, schema="ai", application_name="ai-svc tests")
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis.url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        jwks = JwksCache(http, settings.oidc)
        stack.push_async_callback(jwks.close)
        app.state.resources = Resources(
            name="ai-svc",
            settings=settings,
            database=database,
            redis=redis,
            http=http,
            tokens=TokenVerifier(settings.oidc, jwks),
            internal_keys=InternalKeys(settings.internal_keys.keys_accepted),
            limiter=RateLimiter(settings.service, settings.redis),
        )
        await stack.enter_async_context(open_own(app, app.state.resources))
        yield app


def originals(objects: Path, document_id: str = "*") -> set[Path]:
    """The originals in the storage, of one document or of all."""
    return set(objects.rglob(f"{document_id}/*/original"))


@dataclass(frozen=True)
class Person:
    """A client of the service with somebody's token."""

    http: httpx.AsyncClient
    headers: Mapping[str, str]
    ingestion: Ingestion

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request."""
        headers = {**self.headers, **request.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> httpx.Response:
        """GET."""
        return await self.call("GET", path, **request)

    async def post(self, path: str, **request: Any) -> httpx.Response:
        """POST."""
        return await self.call("POST", path, **request)

    async def index(self, text: str, title: str = "Manual", **fields: Any) -> UUID:
        """A text, submitted and processed."""
        body = {"title": title, "text": text, **fields}
        answer = await self.post(DOCUMENTS, json=body)
        assert answer.status_code == 202, answer.text
        await self.ingestion.drain_once("tests")
        return UUID(answer.json()["data"]["id"])

    async def content(self, document_id: UUID) -> str:
        """The normalised text."""
        answer = await self.get(f"{DOCUMENTS}/{document_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def search(self, query: str, **body: Any) -> list[dict[str, Any]]:
        """The passages."""
        answer = await self.post("/api/v1/rag/search", json={"query": query, **body})
        assert answer.status_code == 200, answer.text
        passages: list[dict[str, Any]] = answer.json()["data"]
        return passages

    async def ask(self, question: str, **body: Any) -> dict[str, Any]:
        """The answer."""
        answer = await self.post("/api/v1/rag/ask", json={"question": question, **body})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data
