"""The official clients behind pydantic-ai's models: one per provider that was configured.

None of them retries or gives up by itself: attempts are counted, paid for and timed here.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import httpx2
from pydantic_ai.models import Model, create_async_httpx2_client

from ai_svc.provider_settings import Backend, ProviderName, ProviderSettings
from chassis.http.circuit_breaker import CircuitBreaker

_CONNECT_SECONDS: Final = 3.0
_LIMITS: Final = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
_RESPONSES: ContextVar[list[httpx2.Response] | None] = ContextVar("responses", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, ready to be asked."""

    backend: Backend
    model: Model
    breaker: CircuitBreaker

    @property
    def name(self) -> ProviderName:
        """As settings, policies and metrics call it."""
        return self.backend.name


@asynccontextmanager
async def connected(settings: ProviderSettings) -> AsyncIterator[Sequence[Provider]]:
    """Nothing is sent yet; the connections are closed at the end."""
    async with AsyncExitStack() as stack:
        providers = []
        for backend in settings.backends:
            http = create_async_httpx2_client(
                timeout=httpx2.Timeout(settings.time_limit_seconds, connect=_CONNECT_SECONDS),
                limits=_LIMITS,
            )
            http.event_hooks["response"].append(_note)
            await stack.enter_async_context(http)
            breaker = CircuitBreaker(f"model:{backend.name}")
            providers.append(
                Provider(backend=backend, model=_model(backend, http), breaker=breaker)
            )
        yield tuple(providers)


@contextmanager
def responses_noted() -> Iterator[list[httpx2.Response]]:
    """What is answered to requests made meanwhile, in this task. Whoever stops reading closes it:
    Google's client leaves that to the garbage collector, and the provider writes on until then."""
    noted: list[httpx2.Response] = []
    token = _RESPONSES.set(noted)
    try:
        yield noted
    finally:
        _RESPONSES.reset(token)


async def _note(response: httpx2.Response) -> None:
    noted = _RESPONSES.get()
    if noted is not None:
        noted.append(response)


def _model(backend: Backend, http: httpx2.AsyncClient) -> Model:
    # The clients are 60 MB together and seconds of a start: only those that are asked are loaded.
    match backend.name:
        case ProviderName.OPENAI:
            from ai_svc.modules.providers.protocols.openai import openai_model  # noqa: PLC0415

            return openai_model(backend, http)
        case ProviderName.COMPATIBLE:
            from ai_svc.modules.providers.protocols.openai import compatible_model  # noqa: PLC0415

            return compatible_model(backend, http)
        case ProviderName.ANTHROPIC:
            from ai_svc.modules.providers.protocols.anthropic import (  # noqa: PLC0415
                anthropic_model,
            )

            return anthropic_model(backend, http)
        case ProviderName.GOOGLE:
            from ai_svc.modules.providers.protocols.google import google_model  # noqa: PLC0415

            return google_model(backend, http)
