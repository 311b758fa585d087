"""Who is asking: the claims of a verified token, and the actor that use cases receive."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission, Role, permissions_of


class RealmAccess(BaseModel):
    """Keycloak's shape for realm roles. Roles of other products in the same realm are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    roles: tuple[str, ...] = ()


class TokenClaims(BaseModel):
    """The claims every service relies on, once signature, issuer, audience and times hold."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: UUID
    org_id: UUID
    org: str = Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")
    email: str = Field(min_length=3, max_length=254)
    name: str = Field(min_length=1, max_length=200)
    realm_access: RealmAccess = RealmAccess()
    exp: int

    @property
    def roles(self) -> frozenset[Role]:
        """The roles this product knows."""
        known = {role.value for role in Role}
        return frozenset(Role(role) for role in self.realm_access.roles if role in known)


@dataclass(frozen=True, slots=True)
class Actor:
    """The authenticated person of one request. Passed explicitly; never kept in a global."""

    organization_id: OrganizationId
    user_id: UserId
    roles: frozenset[Role]
    request_id: str
    permissions: frozenset[Permission] = field(default=frozenset())
    reason: str | None = None
    """Why, as the caller said it with the request; kept in the audit log of what it changes."""

    @classmethod
    def of(cls, claims: TokenClaims, request_id: str) -> "Actor":
        """The actor a verified token stands for."""
        return cls(
            organization_id=OrganizationId(claims.org_id),
            user_id=UserId(claims.sub),
            roles=claims.roles,
            request_id=request_id,
            permissions=permissions_of(claims.roles),
        )

    def may(self, permission: Permission) -> bool:
        """Whether one of the actor's roles holds the permission."""
        return permission in self.permissions

    def log_fields(self) -> dict[str, Any]:
        """What a log line may say about the actor: ids, never a name or an address."""
        return {"organization_id": str(self.organization_id), "user_id": str(self.user_id)}
