"""Who may hear of what: by the noun of the event, whose permission to read one must hold.

Documents are not among them: each has a list of who may read it, which ai-svc keeps and heeds when
it tells of them itself.
"""

from types import MappingProxyType
from typing import Final

from shared_schemas.events import EVENT_TYPES
from shared_schemas.permissions import Permission

PRESENCE: Final = Permission.TICKETS_READ

_OF_NOUN: Final = MappingProxyType(
    {
        "client": Permission.CLIENTS_READ,
        "ticket": Permission.TICKETS_READ,
        "sla": Permission.TICKETS_READ,
        "consent": Permission.CONSENTS_READ,
        "privacy": Permission.PRIVACY_READ,
        "client_import": Permission.CLIENTS_IMPORT,
    }
)


def permission_for(event_type: str) -> Permission | None:
    """What one must hold to hear of it; None: nobody does."""
    return _OF_NOUN.get(event_type.partition(".")[0])


LIVE_TYPES: Final = tuple(
    sorted({kind for kind, _ in EVENT_TYPES if permission_for(kind) is not None})
)
"""Every type somebody may hear of."""
