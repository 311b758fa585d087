"""The yardstick of the read path: one Starlette route on one asyncpg pool, and nothing else.

Same SQL, same tenant context, same token check by python-jose, same answer as core-api. It has no
settings, no dependency injection, no ORM, no validation of the answer, no request log, no metrics,
no traces and no error handling.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jose import jwk, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Tokens:
    """The checks core-api makes, without its classes."""

    def __init__(self) -> None:
        keys = json.loads(os.environ["BENCH_JWKS"])["keys"]
        self._keys = {key["kid"]: jwk.construct(key, "RS256") for key in keys}
        self._known: dict[bytes, dict[str, Any]] = {}

    def remembered(self, token: str) -> dict[str, Any]:
        """Checked once, then found by digest until it expires: what core-api does."""
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._known.get(digest)
        if claims is None or claims["exp"] <= time.time():
            claims = self._known[digest] = self.checked(token)
        return claims

    def checked(self, token: str) -> dict[str, Any]:
        """Checked from scratch."""
        header = jwt.get_unverified_header(token)
        if "crit" in header or header["alg"] != "RS256":
            raise PermissionError
        options = {f"require_{claim}": True for claim in ("exp", "iat", "aud", "iss", "sub")}
        return jwt.decode(
            token,
            self._keys[header["kid"]],
            algorithms=["RS256"],
            audience=os.environ["OIDC_AUDIENCE"],
            issuer=os.environ["OIDC_ISSUER"],
            options=options,
        )


async def _client(request: Request, claims: dict[str, Any]) -> JSONResponse:
    if "agent" not in claims["realm_access"]["roles"]:
        return JSONResponse({"status": "error"}, status_code=403)
    organization_id = UUID(claims["org_id"])
    async with request.app.state.pool.acquire() as connection:
        await connection.execute(
            f"BEGIN READ ONLY; SELECT set_config('app.organization_id', '{organization_id}', true)"
        )
        row = await connection.fetchrow(
            request.app.state.sql, organization_id, UUID(request.path_params["client_id"])
        )
        await connection.execute("COMMIT")
    if row is None:
        return JSONResponse({"status": "error"}, status_code=404)
    body = {
        "status": "success",
        "data": _shown(row, request.app.state.key),
        "meta": None,
        "errors": None,
        "timestamp": datetime.now(UTC).isoformat(),
        "request_id": request.headers.get("x-request-id"),
    }
    return JSONResponse(body, headers={"ETag": f'"{row["version"]}"'})


def _shown(row: asyncpg.Record, key: AESGCM) -> dict[str, Any]:
    """With the document opened and masked, and each phone as people write it."""
    data = {name: plain(value) for name, value in row.items()}
    for name in ("emails", "phones", "addresses", "custom_fields"):
        data[name] = json.loads(data[name])
    sealed, place = data.pop("document_sealed"), row["organization_id"].bytes + row["id"].bytes
    del data["organization_id"]
    number = key.decrypt(sealed[2:14], sealed[14:], sealed[:2] + place + b"clients.document")
    middle = number.decode()[3:9]
    phones = [entry | {"display": _display(entry["number"])} for entry in data["phones"]]
    return data | {
        "document": f"***.{middle[:3]}.{middle[3:]}-**",
        "phones": phones,
        "phone_display": _display(data["phone"]),
    }


def _display(number: str) -> str:
    return f"({number[3:5]}) {number[5:-4]}-{number[-4:]}"


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


async def _remembered(request: Request) -> JSONResponse:
    return await _client(
        request, request.app.state.tokens.remembered(request.headers["authorization"][7:])
    )


async def _checked(request: Request) -> JSONResponse:
    return await _client(
        request, request.app.state.tokens.checked(request.headers["authorization"][7:])
    )


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({})


async def keep_as_is(_connection: asyncpg.Connection) -> None:
    """No reset query when a connection returns: the transaction has left nothing behind."""


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.tokens = Tokens()
    app.state.sql = os.environ["BENCH_SQL"]
    app.state.key = AESGCM(base64.b64decode(json.loads(os.environ["FIELD_KEYS"])["1"]))
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=10, max_size=10, reset=keep_as_is
    ) as app.state.pool:
        yield


def create_app() -> Starlette:
    """`/remembered/{id}` is the yardstick; `/checked/{id}` verifies the token anew each time."""
    return Starlette(
        routes=[
            Route("/remembered/{client_id}", _remembered),
            Route("/checked/{client_id}", _checked),
            Route("/health/ready", _health),
        ],
        lifespan=_lifespan,
    )
