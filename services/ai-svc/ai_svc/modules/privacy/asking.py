"""Asking core-api what a person is known by, while their erasure is under way. Never written down,
never logged."""

from typing import Final
from uuid import UUID

import structlog

from ai_svc.modules.privacy.exceptions import CoreSilent
from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import KnownValues, KnownValuesQuery

_PATH: Final = "/internal/v1/erasures/known-values"
_SECONDS: Final = 5.0


async def known_values(
    core_api: ServiceClient, organization_id: OrganizationId, privacy_request_id: UUID
) -> KnownValues:
    """Nothing where no erasure is under way any more. Raises CoreSilent."""
    query = KnownValuesQuery(organization_id=organization_id, privacy_request_id=privacy_request_id)
    request_id = structlog.contextvars.get_contextvars().get("request_id", "erasure")
    try:
        answer = await core_api.request(
            "POST",
            _PATH,
            request_id=request_id,
            json=query.model_dump(mode="json"),
            timeout_seconds=_SECONDS,
        )
    except Unavailable:
        raise CoreSilent from None
    if answer.status_code != 200:
        raise CoreSilent
    return KnownValues.model_validate(answer.json()["data"])
