"""The official clients behind pydantic-ai's models: one per provider that was configured.

None of them retries or gives up by itself: attempts are counted, paid for and timed here.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.models import Model, create_async_httpx2_client
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from ai_svc.provider_settings import Backend, ProviderName, ProviderSettings
from chassis.http.circuit_breaker import CircuitBreaker

_CONNECT_SECONDS: Final = 3.0
_LIMITS: Final = httpx2.Limits(max_connections=100, max_keepalive_connections=20)
# A stream whose connection ends well-formed but without a reason was cut by somebody in between.
_WHOLE_STREAMS: Final = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
# What every server of this protocol takes; the newer name only OpenAI's own.
_COMPATIBLE: Final = OpenAIModelProfile(
    openai_chat_streaming_requires_finish_reason=True,
    openai_chat_supports_max_completion_tokens=False,
)
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
    match backend.name:
        case ProviderName.OPENAI:
            ours = OpenAIProvider(openai_client=_openai_client(backend, http))
            return OpenAIChatModel(backend.model, provider=ours, profile=_WHOLE_STREAMS)
        case ProviderName.COMPATIBLE:
            other = OpenAICompatibleProvider(
                backend.recipient.code, openai_client=_openai_client(backend, http)
            )
            return OpenAIChatModel(backend.model, provider=other, profile=_COMPATIBLE)
        case ProviderName.ANTHROPIC:
            client = AsyncAnthropic(
                api_key=backend.api_key.get_secret_value(),
                base_url=backend.base_url,
                max_retries=0,
                http_client=http,
            )
            return AnthropicModel(
                backend.model, provider=AnthropicProvider(anthropic_client=client)
            )
        case ProviderName.GOOGLE:
            provider = GoogleProvider(
                api_key=backend.api_key.get_secret_value(),
                base_url=backend.base_url,
                http_client=http,
            )
            return GoogleModel(backend.model, provider=provider)


def _openai_client(backend: Backend, http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=backend.api_key.get_secret_value(),
        base_url=backend.base_url,
        max_retries=0,
        http_client=http,
    )
