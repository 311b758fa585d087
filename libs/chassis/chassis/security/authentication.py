"""From the headers of a request to the actor behind it. The only place that builds an `Actor` from
a token.

`CurrentActor` is any authenticated person; `require(...)` one whose roles hold the permissions;
`InternalCaller` another service of ours. All of them are *guards*: routes run them before they read
the body, so that a stranger cannot make us parse one, and answers 401 or 403 before any 422.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from fastapi import Depends
from pydantic import SecretStr
from starlette.requests import Request

from chassis.security.change_reason import change_reason
from chassis.web.errors import Forbidden, Unauthenticated
from chassis.web.middleware.request_id import request_id_of
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

if TYPE_CHECKING:
    from chassis.web.resources import Resources

_ACTOR: Final = "cogep.actor"
_CALLER: Final = "cogep.caller"
_ANNOUNCED_FOR_SECONDS: Final = 60.0


async def authenticate(request: Request) -> Actor:
    """The person whose access token came with the request; `Unauthenticated` without a valid
    one."""
    scope = request.scope
    actor = scope.get(_ACTOR)
    if actor is not None:
        return actor  # type: ignore[no-any-return]  # only this function writes the key
    token = _bearer_token(scope)
    if token is None:
        raise Unauthenticated
    resources: Resources = scope["app"].state.resources
    verified = await resources.tokens.verified(token)
    actor = Actor(
        organization_id=verified.organization_id,
        user_id=verified.user_id,
        roles=verified.roles,
        request_id=request_id_of(scope),
        permissions=verified.permissions,
        reason=change_reason(scope),
    )
    if resources.on_authenticated is not None and monotonic() >= verified.announced_until:
        await resources.on_authenticated(resources, verified.claims, actor)
        verified.announced_until = monotonic() + _ANNOUNCED_FOR_SECONDS
    scope[_ACTOR] = actor
    return actor


CurrentActor = Annotated[Actor, Depends(authenticate)]
"""Any authenticated person."""


async def session_end(request: Request) -> float:
    """When the request's access token ends, in seconds since the epoch: for what outlives a
    request. `Unauthenticated` without a valid one."""
    token = _bearer_token(request.scope)
    if token is None:
        raise Unauthenticated
    resources: Resources = request.app.state.resources
    return (await resources.tokens.verified(token)).expires_at


async def access_token(request: Request) -> SecretStr:
    """The request's own access token: for what is done with it at another service of ours, which
    checks it again. `Unauthenticated` without a valid one."""
    await authenticate(request)
    token = _bearer_token(request.scope)
    if token is None:
        raise Unauthenticated
    return SecretStr(token)


AccessToken = Annotated[SecretStr, Depends(access_token)]


class Requirement:
    """A guard that demands permissions. Made by `require`."""

    by_token: ClassVar[bool] = True
    """False for a guard that goes by something else, such as a signed link."""

    def __init__(self, permissions: frozenset[Permission]) -> None:
        self.permissions = permissions

    async def __call__(self, request: Request) -> Actor:
        actor = await authenticate(request)
        if not self.permissions <= actor.permissions:
            raise Forbidden
        return actor


def require(*permissions: Permission) -> Requirement:
    """A dependency: the actor, who holds all the permissions. `Annotated[Actor,
    Depends(require(...))]`."""
    return Requirement(frozenset(permissions))


@dataclass(frozen=True, slots=True)
class ServiceCaller:
    """Another service of ours; `actor` is the person on whose behalf it calls, when there is
    one."""

    service: str
    actor: Actor | None
    request_id: str


async def authenticate_service(request: Request) -> ServiceCaller:
    """The calling service, by `X-Source-Service` and `X-Internal-Key`; a user's token beside
    them is checked too."""
    scope = request.scope
    caller = scope.get(_CALLER)
    if caller is not None:
        return caller  # type: ignore[no-any-return]  # only this function writes the key
    resources: Resources = scope["app"].state.resources
    service = resources.internal_keys.authenticate(
        service=_header(scope, b"x-source-service"), key=_header(scope, b"x-internal-key")
    )
    if service is None:
        raise Unauthenticated
    actor = await authenticate(request) if _header(scope, b"authorization") else None
    caller = ServiceCaller(service=service, actor=actor, request_id=request_id_of(scope))
    scope[_CALLER] = caller
    return caller


InternalCaller = Annotated[ServiceCaller, Depends(authenticate_service)]
"""Another service. Only routers given as `internal_routers` may use it."""


Guard = Callable[[Request], Awaitable[object]]


def is_guard(call: object) -> bool:
    """Whether a dependency decides who may come in, and so must run before the body is read."""
    return call is authenticate or call is authenticate_service or isinstance(call, Requirement)


def actor_of(scope: MutableMapping[str, Any]) -> Actor | None:
    """The authenticated actor of the request, if authentication has happened."""
    return scope.get(_ACTOR)


def _bearer_token(scope: MutableMapping[str, Any]) -> str | None:
    header = _header(scope, b"authorization")
    if header is None or header[:7].lower() != "bearer ":
        return None
    return header[7:].strip() or None


def _header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    """The header's value; None when absent, or when sent twice (which of the two would be
    meant?)."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None
