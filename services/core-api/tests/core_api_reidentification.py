"""Looking for a person in every table of schema `crm`, by what was known of them."""

import json
from typing import Any

import asyncpg

from chassis.security.plain_text import plain


async def rows_of(superuser: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table as plain text, bytes as the text they may be."""
    tables = await superuser.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'crm' ORDER BY tablename"
    )
    return {
        table["tablename"]: [
            _said(row) for row in await superuser.fetch(f"SELECT * FROM crm.{table['tablename']}")
        ]
        for table in tables
    }


async def found_in(superuser: asyncpg.Connection, markers: list[str]) -> dict[str, list[str]]:
    """Table → the markers that are in it, however they are written there."""
    wanted = [plain(marker) for marker in markers]
    found = {
        table: [marker for marker in wanted if any(marker in row for row in rows)]
        for table, rows in (await rows_of(superuser)).items()
    }
    return {table: markers for table, markers in found.items() if markers}


def _said(row: asyncpg.Record) -> str:
    return plain(json.dumps([_text(value) for value in row.values()], ensure_ascii=False))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return str(value)
