"""What searching and asking take alike: the words, and which documents may answer."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from knowledge.models import Language, SourceType
from knowledge.search import SearchFilters

MAX_QUESTION: Final = 2_000

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION)
]


class Input(BaseModel):
    """A request body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(Input):
    """Which documents may answer. What is left out does not restrict."""

    document_ids: Annotated[list[UUID], Field(max_length=100)] = []
    source_types: Annotated[list[SourceType], Field(max_length=10)] = []
    tags: Annotated[list[str], Field(max_length=30, description="Any of them")] = []
    language: Language | None = None
    created_from: AwareDatetime | None = Field(default=None, description="Inclusive")
    created_to: AwareDatetime | None = Field(default=None, description="Exclusive")

    def read(self) -> SearchFilters:
        """As search takes them."""
        return SearchFilters(
            document_ids=self.document_ids,
            source_types=self.source_types,
            tags=[tag.strip().lower() for tag in self.tags],
            language=self.language,
            created_from=self.created_from,
            created_to=self.created_to,
        )
