"""The page that shows the API to people: Swagger UI, brought along, so that it needs no network."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from chassis.web.routing import PlainRoute

_BUNDLE: Final = Path(fastapi_offline.__file__).parent / "static"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class DocsPage:
    """Swagger UI at `{prefix}/docs`, over the document at `openapi_url`."""

    def __init__(self, *, title: str, prefix: str, openapi_url: str) -> None:
        self.path = f"{prefix}/docs"
        page = get_swagger_ui_html(
            openapi_url=openapi_url,
            title=title,
            swagger_js_url=f"{self.path}/swagger-ui-bundle.js",
            swagger_css_url=f"{self.path}/swagger-ui.css",
            swagger_favicon_url=f"{self.path}/favicon.png",
        )
        self._html = bytes(page.body)

    @property
    def paths(self) -> frozenset[str]:
        """The page's path and those of its files."""
        return frozenset({self.path, *(f"{self.path}/{name}" for name in _ASSETS)})

    @property
    def policy(self) -> bytes:
        """The page's Content-Security-Policy: its own files, and the one inline script it has."""
        scripts = " ".join(f"'sha256-{_sha256(text)}'" for text in _inline(self._html))
        return (
            "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
            f"script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; "
            "frame-ancestors 'none'"
        ).encode()

    def routes(self) -> list[BaseRoute]:
        """The page and the files it loads."""
        assets = [
            PlainRoute(f"{self.path}/{name}", _asset(name, media_type), include_in_schema=False)
            for name, media_type in _ASSETS.items()
        ]
        return [PlainRoute(self.path, self._page, include_in_schema=False), *assets]

    async def _page(self, _request: Request) -> Response:
        return Response(self._html, media_type="text/html; charset=utf-8")


def _asset(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def asset(_request: Request) -> Response:
        return FileResponse(_BUNDLE / name, media_type=media_type)

    return asset


def _inline(html: bytes) -> list[str]:
    return _INLINE.findall(html.decode())


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
