"""How a request is executed: what the context that can do it offers (LGPD Art. 18).

`core_api.privacy_executors` joins them; a request is handed to the one for its type, in the
transaction of who executes it, locked, its identity checked as the policy asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.kinds import AnswerForm, RequestStatus, RequestType
from core_api.modules.privacy.models import PrivacyRequest
from shared_schemas.actor import Actor

__all__ = [
    "AnswerForm",
    "Executor",
    "PrivacyRequest",
    "RequestStatus",
    "RequestType",
    "Started",
]


@dataclass(frozen=True, slots=True)
class Started:
    """What has come of it: all, or the rest calls `privacy.service.complete` later."""

    done: bool
    receipt: Mapping[str, Any] | None = None
    """What was done, without personal data: ids, enumerations, times and counts."""


class Executor(Protocol):
    """Does what requests of some types ask for."""

    @property
    def types(self) -> frozenset[RequestType]:
        """Which ones."""

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """Joins the caller's transaction; no network. A DomainError leaves everything as it was."""
