"""Who acts when nobody does: what happens by itself, because it is time."""

from typing import cast

from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId


def nobody(organization_id: OrganizationId, request_id: str) -> Actor:
    """Without a person, roles or permissions; audit rows and events then name no actor.

    Only for use cases that write nobody's name into a row.
    """
    return Actor(
        organization_id=organization_id,
        user_id=cast("UserId", None),
        roles=frozenset(),
        request_id=request_id,
    )
