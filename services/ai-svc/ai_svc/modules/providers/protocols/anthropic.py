"""Anthropic's messages."""

import httpx2
from anthropic import AsyncAnthropic
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from ai_svc.provider_settings import Backend


def anthropic_model(backend: Backend, http: httpx2.AsyncClient) -> Model:
    """Through the official client, which does not retry."""
    client = AsyncAnthropic(
        api_key=backend.api_key.get_secret_value(),
        base_url=backend.base_url,
        max_retries=0,
        http_client=http,
    )
    return AnthropicModel(backend.model, provider=AnthropicProvider(anthropic_client=client))
