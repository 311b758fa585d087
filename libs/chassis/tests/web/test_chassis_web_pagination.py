"""Lists page by page."""

import contextlib
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from chassis.web.pagination import CursorPage, PageNumber, decode_cursor, encode_cursor

NOTES = "/api/v1/notes"


@pytest.mark.committed
async def test_cursor_walks_the_whole_list_once(
    web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None
) -> None:
    for number in range(7):
        await web.post(NOTES, headers=ana, json={"slug": f"n{number}", "text": "x"})
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        body = (await web.get(NOTES, params=params, headers=ana)).json()
        seen += [note["slug"] for note in body["data"]]
        cursor = body["meta"]["next_cursor"]
        assert body["meta"]["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == [f"n{number}" for number in range(7)]


@given(
    st.lists(
        st.one_of(
            # What PostgreSQL can hold: neither NUL nor half a surrogate pair.
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            st.integers(-(2**53), 2**53),
            st.none(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_cursor_brings_back_what_was_put_in(parts: list[object]) -> None:
    assert decode_cursor(encode_cursor(tuple(parts))) == tuple(parts)


@given(st.text(max_size=60))
def test_any_text_is_a_position_or_a_validation_error(text: str) -> None:
    with contextlib.suppress(RequestValidationError):
        assert isinstance(decode_cursor(text), tuple)


def test_position_is_converted_by_kind() -> None:
    moment = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
    note_id = UUID("0192a000-0000-7000-8000-000000000001")
    page = CursorPage(limit=10, after=decode_cursor(encode_cursor((moment, note_id))))
    assert page.position(datetime.fromisoformat, UUID) == (moment, note_id)


@pytest.mark.parametrize("after", [("x",), ("x", "y"), (1, 2), (None, None)])
def test_position_of_another_list_is_refused(after: tuple[object, ...]) -> None:
    with pytest.raises(RequestValidationError):
        CursorPage(limit=10, after=after).position(datetime.fromisoformat, UUID)


def test_page_number_skips_what_comes_before() -> None:
    assert PageNumber(page=1, per_page=20).offset == 0
    assert PageNumber(page=3, per_page=20).offset == 40
