"""Putting a service together: routers, middleware, error handling, and what is opened at start and closed at the end."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from chassis.security.authentication import authenticate_service
from chassis.settings import ServiceAppSettings
from chassis.web.error_handlers import add_error_handlers
from chassis.web.errors import DomainError
from chassis.web.resources import AuthenticatedHook, Resources
from chassis.web.routing import lay_out
from chassis.web.startup import open_resources, run_background

if TYPE_CHECKING:
    from chassis.messaging.consumer import Subscription

API_PREFIX = "/api/v1"
INTERNAL_PREFIX = "/internal/v1"

Background = Callable[[Resources], Coroutine[Any, Any, None]]
OwnResources = Callable[[FastAPI, Resources], AbstractAsyncContextManager[None]]


def create_service_app(
    *,
    name: str,
    title: str,
    settings: ServiceAppSettings,
    schema: str | None,
    routers: Sequence[APIRouter],
    internal_routers: Sequence[APIRouter] = (),
    conflicts: Mapping[str, type[DomainError]] | None = None,
    subscriptions: "Sequence[Subscription[Any]]" = (),
    on_authenticated: AuthenticatedHook | None = None,
    background: Sequence[Background] = (),
    own_resources: OwnResources | None = None,
    relay: bool | None = None,
    migrations: Path | None = None,
    openapi_prefix: str = "/api",
) -> FastAPI:
    """The ASGI application of a service.

    `schema`: the PostgreSQL schema of `Resources.database`; its outbox is relayed unless `relay` is False.
    `conflicts`: constraint name → the domain error it stands for, also when the constraint fires at commit.
    `on_authenticated`: see `AuthenticatedHook`. `background`: tasks that run as long as the service does.
    `own_resources`: opens what only this service needs and puts it on `app.state`; closed before the shared ones.
    `migrations`: the service's alembic directory; /health/ready then also checks that its head is applied.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            resources = await open_resources(
                stack,
                name=name,
                settings=settings,
                schema=schema,
                on_authenticated=on_authenticated,
            )
            app.state.resources = resources
            if own_resources is not None:
                await stack.enter_async_context(own_resources(app, resources))
            relayed = schema if relay is not False else None
            await run_background(
                stack, resources, relayed=relayed, subscriptions=subscriptions, tasks=background
            )
            yield

    app = FastAPI(
        title=title,
        version=settings.service.version,
        lifespan=lifespan,
        openapi_url=f"{openapi_prefix}/openapi.json",
        docs_url=f"{openapi_prefix}/docs",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    lay_out(app.router, routers, prefix=API_PREFIX)
    lay_out(
        app.router,
        internal_routers,
        prefix=INTERNAL_PREFIX,
        dependencies=[Depends(authenticate_service)],
        in_schema=False,
    )
    add_error_handlers(app, conflicts or {})
    return app


def _operation_id(route: APIRoute) -> str:
    """The function's name: what client generators turn into a method name."""
    return route.name
