"""Google's generateContent."""

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider

from ai_svc.provider_settings import Backend


def google_model(backend: Backend, http: httpx2.AsyncClient) -> Model:
    """Through the official client, which does not retry unless it is told to."""
    provider = GoogleProvider(
        api_key=backend.api_key.get_secret_value(),
        base_url=backend.base_url,
        http_client=http,
    )
    return GoogleModel(backend.model, provider=provider)
