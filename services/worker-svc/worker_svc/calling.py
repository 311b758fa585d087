"""How this service calls the others, and reads why they refuse."""

from typing import cast

import httpx
from pydantic import BaseModel, ValidationError

from chassis.http.service_client import ServiceClient
from chassis.web.resources import Resources
from worker_svc.settings import WorkerAppSettings


def caller_of(resources: Resources, target: str, base_url: str) -> ServiceClient:
    """A client for one service, with this service's key."""
    settings = cast("WorkerAppSettings", resources.settings)
    return ServiceClient(
        target=target, base_url=base_url, source=resources.name, key=settings.internal_keys.key
    )


def core_api(resources: Resources) -> ServiceClient:
    """A client for the owner of imports and deliveries."""
    settings = cast("WorkerAppSettings", resources.settings)
    return caller_of(resources, "core-api", settings.services.core_api_url)


def code_of(answer: httpx.Response) -> str | None:
    """Which error an answer is; None for what is none of ours."""
    try:
        return _Refusal.model_validate_json(answer.content).code
    except ValidationError:
        return None


class _Refusal(BaseModel):
    """The part of an error that matters here."""

    code: str
