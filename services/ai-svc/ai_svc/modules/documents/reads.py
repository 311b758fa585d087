"""Documents and their versions as they are answered."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, Field

from knowledge.chunking import Cutting
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
from knowledge.progress import Stage
from shared_schemas.permissions import Role


class Progress(BaseModel):
    """How far processing has come."""

    stage: str | None = Field(examples=["embed"], description="What is being done right now")
    percent: int = Field(ge=0, le=100)


_IS_DUPLICATE: Final = (
    "Este conteúdo já está na base de conhecimento; nada foi adicionado. "
    "Para guardá-lo outra vez, envie com allow_duplicate."
)
_UNREAD_PAGE: Final = (
    "Em 1 página ou arquivo há uma imagem que não foi lida, por precisar de reconhecimento de "
    "texto (OCR): a busca não encontra o que está escrito nela."
)
_UNREAD_PAGES: Final = (
    "Em {} páginas ou arquivos há imagens que não foram lidas, por precisarem de reconhecimento "
    "de texto (OCR): a busca não encontra o que está escrito nelas."
)
_UNREAD: Final = "Pages and pictures of which most is for text recognition only; see `notice`"


class StageRead(BaseModel):
    """How long a stage took."""

    stage: str = Field(examples=["extract"])
    seconds: float


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
    chunk_size: int | None = Field(description="Tokens; null: the strategy's own")
    chunk_overlap: int | None
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
    stages: list[StageRead] = Field(description="Of the shown version, once it came to its end")
    error_code: str | None = Field(examples=["DOCUMENT_ENCRYPTED"])
    error_message: str | None
    notice: str | None = Field(default=None, description="What a person should know of this state")
    duplicate_of: UUID | None = Field(
        default=None, description="Nothing was taken in: this document says the same already"
    )
    current_version: int | None = Field(description="What is searched; null before the first")
    latest_version: int = Field(description="What was submitted last")
    page_count: int | None
    unread_pages: int | None = Field(description=_UNREAD)
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
            if name not in _MADE
        }
        return cls(
            progress=_progress(document.status, job),
            stages=_stages(shown.stages),
            notice=_notices(document, shown),
            **_cutting(document.chunking),
            **facts,
        )

    def as_duplicate(self) -> Self:
        """What is answered to who sent the same again."""
        return self.model_copy(update={"duplicate_of": self.id, "notice": _IS_DUPLICATE})


_CUTTING: Final = frozenset({"chunking", "chunk_size", "chunk_overlap"})
_MADE: Final = frozenset({"progress", "stages", "notice", "duplicate_of"}) | _CUTTING
_OF_VERSION: Final = frozenset(
    {
        "source_uri",
        "mime_type",
        "size_bytes",
        "language",
        "page_count",
        "unread_pages",
        "chunk_count",
        "indexed_at",
    }
)


def _cutting(key: str) -> dict[str, Any]:
    cutting = Cutting.read(key)
    return {
        "chunking": cutting.strategy,
        "chunk_size": cutting.size,
        "chunk_overlap": cutting.overlap,
    }


def _progress(status: DocumentStatus, job: Any | None) -> Progress:
    if status is DocumentStatus.INDEXED:
        return Progress(stage=None, percent=100)
    if status is DocumentStatus.PENDING or job is None:
        return Progress(stage=None, percent=0)
    return Progress(stage=job.stage, percent=job.percent)


def _stages(seconds: dict[str, float] | None) -> list[StageRead]:
    """In the order of the pipeline, whatever the database made of it."""
    known = seconds or {}
    return [
        StageRead(stage=stage.value, seconds=known[stage.value])
        for stage in Stage
        if stage.value in known
    ]


def _notices(document: Document, shown: DocumentVersion) -> str | None:
    said = (_newer(document), _unread(shown.unread_pages or 0))
    return " ".join(filter(None, said)) or None


def _unread(pages: int) -> str | None:
    """Part of what was sent is not found, and whoever looks for it should know."""
    return (_UNREAD_PAGE if pages == 1 else _UNREAD_PAGES.format(pages)) if pages else None


def _newer(document: Document) -> str | None:
    """A newer version that is not searched (yet), and what is searched meanwhile."""
    current, latest = document.current_version, document.latest_version
    if current is None or current == latest:
        return None
    state = _STATES.get(document.status)
    if state is None:
        return None
    return f"A versão {latest} {state}; a busca continua com a versão {current}."


_STATES: Final = {
    DocumentStatus.PENDING: "aguarda processamento",
    DocumentStatus.PROCESSING: "está em processamento",
    DocumentStatus.FAILED: "falhou",
    DocumentStatus.CANCELLED: "foi cancelada",
}


class VersionStatus(StrEnum):
    """How far a version has come."""

    PENDING = "pending"
    PROCESSING = "processing"
    INDEXED = "indexed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class VersionRead(BaseModel):
    """One version of a document. Once indexed it stays as it is until the document is deleted."""

    number: int
    status: VersionStatus = Field(description="`indexed`: its text can be read")
    is_current: bool = Field(description="Whether it is what is searched")
    revises: int | None = Field(description="The version whose source it is, corrected otherwise")
    source_type: SourceType
    source_uri: str | None
    mime_type: str | None
    size_bytes: int | None
    content_sha256: str | None = Field(description="Of the original bytes")
    language: Language | None
    chunking: Chunking
    chunk_size: int | None
    chunk_overlap: int | None
    character_count: int | None
    page_count: int | None
    unread_pages: int | None = Field(description=_UNREAD)
    chunk_count: int
    stages: list[StageRead]
    error_code: str | None
    error_message: str | None
    submitted_by: UUID
    created_at: datetime
    indexed_at: datetime | None

    @classmethod
    def of(cls, document: Document, version: DocumentVersion) -> Self:
        """With what the document knows of its newest version."""
        is_newest = version.number == document.latest_version
        made = {"status", "is_current", "stages", "error_code", "error_message"} | _CUTTING
        facts = {name: getattr(version, name) for name in cls.model_fields if name not in made}
        errors = document if is_newest and version.indexed_at is None else version
        return cls(
            status=_version_status(document, version, is_newest=is_newest),
            is_current=version.number == document.current_version,
            stages=_stages(version.stages),
            error_code=errors.error_code,
            error_message=errors.error_message,
            **_cutting(version.chunking),
            **facts,
        )


def _version_status(
    document: Document, version: DocumentVersion, *, is_newest: bool
) -> VersionStatus:
    if version.indexed_at is not None:
        return VersionStatus.INDEXED
    if is_newest:
        return VersionStatus(document.status.value)
    # It made way for a newer one: after it had failed, or while it waited.
    return VersionStatus.FAILED if version.error_code is not None else VersionStatus.CANCELLED
