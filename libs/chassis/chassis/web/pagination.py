"""Reading a list page by page: by opaque cursor, or by page number where a person needs one."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError

from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta, PageMeta

T = TypeVar("T")
R = TypeVar("R")

Position = tuple[Any, ...]
"""The sort key of the last row of a page: what the next page comes after."""

MAXIMUM_LIMIT: Final = 100
_MAXIMUM_CURSOR_LENGTH: Final = 1024
# A page number beyond this is a scan of everything before it; the cursor has no such cost.
_MAXIMUM_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class CursorPage:
    """`limit` rows after the position. Fetch `limit + 1`: the extra row tells whether there are
    more."""

    limit: int
    after: Position | None

    def position(self, *kinds: Callable[[Any], Any]) -> Position | None:
        """The position, each part converted by its kind (`UUID`, `datetime.fromisoformat`, `str`,
        `int`).

        A cursor of another list, or one tampered with, is a validation error.
        """
        if self.after is None:
            return None
        if len(self.after) != len(kinds):
            raise _bad_cursor()
        try:
            return tuple(kind(part) for kind, part in zip(kinds, self.after, strict=True))
        # OverflowError: the integer of Infinity; AttributeError: the UUID of a number.
        except (TypeError, ValueError, OverflowError, AttributeError):
            raise _bad_cursor() from None

    def answer(
        self,
        actor: Actor,
        rows: Sequence[R],
        read: Callable[[R], T],
        key: Callable[[R], Position],
    ) -> Success[list[T]]:
        """The envelope of a page, from up to `limit + 1` rows."""
        page = rows[: self.limit]
        has_more = len(rows) > self.limit
        meta = CursorMeta(
            limit=self.limit,
            has_more=has_more,
            next_cursor=encode_cursor(key(page[-1])) if has_more else None,
        )
        return success(actor, [read(row) for row in page], meta)


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Page `page` (from 1) of `per_page` rows."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        """Rows to skip."""
        return (self.page - 1) * self.per_page

    def answer(
        self, actor: Actor, rows: Sequence[R], read: Callable[[R], T], *, total: int
    ) -> Success[list[T]]:
        """The envelope of a page, with totals."""
        meta = PageMeta.of(page=self.page, per_page=self.per_page, total=total)
        return success(actor, [read(row) for row in rows], meta)


Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="Rows per page")]
Cursor = Annotated[
    str | None,
    Query(max_length=_MAXIMUM_CURSOR_LENGTH, description="`next_cursor` of the page before"),
]
Page = Annotated[int | None, Query(ge=1, le=_MAXIMUM_PAGE, description="Page number, from 1")]
PerPage = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="Rows per page")]


async def _cursor_page(limit: Limit = 20, cursor: Cursor = None) -> CursorPage:
    return CursorPage(limit=limit, after=decode_cursor(cursor) if cursor else None)


async def _paging(
    limit: Limit = 20, cursor: Cursor = None, page: Page = None, per_page: PerPage = 20
) -> CursorPage | PageNumber:
    if page is not None:
        return PageNumber(page=page, per_page=per_page)
    return await _cursor_page(limit, cursor)


ByCursor = Annotated[CursorPage, Depends(_cursor_page)]
"""`?limit=&cursor=`."""

Paging = Annotated[CursorPage | PageNumber, Depends(_paging)]
"""`?limit=&cursor=`, or `?page=&per_page=` when a page is asked for."""


def encode_cursor(position: Position) -> str:
    """Opaque to clients: what is inside may change."""
    text = json.dumps([_plain(part) for part in position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """The position inside. Garbage is a validation error, in one line."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(parts, list) or not parts:
        raise _bad_cursor()
    if not all(part is None or isinstance(part, str | int | float) for part in parts):
        raise _bad_cursor()
    if any(isinstance(part, str) and ("\0" in part or not _is_unicode(part)) for part in parts):
        raise _bad_cursor()
    return tuple(parts)


def _plain(part: Any) -> Any:
    if isinstance(part, date):  # or datetime, which is one
        return part.isoformat()
    return str(part) if isinstance(part, UUID) else part


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _bad_cursor() -> RequestValidationError:
    error = {"type": "cursor", "loc": ("query", "cursor"), "msg": "invalid cursor", "input": None}
    return RequestValidationError([error])
