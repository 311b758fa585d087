"""Upstreams that say what reached them, behind a real Traefik with the repository's own rules."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from devstack.ports import free_port
from devstack.servers.traefik import TraefikServer

DIES = 0  # in place of a status: the connection ends without an answer


@dataclass
class Upstream:
    """One replica of a service. Answers 200 with the request it saw; `statuses` changes that.

    A request that accepts server-sent events is told the same as one event.
    """

    name: str
    port: int
    statuses: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                while length > 0:
                    length -= len(self.rfile.read(min(length, 65536)))
                upstream.answer(self)

            def log_message(self, *_: object) -> None:
                return

        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Tell the caller what arrived here."""
        path = request.path.split("?")[0]
        if path != "/health":
            self.seen.append(f"{request.command} {path}")
        if self.statuses.get(path) == DIES:
            request.close_connection = True
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        content = {"service": self.name, "path": request.path, "headers": headers}
        body = json.dumps(content).encode()
        streams = headers.get("accept") == "text/event-stream"
        request.send_response(self.statuses.get(path, 200))
        request.send_header("X-Frame-Options", "SAMEORIGIN")
        if streams:
            body = b"data: " + body + b"\n\n"
            request.send_header("Content-Type", "text/event-stream")
            request.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def stop(self) -> None:
        """Close the listening socket."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class Gateway:
    """Traefik and what stands behind it."""

    url: str
    port: int
    core_api: Upstream
    core_api_2: Upstream
    ai_svc: Upstream
    server: TraefikServer


@contextmanager
def running_gateway(folder: Path, *, ready: bool = True, **variables: str) -> Iterator[Gateway]:
    """Two replicas of core-api, one ai-svc, and the gateway in front of them."""
    core, second = Upstream("core-api", free_port()), Upstream("core-api", free_port())
    ai = Upstream("ai-svc", free_port())
    upstreams = (core, second, ai)
    for upstream in upstreams:
        upstream.statuses = {"/nothing-here": 404, "/gateway-errors/503": 503}
        upstream.start()
    port = free_port()
    settings = {
        "GATEWAY_CORE_API_URLS": f"{core.url},{second.url}",
        "GATEWAY_AI_SVC_URLS": ai.url,
        "GATEWAY_OIDC_URL": ai.url,
        "RATE_LIMIT_ENABLED": "false",
        **variables,
    }
    log = folder / "gateway.log"
    server = TraefikServer(port, free_port(), folder, log, variables=settings)
    try:
        server.start()
        if ready:
            server.wait_until_ready(20)
        for upstream in upstreams:
            upstream.seen.clear()
        yield Gateway(f"http://127.0.0.1:{port}", port, core, second, ai, server)
    finally:
        server.stop()
        for upstream in upstreams:
            upstream.stop()
