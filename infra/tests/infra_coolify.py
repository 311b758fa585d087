"""Coolify's API, as far as a deployment needs it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from infra_files import serving

TOKEN = "the-token"


class Coolify:
    """Answers like Coolify's API; `statuses` are what a deployment says when asked."""

    def __init__(self, *statuses: str, public_status: int = 200) -> None:
        self.statuses = list(statuses)
        self.public_status = public_status
        self.calls: list[str] = []
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, Any]]:
        if request.path == "/api/openapi.json":
            return self.public_status, {}
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Unauthenticated."}
        self.calls.append(f"{request.command} {request.path}")
        if request.command == "POST":
            return 200, {"deployments": [{"deployment_uuid": "d1", "message": "queued"}]}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return 200, {"status": status}

    @contextmanager
    def running(self) -> Iterator["Coolify"]:
        """Listen; `url` is where."""
        coolify = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = coolify.answer(self)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            do_POST = do_GET  # noqa: N815 - the name http.server looks for

            def log_message(self, *_: object) -> None:
                return

        with serving(Handler) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield self
