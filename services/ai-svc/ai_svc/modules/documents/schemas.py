"""Documents on the wire."""

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from knowledge.addresses import MAX_URL
from knowledge.models import (
    Chunking,
    Document,
    DocumentStatus,
    DocumentVersion,
    Language,
    LegalBasis,
    SourceType,
    Visibility,
)
from knowledge.submission import MAX_TITLE
from shared_schemas.permissions import Role

MAX_TAGS = 30

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_TITLE)]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=50)
]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS, description="Labels to filter by")]


class FileFields(BaseModel):
    """What may accompany an uploaded file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title | None = Field(default=None, description="Without one: the file's name")
    chunking: Chunking = Chunking.SEMANTIC
    language: Language | None = Field(default=None, description="Without one it is detected")
    tags: Tags = []


class TextOrUrl(FileFields):
    """A document sent as text, or an address to fetch it from."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"title": "Férias", "text": "As férias são de 30 dias corridos por ano."},
                {"url": "https://www.gov.br/pt-br/servicos"},
            ]
        },
    )

    text: str | None = None
    url: Annotated[str, StringConstraints(max_length=MAX_URL)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.url is None):
            raise PydanticCustomError("text_or_url", "Informe text ou url, e só um dos dois.")
        return self


class Progress(BaseModel):
    """How far processing has come."""

    stage: str | None = Field(examples=["embed"], description="What is being done right now")
    percent: int = Field(ge=0, le=100)


class DocumentRead(BaseModel):
    """A document: its state, and what is known of the version that is searched (or will be)."""

    id: UUID
    title: str
    source_type: SourceType
    source_uri: str | None = Field(description="The address, or the file's name")
    mime_type: str | None = Field(description="By content, not by name")
    size_bytes: int | None
    language: Language | None
    chunking: Chunking
    tags: list[str]
    visibility: Visibility
    allowed_roles: list[Role]
    allowed_team_ids: list[UUID]
    client_id: UUID | None
    purpose_code: str | None
    legal_basis: LegalBasis | None
    external_id: str | None
    status: DocumentStatus = Field(description="Of the newest version")
    progress: Progress
    error_code: str | None = Field(examples=["DOCUMENT_ENCRYPTED"])
    error_message: str | None
    current_version: int | None = Field(description="What is searched; null before the first")
    latest_version: int = Field(description="What was submitted last")
    page_count: int | None
    chunk_count: int
    submitted_by: UUID
    created_at: datetime
    updated_at: datetime
    indexed_at: datetime | None
    version: int = Field(description="Counts the changes of this record: its `ETag`")

    @classmethod
    def of(cls, found: tuple[Document, DocumentVersion], job: Any | None) -> Self:
        """`job` is the document's latest, with `stage` and `percent`; None when it is gone."""
        document, shown = found
        facts = {
            name: getattr(shown if name in _OF_VERSION else document, name)
            for name in cls.model_fields
            if name != "progress"
        }
        return cls(progress=_progress(document.status, job), **facts)


_OF_VERSION: Final = frozenset(
    {
        "source_uri",
        "mime_type",
        "size_bytes",
        "language",
        "page_count",
        "chunk_count",
        "indexed_at",
    }
)


def _progress(status: DocumentStatus, job: Any | None) -> Progress:
    if status is DocumentStatus.INDEXED:
        return Progress(stage=None, percent=100)
    if status is DocumentStatus.PENDING or job is None:
        return Progress(stage=None, percent=0)
    return Progress(stage=job.stage, percent=job.percent)
