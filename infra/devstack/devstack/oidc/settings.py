"""What the provider needs to know, read once; it refuses to run outside development."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devstack.errors import DevstackError
from devstack.oidc.clients import Client, single_page_app

_ENVIRONMENTS: Final = ("development", "test")


class ProviderRefused(DevstackError):
    """The provider must not, or cannot, run with these settings."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Issuer, audience and lifetimes. Lifetimes equal those of the Keycloak realm."""

    issuer: str
    audience: str
    state_dir: Path
    clients: Mapping[str, Client]
    allowed_origins: tuple[str, ...]
    limit_logins: bool = True
    code_lifetime: timedelta = timedelta(seconds=60)
    access_token_lifetime: timedelta = timedelta(minutes=15)
    refresh_token_lifetime: timedelta = timedelta(hours=8)
    session_lifetime: timedelta = timedelta(hours=10)
    login_page_lifetime: timedelta = timedelta(minutes=30)

    @property
    def prefix(self) -> str:
        """The path of the issuer: every endpoint lives below it, as it does behind the gateway."""
        return urlsplit(self.issuer).path

    @property
    def application_url(self) -> str:
        """Where the pages of the provider send people who have nowhere else to go."""
        return f"{origin_of(self.issuer)}/"

    def endpoint(self, path: str) -> str:
        """The public address of an endpoint: built from the issuer, never from a Host header."""
        return f"{self.issuer}/{path}"


def settings_from(environ: Mapping[str, str]) -> ProviderSettings:
    """Read the settings.

    ENVIRONMENT, OIDC_ISSUER, OIDC_AUDIENCE, CORS_ORIGINS and RATE_LIMIT_ENABLED mean what they
    mean to the services. COGEP_STATE_DIR is the folder for keys and grants; OIDC_REDIRECT_URIS
    adds exact redirect URIs (comma list).

    Raises:
        ProviderRefused: for an environment that is not development, or a malformed issuer.
    """
    environment = environ.get("ENVIRONMENT", "development")
    if environment not in _ENVIRONMENTS:
        raise ProviderRefused(
            f"The development OpenID provider does not run with ENVIRONMENT={environment}: "
            "everybody knows its passwords. Point OIDC_ISSUER to Keycloak instead."
        )
    issuer = _issuer(environ.get("OIDC_ISSUER", "http://localhost:8080/auth"))
    origin = origin_of(issuer)
    client = single_page_app(origin, extra=_comma_list(environ.get("OIDC_REDIRECT_URIS", "")))
    return ProviderSettings(
        issuer=issuer,
        audience=environ.get("OIDC_AUDIENCE", "cogep-api"),
        state_dir=Path(environ.get("COGEP_STATE_DIR", ".cogep")) / "oidc",
        clients={client.id: client},
        allowed_origins=(origin, *_comma_list(environ.get("CORS_ORIGINS", ""))),
        limit_logins=environ.get("RATE_LIMIT_ENABLED", "true").lower() not in ("false", "0", "no"),
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ProviderRefused(f"OIDC_ISSUER is not an http address without a query: {value!r}")
    if len(parts.path) < 2 or value.endswith("/"):
        raise ProviderRefused(f"OIDC_ISSUER needs a path and no slash at its end: {value!r}")
    return value


def _comma_list(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())
