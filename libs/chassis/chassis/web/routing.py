"""The route every endpoint becomes: strangers are turned away before their body is read."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response

from chassis.security.authentication import Guard, is_guard
from chassis.web.request_body import check_body

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ServiceRoute(APIRoute):
    """Runs the route's guards, then looks at the body, then does what FastAPI does.

    FastAPI reads and parses the body before it solves a dependency: without this anybody could make us spool an
    upload to disk, and a malformed body from a stranger would be answered 422 instead of 401.
    """

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        guards = guards_of(self.dependant)
        body = self.body_field
        takes_form = body is not None and isinstance(body.field_info, params.Form)
        takes_json = body is not None and not takes_form

        async def handle_guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            if takes_json:
                await check_body(request)
            return await handle(request)

        return handle_guarded


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
) -> None:
    """Copies the routes of the routers onto `target`, flat.

    `include_router` keeps a tree that FastAPI walks twice per request; the flat list is matched once, and a
    route's own path is its whole template, which is what the metrics are labelled with.
    """
    extra = list(dependencies)
    for router in routers:
        for context in iter_route_contexts(router.routes):
            original = context.original_route
            if not isinstance(original, APIRoute):
                raise TypeError(f"{original!r} is not an API route")
            target.add_api_route(
                f"{prefix}{context.path}",
                context.endpoint,
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
                max_body_size=context.max_body_size,
                route_class_override=(
                    type(original) if isinstance(original, ServiceRoute) else ServiceRoute
                ),
            )
