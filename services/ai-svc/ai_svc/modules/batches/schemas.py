"""Batches on the wire."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.modules.batches.models import Outcome
from ai_svc.modules.documents.schemas import AccessFields, ChunkOverlap, ChunkSize, Tags
from knowledge.models import Chunking, DocumentStatus, Language

MOST_ITEMS: Final = 100


class BatchFields(AccessFields):
    """What is said about all files of a batch alike."""

    chunking: Chunking = Chunking.AUTO
    chunk_size: ChunkSize = None
    chunk_overlap: ChunkOverlap = None
    language: Language | None = Field(default=None, description="Without one each is detected")
    tags: Tags = []  # noqa: RUF012 - pydantic copies it
    allow_duplicate: bool = Field(
        default=False,
        description="Take them in although a document says the same to the same people",
    )


class BatchSubmit(BaseModel):
    """Texts and addresses, each as it would be submitted alone."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"title": "Férias", "text": "As férias são de 30 dias corridos por ano."},
                        {"url": "https://www.gov.br/pt-br/servicos", "tags": ["portal"]},
                    ]
                }
            ]
        },
    )

    items: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            max_length=MOST_ITEMS,
            description="Each as the body of `POST /rag/documents`; checked one by one",
        ),
    ]


class BatchItemRead(BaseModel):
    """What became of one item."""

    position: int = Field(description="0, 1, 2 … as sent")
    outcome: Outcome
    name: str | None = Field(description="Of what was refused")
    document_id: UUID | None
    status: DocumentStatus | None = Field(description="Of the document, as far as it may be read")
    percent: int | None
    error_code: str | None = Field(description="Why it was refused, or could not be indexed")
    error_message: str | None


class BatchRead(BaseModel):
    """One summary. Items whose document was deleted are counted in `total` only."""

    id: UUID
    total: int
    accepted: int
    duplicates: int
    refused: int
    finished: int = Field(description="Accepted ones that are indexed, failed or cancelled")
    percent: int = Field(ge=0, le=100, description="Of what was accepted")
    created_at: datetime
    items: list[BatchItemRead]
