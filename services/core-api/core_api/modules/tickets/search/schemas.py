"""What a search of tickets finds, on the wire."""

from collections.abc import Sequence
from typing import Any, Literal, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core_api.modules.tickets.schemas import TicketRead
from core_api.modules.tickets.search.highlights import Highlight


class HighlightRead(BaseModel):
    """A piece of a text the words were found in."""

    model_config = ConfigDict(from_attributes=True)

    field: Literal["subject", "client", "description", "message"]
    message_id: UUID | None = Field(description="For `message`: which")
    text: str = Field(
        description="Plain text, not HTML", examples=["Pedi a segunda via da certidão há dez dias"]
    )
    ranges: list[tuple[int, int]] = Field(
        description="What to mark: from and to, in characters (Unicode code points) of `text`",
        examples=[[[23, 31]]],
    )


class TicketHit(TicketRead):
    """A ticket that was found, and where."""

    highlights: list[HighlightRead]

    @classmethod
    def of(cls, row: sa.Row[Any], highlights: Sequence[Highlight]) -> Self:
        """Of the columns to read."""
        pieces = [HighlightRead.model_validate(each) for each in highlights]
        return cls.model_validate({**row._asdict(), "highlights": pieces})
