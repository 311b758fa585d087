"""What a listing says there is, and what was known of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from knowledge.sources.models import ItemState


@dataclass(frozen=True, slots=True)
class Entry:
    """A page or object by its address. `mark` changes when it does: a lastmod, an ETag."""

    address: str
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What there is. `is_whole` is false when there is more than is looked at: then nothing is
    missing."""

    entries: tuple[Entry, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What was seen of one address before."""

    id: UUID
    address: str
    document_id: UUID | None
    state: ItemState
    etag: str | None
    last_modified: str | None
    listed_as: str | None
    content_sha256: str | None
    misses: int
    checked_at: datetime | None
