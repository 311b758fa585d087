"""Putting a service together: routes, layers, and what is opened at start and closed at the end."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from chassis.messaging.consumer import Subscription
from chassis.observability.logging import configure_logging
from chassis.observability.sentry import configure_sentry
from chassis.security.authentication import authenticate_service
from chassis.settings import Environment, ServiceAppSettings
from chassis.web.docs_page import DocsPage
from chassis.web.error_handlers import ErrorAnswers
from chassis.web.errors import DomainError
from chassis.web.gateway_errors import gateway_error_routes
from chassis.web.health import health_routes
from chassis.web.middleware.body_limit import Allowance, BodyLimit
from chassis.web.middleware.boundary import BoundaryMiddleware
from chassis.web.middleware.edge import EdgeMiddleware
from chassis.web.middleware.request_log import ROUTINE
from chassis.web.middleware.security_headers import page_headers, security_headers
from chassis.web.openapi import describe
from chassis.web.resources import AuthenticatedHook
from chassis.web.routing import RouteTable, lay_out
from chassis.web.startup import Background, OwnResources, Runtime

API_PREFIX: Final = "/api/v1"
INTERNAL_PREFIX: Final = "/internal/v1"

_CROSS_ORIGIN: Final[Mapping[str, Any]] = {
    "allow_methods": ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    "allow_headers": (
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "last-event-id",
        "tus-resumable",
        "upload-checksum",
        "upload-length",
        "upload-metadata",
        "upload-offset",
        "x-access-reason",
        "x-change-reason",
        "x-request-id",
    ),
    "expose_headers": (
        "content-location",
        "etag",
        "idempotency-replayed",
        "location",
        "retry-after",
        "tus-resumable",
        "upload-document-id",
        "upload-expires",
        "upload-length",
        "upload-offset",
        "x-request-id",
    ),
    "max_age": 600,
}
"""What a listed origin may send and read. No cookies: the access token travels in its header."""


class ServiceApp(FastAPI):
    """FastAPI with our layers instead of its own: same order, fewer of them, our error body
    everywhere."""

    layers: Callable[[], ASGIApp]
    _describing = threading.Lock()

    def build_middleware_stack(self) -> ASGIApp:
        """Edge, then what was added with `add_middleware`, then the boundary around the routes."""
        return self.layers()

    def setup(self) -> None:
        """Puts our route to the schema before FastAPI's own, which builds it on the event loop."""
        self.add_route(str(self.openapi_url), self._answer_openapi, include_in_schema=False)
        super().setup()

    def openapi(self) -> dict[str, Any]:
        """The schema, with every error and the two ways to authenticate."""
        with self._describing:
            if self.openapi_schema is None:
                self.openapi_schema = describe(self, super().openapi())
            return self.openapi_schema

    def _answer_openapi(self, _: Request) -> Response:
        """Not `async`, so it runs in a thread: the first one takes up to a second."""
        return JSONResponse(self.openapi())


def create_service_app(
    *,
    name: str,
    title: str,
    settings: ServiceAppSettings,
    schema: str | None,
    routers: Sequence[APIRouter],
    internal_routers: Sequence[APIRouter] = (),
    conflicts: Mapping[str, type[DomainError]] | None = None,
    subscriptions: Sequence[Subscription[Any]] = (),
    on_authenticated: AuthenticatedHook | None = None,
    background: Sequence[Background] = (),
    own_resources: OwnResources | None = None,
    session_info: Mapping[str, Any] | None = None,
    relay: bool | None = None,
    migrations: Path | None = None,
    openapi_prefix: str = "/api",
) -> FastAPI:
    """The ASGI application of a service.

    `schema`: the PostgreSQL schema of `Resources.database`; its outbox is relayed unless `relay` is
    False. `conflicts`: constraint name → the domain error it stands for, also when it fires at
    commit. `on_authenticated`: see `AuthenticatedHook`. `background`: tasks that run as long as the
    service. `own_resources`: opens what only this service needs and puts it on `app.state`; closed
    before the shared ones. `session_info`: found in `info` of every tenant session. `migrations`:
    the service's alembic directory; /health/ready then checks its head.
    """
    configure_logging(settings.service, service=name)
    configure_sentry(settings.service, service=name)
    runtime = Runtime(
        name=name,
        settings=settings,
        schema=schema,
        relays=schema is not None and relay is not False,
        subscriptions=subscriptions,
        on_authenticated=on_authenticated,
        own_resources=own_resources,
        background=background,
        session_info=session_info or {},
    )
    app = _framework(title, settings, runtime, openapi_prefix)
    version = settings.service.version
    app.router.routes += health_routes(service=name, version=version, migrations=migrations)
    app.router.routes += gateway_error_routes()
    allowances = lay_out(app.router, routers, prefix=API_PREFIX)
    allowances += lay_out(
        app.router,
        internal_routers,
        prefix=INTERNAL_PREFIX,
        dependencies=[Depends(authenticate_service)],
        in_schema=False,
    )
    docs = DocsPage(title=title, prefix=openapi_prefix, openapi_url=str(app.openapi_url))
    app.router.routes += docs.routes()
    app.layers = _layers(app, settings, ErrorAnswers(conflicts or {}), allowances, docs)
    return app


def _framework(
    title: str, settings: ServiceAppSettings, runtime: Runtime, openapi_prefix: str
) -> ServiceApp:
    tracing = settings.service.otel_exporter_otlp_endpoint is not None
    return ServiceApp(
        title=title,
        version=settings.service.version,
        lifespan=runtime.lifespan,
        openapi_url=f"{openapi_prefix}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={
            "tracing": tracing,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "exclude": lambda scope: scope["path"] in ROUTINE,
        },
    )


def _layers(
    app: ServiceApp,
    settings: ServiceAppSettings,
    errors: ErrorAnswers,
    allowances: Sequence[Allowance],
    docs: DocsPage,
) -> Callable[[], ASGIApp]:
    service = settings.service
    https = service.environment in {Environment.STAGING, Environment.PRODUCTION}
    if service.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=service.cors_origins, **_CROSS_ORIGIN)

    def wrap() -> ASGIApp:
        wrapped: ASGIApp = BoundaryMiddleware(
            RouteTable(app.router),
            errors=errors,
            body_limit=BodyLimit(service.max_body_bytes, allowances),
            unaliased=docs.paths | {str(app.openapi_url)},
        )
        for layer, args, kwargs in reversed(app.user_middleware):
            wrapped = layer(wrapped, *args, **kwargs)
        return EdgeMiddleware(
            wrapped,
            errors=errors,
            headers=security_headers(https=https),
            headers_of={docs.path: page_headers(docs.policy, https=https)},
        )

    return wrap


def _operation_id(route: APIRoute) -> str:
    """The function's name: what client generators turn into a method name."""
    return route.name
