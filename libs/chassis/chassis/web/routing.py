"""The route every endpoint becomes: strangers are turned away before their body is read."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter, iter_route_contexts
from starlette.convertors import PathConvertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from chassis.security.authentication import Guard, authenticate_service, is_guard
from chassis.web.errors import Unauthenticated
from chassis.web.middleware.body_limit import Allowance
from chassis.web.plan import Plan
from chassis.web.request_body import check_json_body

if TYPE_CHECKING:
    from chassis.web.resources import Resources

_TRACED: Final = "fastapi.telemetry"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_Key = tuple[str, int, str, str]


class ServiceRoute(APIRoute):
    """Runs the route's guards and the caller's limit, looks at the body, then does what FastAPI
    does.

    FastAPI reads and parses the body before it solves a dependency: without this anybody could make
    us spool an upload to disk, and a stranger's malformed body would be answered 422 instead of
    401.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guards = guards_of(self.dependant)
        self._from_people = authenticate_service not in self._guards
        self._plan = Plan.of(self)
        self._planned = self.wrapped(self._plan.answer) if self._plan is not None else None
        self._fastapi_app = self.app
        self.app = self._handle

    def get_route_handler(self) -> Handler:
        """The handler, wrapped. FastAPI calls it once, while the route is made."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, params.Form
        )
        if not takes_json:
            return self.wrapped(handle)

        async def handle_json(request: Request) -> Response:
            await check_json_body(request)
            return await handle(request)

        return self.wrapped(handle_json)

    def wrapped(self, handle: Handler) -> Handler:
        """The handler with what a kind of route does around it."""
        return handle

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        if self._from_people:
            await _admit(request, self._guards)
        else:
            await _run(self._guards, request)
        if self._plan is not None and self._planned is not None and self._plan.applies:
            response = await self._plan.run(request, self._planned)
            await response(scope, receive, send)
            return
        async with AsyncExitStack() as uploads:
            scope["fastapi_middleware_astack"] = uploads
            await self._fastapi_app(scope, receive, send)


async def _admit(request: Request, guards: Sequence[Guard]) -> None:
    """Guards, then the default limit. Failed attempts to get in count against the address."""
    resources: Resources = request.app.state.resources
    limiter = resources.limiter
    try:
        await _run(guards, request)
    except Unauthenticated:
        await limiter.check(request.scope, limiter.default, "unauthenticated")
        raise
    # Per service: who follows an upload's progress can still register clients.
    await limiter.check(request.scope, limiter.default, resources.name)


async def _run(guards: Sequence[Guard], request: Request) -> None:
    for guard in guards:
        await guard(request)


class PlainRoute(Route):
    """Starlette's, which says who it is as FastAPI's do: whoever logs and counts asks for it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's, and the route itself."""
        match, found = super().matches(scope)
        return match, {**found, "route": self}


class RouteTable:
    """Finds a route by method, number of segments and the collection's name; the router does the
    rest.

    The router tries one pattern after the other, which costs more than everything else a service
    with fifty routes does before the endpoint. A route whose parameter swallows slashes stands in
    every line it may match in. Whatever the table does not know (404, 405, documentation) goes the
    router's way.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        routes = [route for route in router.routes if isinstance(route, Route)]
        keys = {
            _key(method, route.path)
            for route in routes
            if _can_be_indexed(route)
            for method in route.methods or ()
        }
        self._routes = {key: [route for route in routes if _may_match(route, key)] for key in keys}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles the request."""
        # Traced requests go the router's way: FastAPI names their span after the route there.
        if scope["type"] == "http" and not scope.get("root_path") and _TRACED not in scope:
            path: str = scope["path"]
            for route in self._routes.get(_key(scope["method"], path), ()):
                match = route.path_regex.match(path)
                if match is not None:
                    scope["path_params"] = {
                        name: route.param_convertors[name].convert(value)
                        for name, value in match.groupdict().items()
                    }
                    scope["endpoint"] = route.endpoint
                    scope["route"] = route
                    scope["router"] = self._router
                    await route.app(scope, receive, send)
                    return
        await self._router(scope, receive, send)


def _may_match(route: Route, key: _Key) -> bool:
    """Whether the route may be the one for a request with that key."""
    method = key[0]
    if method not in (route.methods or ()):
        return False
    return not _can_be_indexed(route) or _key(method, route.path) == key


def _key(method: str, path: str) -> _Key:
    """`/api/v1/clients/7` → (GET, 5, api, clients)."""
    segments = path.split("/", 4)
    return (
        method,
        path.count("/"),
        segments[1] if len(segments) > 1 else "",
        segments[3] if len(segments) > 3 else "",
    )


def _can_be_indexed(route: Route) -> bool:
    """Whether the parts of the key are literal, and no parameter swallows slashes."""
    literal = "{" not in "/".join(route.path.split("/")[:4])
    return literal and not any(
        isinstance(convertor, PathConvertor) for convertor in route.param_convertors.values()
    )


def guards_of(dependant: Dependant) -> list[Guard]:
    """The guards anywhere among the dependencies of a route, outermost first, each once."""
    found: dict[Any, None] = {}
    for dependency in dependant.dependencies:
        if is_guard(dependency.call):
            found[dependency.call] = None
        found.update(dict.fromkeys(guards_of(dependency)))
    return list(found)


def calls_of(dependant: Dependant) -> set[Any]:
    """Everything a route depends on, directly or not."""
    found: set[Any] = set()
    for dependency in dependant.dependencies:
        found.add(dependency.call)
        found |= calls_of(dependency)
    return found


def lay_out(
    target: APIRouter,
    routers: Iterable[APIRouter],
    *,
    prefix: str,
    dependencies: Iterable[params.Depends] = (),
    in_schema: bool = True,
) -> list[Allowance]:
    """Copies the routes of the routers onto `target`, flat.

    `include_router` keeps a tree that FastAPI walks twice per request; the flat list is matched
    once, and a route's own path is its whole template, which is what the metrics are labelled with.
    Returns the routes that allow larger bodies than the default: our boundary enforces that.
    """
    extra = list(dependencies)
    allowances: list[Allowance] = []
    for router in routers:
        for context in iter_route_contexts(router.routes):
            original, endpoint = context.original_route, context.endpoint
            if not isinstance(original, APIRoute) or endpoint is None:
                raise TypeError(f"{original!r} is not an API route")
            target.add_api_route(
                f"{prefix}{context.path}",
                endpoint,
                response_model=context.response_model,
                status_code=context.status_code,
                tags=context.tags,
                dependencies=[*extra, *context.dependencies],
                summary=context.summary,
                description=context.description,
                response_description=context.response_description,
                responses=context.responses,
                deprecated=context.deprecated,
                methods=list(context.methods or ()),
                operation_id=context.operation_id,
                response_model_include=context.response_model_include,
                response_model_exclude=context.response_model_exclude,
                response_model_by_alias=context.response_model_by_alias,
                response_model_exclude_unset=context.response_model_exclude_unset,
                response_model_exclude_defaults=context.response_model_exclude_defaults,
                response_model_exclude_none=context.response_model_exclude_none,
                include_in_schema=in_schema and context.include_in_schema,
                response_class=context.response_class,
                name=context.name,
                openapi_extra=context.openapi_extra,
                route_class_override=(
                    type(original) if isinstance(original, ServiceRoute) else ServiceRoute
                ),
            )
            if context.max_body_size is not None:
                allowances.append(_allowance(target.routes[-1], context.max_body_size))
    return allowances


def _allowance(route: BaseRoute, maximum_bytes: int) -> Allowance:
    if not isinstance(route, APIRoute):
        raise TypeError(f"{route!r} is not an API route")
    return Allowance(
        path=route.path_regex, methods=frozenset(route.methods or ()), maximum_bytes=maximum_bytes
    )
