"""Two ways to page: by opaque cursor (default, stable under writes) or by page number."""

from pydantic import BaseModel, ConfigDict


class CursorMeta(BaseModel):
    """`next_cursor` is null on the last page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int
    has_more: bool
    next_cursor: str | None = None


class PageMeta(BaseModel):
    """Totals cost a count; ask for pages only where a person needs page numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: int
    per_page: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool

    @classmethod
    def of(cls, *, page: int, per_page: int, total: int) -> "PageMeta":
        """Derives the page count and the neighbours from the total."""
        total_pages = -(-total // per_page)
        return cls(
            page=page,
            per_page=per_page,
            total=total,
            total_pages=total_pages,
            has_next=page < total_pages,
            has_prev=page > 1,
        )
