"""Where parts lie in the object storage, and getting rid of them."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from chassis.messaging.endurance import describe
from shared_schemas.ids import OrganizationId, new_id

_log = structlog.get_logger(__name__)


def folder(organization_id: UUID | str) -> str:
    """Where the parts of all uploads of an organization lie."""
    return f"{organization_id}/uploads/"


def prefix_of(organization_id: UUID, upload_id: UUID) -> str:
    """Where the parts of one upload lie."""
    return f"{folder(organization_id)}{upload_id}/"


def part_key(organization_id: OrganizationId, upload_id: UUID) -> str:
    """A key nobody else writes to."""
    return f"{prefix_of(organization_id, upload_id)}{new_id()}"


def owner_of(key: str) -> UUID | None:
    """The upload a key belongs to; None for what is not ours."""
    try:
        return UUID(key.split("/")[2])
    except (IndexError, ValueError):
        return None


async def drop(storage: ObjectStorage, keys: Sequence[str]) -> None:
    """Deletes parts; what cannot be deleted now is found by the sweep."""
    try:
        for key in keys:
            await storage.delete(key)
    except STORAGE_FAILURES as error:
        _log.warning("parts_left_for_the_sweep", error=describe(error))


async def drop_prefix(storage: ObjectStorage, prefix: str) -> None:
    """The same, of a whole upload or document."""
    try:
        await storage.delete_prefix(prefix)
    except STORAGE_FAILURES as error:
        _log.warning("parts_left_for_the_sweep", error=describe(error))
