"""The yardstick of the desk: the SQL of reading a ticket and a page of 50, behind bare handlers.

Same token check, tenant context, transaction and JSON as `bench.bare_reader`; no settings, no
dependency injection, no ORM, no validation, no log and no metrics.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.bare_reader import Tokens, keep_as_is, plain

_PAGE: Final = 50


async def _rows(request: Request, sql: str, *arguments: Any) -> list[dict[str, Any]]:
    claims = request.app.state.tokens.remembered(request.headers["authorization"][7:])
    organization_id = UUID(claims["org_id"])
    async with request.app.state.pool.acquire() as connection:
        await connection.execute(
            f"BEGIN READ ONLY; SELECT set_config('app.organization_id', '{organization_id}', true)"
        )
        rows = await connection.fetch(sql, organization_id, *arguments)
        await connection.execute("COMMIT")
    return [_read(row) for row in rows]


def _read(row: Any) -> dict[str, Any]:
    values = {name: plain(value) for name, value in row.items()}
    if isinstance(values.get("custom_fields"), str):
        values["custom_fields"] = json.loads(values["custom_fields"])
    return values


def _answer(data: Any, meta: Any = None) -> JSONResponse:
    return JSONResponse(
        {
            "status": "success",
            "data": data,
            "meta": meta,
            "errors": None,
            "timestamp": datetime.now(UTC).isoformat(),
            "request_id": None,
        }
    )


async def _ticket(request: Request) -> JSONResponse:
    ticket_id = UUID(request.path_params["ticket_id"])
    (row,) = await _rows(request, os.environ["BENCH_TICKET"], ticket_id)
    return _answer(row)


async def _page(request: Request) -> JSONResponse:
    rows = await _rows(request, os.environ["BENCH_PAGE"], _PAGE + 1)
    return _answer(rows[:_PAGE], {"limit": _PAGE, "has_more": len(rows) > _PAGE})


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({})


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.tokens = Tokens()
    async with asyncpg.create_pool(
        os.environ["BENCH_DATABASE_URL"], min_size=10, max_size=10, reset=keep_as_is
    ) as app.state.pool:
        yield


def create_app() -> Starlette:
    """`/tickets/{id}` and `/tickets`."""
    return Starlette(
        routes=[
            Route("/tickets/{ticket_id}", _ticket),
            Route("/tickets", _page),
            Route("/health/ready", _health),
        ],
        lifespan=_lifespan,
    )
