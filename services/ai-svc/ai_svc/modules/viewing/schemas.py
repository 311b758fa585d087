"""A citation in its place, on the wire."""

from uuid import UUID

from pydantic import BaseModel, Field


class SpanRead(BaseModel):
    """A stretch of the version's text: content[char_start:char_end)."""

    char_start: int
    char_end: int


class NeighbourRead(SpanRead):
    """A chunk beside the passage."""

    chunk_id: UUID
    heading: str | None


class ViewRead(SpanRead):
    """The text around a passage. `text` is the version's content[char_start:char_end)."""

    document_id: UUID
    version: int
    is_current: bool = Field(description="Whether the document still says this")
    title: str
    text: str
    passage: SpanRead
    heading: str | None = Field(description="The path above the passage's beginning")
    page: int | None
    page_count: int | None
    previous: NeighbourRead | None = Field(description="None in a version that is not current")
    next: NeighbourRead | None = Field(description="None in a version that is not current")
    page_image: str | None = Field(
        description="Where the page is shown with the passage boxed; PDF only",
        examples=["/api/v1/rag/documents/0192a000…/pages/3/image?version=1&start=5120&end=5180"],
    )
