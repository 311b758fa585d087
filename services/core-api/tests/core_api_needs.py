"""What each operation of core-api asks of its caller: the one list of it in the repository.

Written out, so that a permission that changes by mistake is noticed. Who adds a route adds a line;
the permission matrix fails until they do, and calls the route as everybody.
"""

from types import MappingProxyType
from typing import Final

ANYBODY: Final = "a valid token"
OPEN: Final = "nothing"
INTERNAL: Final = "the key of another service"

NEEDS: Final = MappingProxyType(
    {
        "GET /me": ANYBODY,
        "GET /organization": "organization:read",
        "GET /members": "members:read",
        "POST /clients": "clients:write",
        "GET /clients": "clients:read",
        "GET /clients/search": "clients:read",
        "GET /clients/{client_id}": "clients:read",
        "PATCH /clients/{client_id}": "clients:write",
        "DELETE /clients/{client_id}": "clients:delete",
        "POST /tickets": "tickets:write",
        "GET /tickets": "tickets:read",
        "GET /tickets/search": "tickets:read",
        "GET /tickets/{ticket_id}": "tickets:read",
        "PATCH /tickets/{ticket_id}": "tickets:write",
        "POST /tickets/{ticket_id}/assign": "tickets:write",
        "POST /tickets/{ticket_id}/pend": "tickets:write",
        "POST /tickets/{ticket_id}/hold": "tickets:write",
        "POST /tickets/{ticket_id}/resolve": "tickets:write",
        "POST /tickets/{ticket_id}/close": "tickets:write",
        "POST /tickets/{ticket_id}/reopen": "tickets:write",
        "POST /tickets/{ticket_id}/messages": "tickets:write",
        "GET /tickets/{ticket_id}/messages": "tickets:read",
        "POST /consent-purposes": "purposes:write",
        "GET /consent-purposes": "consents:read",
        "GET /consent-purposes/{code}": "consents:read",
        "PATCH /consent-purposes/{code}": "purposes:write",
        "POST /consent-purposes/{code}/notices": "purposes:write",
        "GET /consent-purposes/{code}/notices": "consents:read",
        "POST /clients/{client_id}/consents": "consents:write",
        "GET /clients/{client_id}/consents": "consents:read",
        "GET /consents/{consent_id}": "consents:read",
        "POST /consents/{consent_id}/revoke": "consents:write",
        "GET /audit-events": "audit:read",
        "POST /internal/v1/maintenance/prune": INTERNAL,
    }
)
"""Operation (public paths without `/api/v1`) → its permissions, separated by spaces."""
