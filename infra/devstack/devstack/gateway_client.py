"""Talks to the system like any application: through the gateway, with a token from a real login."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from devstack.errors import DevstackError
from devstack.oidc.login import obtain_token
from devstack.settings import StackSettings


class RequestRefused(DevstackError):
    """The system answered with an error."""


class GatewayClient:
    """One logged-in person."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **params: Any) -> Any:
        """The `data` of a GET."""
        return self._data(await self.http.get(f"/api/v1{path}", params=params))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The `data` of a POST with a JSON body."""
        return self._data(await self.http.post(f"/api/v1{path}", json=body))

    async def upload(self, path: str, name: str, content: bytes, **fields: str) -> Any:
        """The `data` of a multipart upload."""
        files = {"file": (name, content, _media_type(name))}
        return self._data(await self.http.post(f"/api/v1{path}", files=files, data=fields))

    @staticmethod
    def _data(response: httpx.Response) -> Any:
        if response.is_success:
            return response.json()["data"]
        what = f"{response.request.method} {response.request.url.path}"
        try:
            failure = response.json()
            reason = f"{failure['code']}: {failure['message']}"
        except (ValueError, KeyError, TypeError):
            reason = response.text.strip()[:200]
        raise RequestRefused(f"{what} was answered {response.status_code} ({reason})")


@asynccontextmanager
async def logged_in(settings: StackSettings, person: str) -> AsyncIterator[GatewayClient]:
    """A client for one of the sample people."""
    try:
        tokens = await obtain_token(person, issuer=settings.issuer)
        async with httpx.AsyncClient(
            base_url=settings.gateway_url,
            headers={"Authorization": f"Bearer {tokens.access_token}"},
            timeout=60,
            trust_env=False,
        ) as http:
            yield GatewayClient(http)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise RequestRefused(f"The gateway at {settings.gateway_url}: {reason}") from None


def _media_type(name: str) -> str:
    known = {"md": "text/markdown", "txt": "text/plain", "html": "text/html"}
    return known[name.rsplit(".", 1)[-1]]
