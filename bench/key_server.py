"""The part of an OpenID provider a service under load talks to: its keys, served from a thread."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devstack.token_factory import TokenFactory

_HOURS_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """Signs the tokens of the bench, and says where a service finds the keys."""

    tokens: TokenFactory
    jwks_url: str

    def token(self, person: str = "ana") -> str:
        """A token that outlasts any bench."""
        claims = self.tokens.claims(person)
        return self.tokens.sign(claims | {"exp": claims["iat"] + _HOURS_SECONDS})

    def environment(self) -> dict[str, str]:
        """What a service needs to believe the tokens."""
        return {
            "OIDC_ISSUER": self.tokens.issuer,
            "OIDC_AUDIENCE": self.tokens.audience,
            "OIDC_JWKS_URL": self.jwks_url,
        }


@contextmanager
def running_identity() -> Iterator[Identity]:
    """Serve the keys on a free port of the loopback interface."""
    tokens = TokenFactory()
    document = json.dumps(tokens.jwks()).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Nothing: the table is the output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Identity(tokens, f"http://127.0.0.1:{server.server_port}/jwks.json")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
