"""Error reports, when SENTRY_DSN is set: the stack, never request bodies, local variables or
people."""

import sentry_sdk
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration

from chassis.settings import ServiceSettings


def configure_sentry(settings: ServiceSettings, *, service: str) -> None:
    """Sends unhandled errors to Sentry; does nothing without a DSN."""
    if settings.sentry_dsn is None:
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment.value,
        release=f"{service}@{settings.version}",
        server_name=service,
        # Personal data is not sent by default; what may still carry it is switched off by name.
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # Nothing patches itself into the framework: errors are reported where they are answered.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[DedupeIntegration(), ExcepthookIntegration()],
    )


def report(error: BaseException) -> None:
    """Reports an error nobody expected."""
    if sentry_sdk.is_initialized():
        sentry_sdk.capture_exception(error)
