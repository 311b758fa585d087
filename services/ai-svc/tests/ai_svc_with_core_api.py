"""ai-svc beside the real core-api: two applications, one database, no network between them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
from core_api_factories import Person
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis

from ai_svc.modules.skills import service as skills
from ai_svc.modules.skills.skill import Carried, SkillContext, SkillResult
from ai_svc.workshop import Workshop
from chassis.data.database import Database
from chassis.http.circuit_breaker import CircuitBreaker
from chassis.http.service_client import ServiceClient
from chassis.security.internal_key import InternalKeys
from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.security.sealing import Vault
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import Resources
from core_api.main import create_app
from core_api.modules.organizations.provisioning import MemberProvisioning
from core_api.schema import SCHEMA
from core_api.settings import (
    CoreApiSettings,
)
from core_api.workplace import VAULT, open_workplace
from devstack.token_factory import TokenFactory
from shared_schemas.actor import Actor, TokenClaims
from shared_schemas.ids import new_id

INTERNAL_KEY = "internal-key-of-ai-svc"


@asynccontextmanager
async def opened_core_api(
    settings: CoreApiSettings, factory: TokenFactory
) -> AsyncIterator[FastAPI]:
    """core-api, its connections open, without background tasks. Forgets whom it has met when
    `app.state.resources.on_authenticated.forget()` is called."""
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        issuer = httpx.MockTransport(lambda _: httpx.Response(200, json=factory.jwks()))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=issuer))
        database = Database(
            settings.database,
            schema=SCHEMA,
            application_name="core-api beside ai-svc tests",
            info={VAULT: Vault(settings.sealing)},
        )
        stack.push_async_callback(database.close)
        redis = Redis.from_url(settings.redis.url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        jwks = JwksCache(http, settings.oidc)
        stack.push_async_callback(jwks.close)
        app.state.resources = Resources(
            name="core-api",
            settings=settings,
            database=database,
            redis=redis,
            http=http,
            tokens=TokenVerifier(settings.oidc, jwks),
            internal_keys=InternalKeys(settings.internal_keys.keys_accepted),
            limiter=RateLimiter(settings.service, settings.redis),
            on_authenticated=MemberProvisioning(),
        )
        await stack.enter_async_context(open_workplace(app, app.state.resources))
        yield app


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """What lies between the two. A test may cut it, before core-api works or after."""

    inner: httpx.AsyncBaseTransport
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    before: Callable[[httpx.Request], BaseException | httpx.Response | None] = lambda _: None
    after: Callable[[httpx.Request], BaseException | None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forwards; an exception or a response of the test's takes the place of the real one."""
        self.asked.append((request.method, request.url.path))
        self.headers.append(request.headers)
        instead = self.before(request)
        if isinstance(instead, BaseException):
            raise instead
        if instead is not None:
            return instead
        answer = await self.inner.handle_async_request(request)
        cut = self.after(request)
        if cut is not None:
            raise cut
        return answer

    def writes(self) -> list[tuple[str, str]]:
        """Of what was asked."""
        return [each for each in self.asked if each[0] != "GET"]


@dataclass
class Beside:
    """ai-svc and core-api, and people of both."""

    app: FastAPI
    core_app: FastAPI
    wire: Wire
    tokens: TokenFactory

    @property
    def workshop(self) -> Workshop:
        """ai-svc's, asking the real core-api."""
        workshop: Workshop = self.app.state.workshop
        return workshop

    def token(self, name: str) -> SecretStr:
        """Fresh."""
        return SecretStr(self.tokens.token(name))

    def actor(self, name: str) -> Actor:
        """As ai-svc authenticates the person."""
        return Actor.of(TokenClaims.model_validate(self.tokens.claims(name)), "req-1")

    def at_core_api(self, name: str) -> Person:
        """The person at core-api's own routes."""
        headers = {"authorization": f"Bearer {self.tokens.token(name)}"}
        transport = httpx.ASGITransport(self.core_app)
        return Person(httpx.AsyncClient(transport=transport, base_url="http://core.test"), headers)

    def context(self, name: str, **changes: Any) -> SkillContext:
        """A run of the person's."""
        given: dict[str, Any] = {
            "actor": self.actor(name),
            "token": self.token(name),
            "workshop": self.workshop,
            "run_id": new_id(),
            "carried": Carried(),
        }
        return SkillContext(**(given | changes))

    async def call(self, name: str, skill: str, /, **arguments: Any) -> SkillResult:
        """A skill in a run of its own."""
        return await skills.call(skill, arguments, self.context(name))

    async def proposed(self, name: str, skill: str, /, **arguments: Any) -> UUID:
        """The proposal a skill must have made."""
        result = await self.call(name, skill, **arguments)
        assert result.ok, result.told
        assert result.proposal is not None
        return result.proposal.id


@asynccontextmanager
async def beside(app: FastAPI, core_app: FastAPI, tokens: TokenFactory) -> AsyncIterator[Beside]:
    """ai-svc asks this core-api meanwhile."""
    core_app.state.resources.on_authenticated.forget()
    wire = Wire(httpx.ASGITransport(core_app))
    before: Workshop = app.state.workshop
    async with ServiceClient(
        target="core-api",
        base_url="http://core-api.test",
        source="ai-svc",
        key=SecretStr(INTERNAL_KEY),
        transport=wire,
        breaker=CircuitBreaker("core-api", threshold=1_000_000),
        first_pause_seconds=0,
    ) as core_api:
        desk = app.state.desk
        app.state.workshop = replace(before, core_api=core_api)
        app.state.desk = replace(desk, workshop=app.state.workshop)
        try:
            yield Beside(app, core_app, wire, tokens)
        finally:
            app.state.workshop, app.state.desk = before, desk


async def killed(work: Any) -> None:
    """Runs until the test's wire kills it."""
    task = asyncio.ensure_future(work)
    try:
        await task
    except asyncio.CancelledError:
        return
    raise AssertionError("it was not killed")
