"""OpenAI's chat completions, and every server that speaks them."""

from typing import Final

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from ai_svc.provider_settings import Backend

# A stream that ends well-formed but without a reason was cut by somebody in between.
_WHOLE_STREAMS: Final = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
# What every server of this protocol takes; the newer name only OpenAI's own.
_COMPATIBLE: Final = OpenAIModelProfile(
    openai_chat_streaming_requires_finish_reason=True,
    openai_chat_supports_max_completion_tokens=False,
)


def openai_model(backend: Backend, http: httpx2.AsyncClient) -> Model:
    """OpenAI itself."""
    provider = OpenAIProvider(openai_client=_client(backend, http))
    return OpenAIChatModel(backend.model, provider=provider, profile=_WHOLE_STREAMS)


def compatible_model(backend: Backend, http: httpx2.AsyncClient) -> Model:
    """Any other server."""
    provider = OpenAICompatibleProvider(
        backend.recipient.code, openai_client=_client(backend, http)
    )
    return OpenAIChatModel(backend.model, provider=provider, profile=_COMPATIBLE)


def _client(backend: Backend, http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=backend.api_key.get_secret_value(),
        base_url=backend.base_url,
        max_retries=0,
        http_client=http,
    )
