"""What each operation of core-api asks of its caller: the one list of it in the repository.

Written out, so that a permission that changes by mistake is noticed. Who adds a route adds a line;
the permission matrix fails until they do, and calls the route as everybody.
"""

from types import MappingProxyType
from typing import Final

ANYBODY: Final = "a valid token"
LINK: Final = "a signed link"
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
        "POST /clients/{client_id}/notes": "clients:write",
        "GET /clients/{client_id}/notes": "clients:read",
        "PATCH /clients/{client_id}/notes/{note_id}": "clients:write",
        "DELETE /clients/{client_id}/notes/{note_id}": "clients:write",
        "POST /clients/{client_id}/relations": "clients:write",
        "GET /clients/{client_id}/relations": "clients:read",
        "PATCH /clients/{client_id}/relations/{relation_id}": "clients:write",
        "DELETE /clients/{client_id}/relations/{relation_id}": "clients:write",
        "POST /custom-fields": "desk:configure",
        "GET /custom-fields": "clients:read",
        "PATCH /custom-fields/{field_id}": "desk:configure",
        "POST /custom-fields/{field_id}/archive": "desk:configure",
        "POST /custom-fields/{field_id}/restore": "desk:configure",
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
        "GET /tickets/{ticket_id}/messages/{message_id}": "tickets:read",
        "PATCH /tickets/{ticket_id}/messages/{message_id}": "tickets:write",
        "GET /tickets/{ticket_id}/messages/{message_id}/revisions": "tickets:read",
        "POST /tickets/{ticket_id}/messages/{message_id}/send": "tickets:write",
        "DELETE /tickets/{ticket_id}/messages/{message_id}": "tickets:write",
        "POST /tickets/{ticket_id}/attachments": "tickets:write",
        "GET /tickets/{ticket_id}/attachments": "tickets:read",
        "DELETE /tickets/{ticket_id}/attachments/{attachment_id}": "tickets:write",
        "POST /tickets/{ticket_id}/attachments/{attachment_id}/link": "tickets:read",
        "GET /attachments/{attachment_id}/download": LINK,
        "GET /tickets/{ticket_id}/presence": "tickets:read",
        "PUT /tickets/{ticket_id}/presence": "tickets:read",
        "DELETE /tickets/{ticket_id}/presence": "tickets:read",
        "POST /categories": "desk:configure",
        "GET /categories": "tickets:read",
        "GET /categories/{category_id}": "tickets:read",
        "PATCH /categories/{category_id}": "desk:configure",
        "POST /categories/{category_id}/archive": "desk:configure",
        "POST /categories/{category_id}/restore": "desk:configure",
        "GET /desk-settings": "tickets:read",
        "PATCH /desk-settings": "desk:configure",
        "POST /teams": "desk:configure",
        "GET /teams": "tickets:read",
        "GET /teams/{team_id}": "tickets:read",
        "PATCH /teams/{team_id}": "desk:configure",
        "DELETE /teams/{team_id}": "desk:configure",
        "GET /teams/{team_id}/members": "tickets:read",
        "PUT /teams/{team_id}/members/{member_id}": "desk:configure",
        "DELETE /teams/{team_id}/members/{member_id}": "desk:configure",
        "PUT /me/availability": "tickets:write",
        "GET /attendants/{member_id}": "tickets:read",
        "PUT /attendants/{member_id}/skills": "desk:configure",
        "GET /absences": "tickets:read",
        "POST /absences": "tickets:write",
        "DELETE /absences/{absence_id}": "tickets:write",
        "GET /skill-rules": "tickets:read",
        "POST /skill-rules": "desk:configure",
        "PATCH /skill-rules/{rule_id}": "desk:configure",
        "DELETE /skill-rules/{rule_id}": "desk:configure",
        "POST /views": "tickets:read",
        "GET /views": "tickets:read",
        "GET /views/counts": "tickets:read",
        "PUT /views/default": "tickets:read",
        "GET /views/{view_id}": "tickets:read",
        "PATCH /views/{view_id}": "tickets:read",
        "DELETE /views/{view_id}": "tickets:read",
        "GET /views/{view_id}/tickets": "tickets:read",
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
        "POST /internal/v1/assignment/sweep": INTERNAL,
    }
)
"""Operation (public paths without `/api/v1`) → its permissions, separated by spaces."""

RESERVED: Final = MappingProxyType(
    {
        "PATCH /tickets/{ticket_id}/messages/{message_id}": "MESSAGE_NOT_YOURS",
    }
)
"""Operations that refuse some who hold the permission, for what is others', and with which code."""
