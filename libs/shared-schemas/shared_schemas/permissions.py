"""Who may do what: the one table from roles to permissions. Routers never ask for roles."""

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """The roles an OpenID provider may put into `realm_access.roles`."""

    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"
    DPO = "dpo"


class Permission(StrEnum):
    """`resource:verb`. A new permission is added here and to the roles that hold it."""

    ORGANIZATION_READ = "organization:read"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    CLIENTS_READ = "clients:read"
    CLIENTS_WRITE = "clients:write"
    CLIENTS_DELETE = "clients:delete"
    CLIENTS_CONTACT = "clients:contact"
    CLIENTS_REVEAL = "clients:reveal"
    CLIENTS_MERGE = "clients:merge"
    CLIENTS_IMPORT = "clients:import"
    CLIENTS_EXPORT = "clients:export"
    TICKETS_READ = "tickets:read"
    TICKETS_CONTENT = "tickets:content"
    TICKETS_WRITE = "tickets:write"
    DESK_CONFIGURE = "desk:configure"
    REPORTS_READ = "reports:read"
    CONSENTS_READ = "consents:read"
    CONSENTS_WRITE = "consents:write"
    PURPOSES_WRITE = "purposes:write"
    PRIVACY_READ = "privacy:read"
    PRIVACY_EXECUTE = "privacy:execute"
    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    DECISIONS_CONTEST = "decisions:contest"
    AUDIT_READ = "audit:read"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    DOCUMENTS_DELETE = "documents:delete"
    DOCUMENTS_CURATE = "documents:curate"
    SOURCES_CONFIGURE = "sources:configure"
    RAG_ASK = "rag:ask"
    CHAT_USE = "chat:use"
    USAGE_READ = "usage:read"
    ASSISTANT_CONFIGURE = "assistant:configure"


_READ: Final = frozenset(
    {
        Permission.ORGANIZATION_READ,
        Permission.MEMBERS_READ,
        Permission.CLIENTS_READ,
        Permission.TICKETS_READ,
        Permission.CONSENTS_READ,
        Permission.DOCUMENTS_READ,
        Permission.RAG_ASK,
        Permission.CHAT_USE,
    }
)
_WORK: Final = _READ | {
    Permission.CLIENTS_CONTACT,
    Permission.CLIENTS_MERGE,
    Permission.CLIENTS_WRITE,
    Permission.TICKETS_CONTENT,
    Permission.TICKETS_WRITE,
    Permission.CONSENTS_WRITE,
    Permission.DECISIONS_CONTEST,
    Permission.DOCUMENTS_WRITE,
    Permission.DOCUMENTS_CURATE,
}

ROLE_PERMISSIONS: Final = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.AGENT: _WORK,
        Role.VIEWER: _READ | {Permission.TICKETS_CONTENT, Permission.REPORTS_READ},
        # Not what tickets say: that only for a reason (see core-api's tickets/contents.py).
        Role.DPO: _READ
        | {
            Permission.REPORTS_READ,
            Permission.CLIENTS_CONTACT,
            Permission.CLIENTS_EXPORT,
            Permission.CONSENTS_WRITE,
            Permission.PURPOSES_WRITE,
            Permission.PRIVACY_READ,
            Permission.PRIVACY_EXECUTE,
            Permission.INCIDENTS_READ,
            Permission.INCIDENTS_WRITE,
            Permission.DECISIONS_CONTEST,
            Permission.AUDIT_READ,
            Permission.CLIENTS_REVEAL,
            Permission.USAGE_READ,
        },
    }
)


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything the given roles may do together."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))
