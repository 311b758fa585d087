"""Chunks on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from ai_svc.modules.chunks.repository import EditState
from ai_svc.modules.documents.reads import DocumentRead
from ai_svc.modules.documents.schemas import ChunkOverlap, ChunkSize, cutting_key
from knowledge.chunk_edit_tables import ChunkEdit, EditKind
from knowledge.models import Chunk, Chunking

MAX_PREVIEWED = 200_000
MAX_CORRECTED = 50_000


class Passage(BaseModel):
    """A stretch of a text: `text[char_start:char_end]`, counted in Unicode code points."""

    model_config = ConfigDict(from_attributes=True)

    position: int = Field(description="0, 1, 2 … in reading order")
    content: str
    char_start: int
    char_end: int
    page: int | None = Field(description="From 1; null where there are no pages")
    heading: str | None = Field(examples=["Capítulo III > LGPD, Art. 18, § 3º a § 5º"])
    token_count: int


class ChunkRead(Passage):
    """A passage as it is searched."""

    id: UUID
    document_id: UUID
    version: int = Field(description="The document's version it is of")
    enabled: bool = Field(description="False: no search finds it")

    @classmethod
    def of(cls, chunk: Chunk) -> Self:
        """From the row."""
        facts = {name: getattr(chunk, name) for name in cls.model_fields if name != "version"}
        return cls(version=chunk.version_number, **facts)


class ChunkChange(BaseModel):
    """Another text, or whether it is found: one of both."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"text": "A taxa é de R$ 12,00."}, {"enabled": False}],
        },
    )

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_CORRECTED)] | None = Field(
        default=None, description="What the whole passage should say"
    )
    enabled: bool | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.enabled is None):
            raise PydanticCustomError("chunk_change", "Informe text ou enabled, e só um dos dois.")
        return self


class ChunkEdited(BaseModel):
    """The chunk as it is searched now, and the document: `pending` while a corrected version is on
    its way, whose chunks have ids of their own."""

    chunk: ChunkRead
    document: DocumentRead


class EditRead(BaseModel):
    """What somebody corrected or switched off."""

    id: UUID
    kind: EditKind
    state: EditState = Field(
        description="`not_found`: what it changed stands in the document no longer"
    )
    original: str = Field(description="The stretch as it read")
    replacement: str | None = Field(description="As it should read; null when switched off")
    version: int = Field(description="The version that was read when it was made")
    created_by: UUID
    created_at: datetime
    undone_by: UUID | None
    undone_at: datetime | None

    @classmethod
    def of(cls, row: tuple[ChunkEdit, str]) -> Self:
        """From the row and its state."""
        edit, state = row
        facts = {
            name: getattr(edit, name)
            for name in cls.model_fields
            if name not in ("state", "version")
        }
        return cls(state=EditState(state), version=edit.version_number, **facts)


class PreviewRequest(BaseModel):
    """A text, or a document of the organization, and how to cut it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"text": "Art. 1º A taxa é anual.\n\n§ 1º Vence em março.", "chunking": "law"}
            ]
        },
    )

    text: Annotated[str, StringConstraints(max_length=MAX_PREVIEWED)] | None = None
    document_id: UUID | None = None
    title: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        default=None, description="May say what a law is called; without one: the document's"
    )
    chunking: Chunking = Chunking.AUTO
    chunk_size: ChunkSize = None
    chunk_overlap: ChunkOverlap = None
    limit: int = Field(default=50, ge=1, le=200, description="Chunks to show")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.text is None) == (self.document_id is None):
            raise PydanticCustomError("preview", "Informe text ou document_id, e só um dos dois.")
        _ = self.cutting
        return self

    @property
    def cutting(self) -> str:
        """As `knowledge` takes it."""
        return cutting_key(self.chunking, self.chunk_size, self.chunk_overlap)


class Preview(BaseModel):
    """How a text would be cut. Nothing is stored."""

    chunking: Chunking = Field(description="What `auto` came to")
    chunk_count: int
    token_count: int = Field(description="Of all chunks")
    truncated: bool = Field(description="Only the beginning of the document was cut")
    chunks: list[Passage] = Field(description="The first ones, up to `limit`")
