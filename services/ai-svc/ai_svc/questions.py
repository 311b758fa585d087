"""What searching and asking take alike: the words, and which documents may answer."""

from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from knowledge.models import Language, SourceType
from knowledge.parsing.sniffing import Format
from knowledge.search import SearchFilters

MAX_QUESTION: Final = 2_000

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION)
]


def _lower(given: object) -> object:
    """MIME types are written in any case (RFC 2045 §5.1)."""
    return given.lower() if isinstance(given, str) else given


class Input(BaseModel):
    """A request body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(Input):
    """Which documents may answer. What is left out does not restrict."""

    document_ids: Annotated[list[UUID], Field(max_length=100)] = []
    source_types: Annotated[list[SourceType], Field(max_length=10)] = []
    source_ids: Annotated[
        list[UUID],
        Field(max_length=30, description="Watched sources (`/rag/sources`) that brought them"),
    ] = []
    formats: Annotated[
        list[Annotated[Format, BeforeValidator(_lower)]],
        Field(
            max_length=30,
            description="MIME types of the originals, any of them",
            examples=[["application/pdf"]],
        ),
    ] = []
    tags: Annotated[list[str], Field(max_length=30, description="Any of them")] = []
    language: Language | None = Field(default=None, description="Of the passage")
    created_from: AwareDatetime | None = Field(default=None, description="Inclusive")
    created_to: AwareDatetime | None = Field(default=None, description="Exclusive")
    heading: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None,
        description="A heading path as passages have it, or the beginning of one; what stands below"
        " it is meant, too. Short sections share a passage, which has the heading of the first",
        examples=["Benefícios > Férias"],
    )
    client_id: UUID | None = Field(
        default=None,
        description="Also look in what is kept of this client; needs clients:read",
    )

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        begin, end = self.created_from, self.created_to
        if begin is not None and end is not None and begin >= end:
            raise PydanticCustomError("date_order", "created_from deve ser anterior a created_to.")
        return self

    def read(self) -> SearchFilters:
        """As search takes them."""
        return SearchFilters(
            document_ids=self.document_ids,
            source_types=self.source_types,
            source_ids=self.source_ids,
            formats=self.formats,
            tags=[tag.strip().lower() for tag in self.tags],
            language=self.language,
            created_from=self.created_from,
            created_to=self.created_to,
            heading=self.heading,
            client_id=self.client_id,
        )
