"""The applications that may ask for tokens, and where they may be sent back to."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

SPA_CLIENT_ID: Final = "cogep-spa"

# RFC 8252 §7.3: a native application (here the command line) listens on whichever port is free.
# Only the address literals: "localhost" may resolve to another interface.
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\]):([0-9]{1,5})/callback\Z", re.ASCII)
_HIGHEST_PORT: Final = 65535

# The application itself, and the "Authorize" button of the two API documentation pages.
_SPA_PATHS: Final = (
    "/",
    "/callback",
    "/silent-callback",
    "/api/docs/oauth2-redirect",
    "/api/ai/docs/oauth2-redirect",
)


@dataclass(frozen=True, slots=True)
class Client:
    """A public client: it proves itself with PKCE and its redirect URIs, never with a secret."""

    id: str
    name: str
    redirect_uris: frozenset[str]
    post_logout_redirect_uris: frozenset[str]
    loopback: bool = False

    def may_redirect_to(self, uri: str) -> bool:
        """Whether a code may be sent to this address: character for character (RFC 9700 §2.1)."""
        return uri in self.redirect_uris or (self.loopback and _is_loopback_callback(uri))

    def may_return_to(self, uri: str) -> bool:
        """Whether the browser may be sent to this address after logging out."""
        return uri in self.post_logout_redirect_uris


def single_page_app(origin: str, *, extra: tuple[str, ...] = ()) -> Client:
    """The application behind the gateway at `origin`, which the command line shares."""
    return Client(
        id=SPA_CLIENT_ID,
        name="COGEP Assist",
        redirect_uris=frozenset({*(origin + path for path in _SPA_PATHS), *extra}),
        post_logout_redirect_uris=frozenset(
            {origin, f"{origin}/", *(f"{_origin(uri)}/" for uri in extra)}
        ),
        loopback=True,
    )


def _is_loopback_callback(uri: str) -> bool:
    match = _LOOPBACK.match(uri)
    return match is not None and 0 < int(match.group(2)) <= _HIGHEST_PORT


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
