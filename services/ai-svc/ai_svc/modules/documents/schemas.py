"""Documents on the wire."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from knowledge.addresses import MAX_URL
from knowledge.chunking import LARGEST_CHUNK, SMALLEST_CHUNK, Cutting
from knowledge.models import (
    Chunking,
    Language,
    LegalBasis,
    Visibility,
)
from knowledge.submission import MAX_TITLE, Access, tidy_title
from shared_schemas.permissions import Role

MAX_TAGS = 30
MAX_TEAMS = 50
MAX_CODE = 64
MAX_EXTERNAL_ID = 200

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_TITLE)]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=50)
]
ChunkSize = Annotated[
    int | None,
    Field(
        ge=SMALLEST_CHUNK,
        le=LARGEST_CHUNK,
        description="The largest chunk, in tokens; without one: the strategy's own",
    ),
]
ChunkOverlap = Annotated[
    int | None,
    Field(
        ge=0,
        le=LARGEST_CHUNK // 2,
        description="Tokens a window repeats of the one before it; only with `fixed`",
    ),
]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS, description="Labels to filter by")]


Roles = Annotated[
    list[Role], Field(max_length=len(Role), description="With `restricted`: any of these roles")
]
Teams = Annotated[
    list[UUID], Field(max_length=MAX_TEAMS, description="With `restricted`: any of these teams")
]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CODE)]
ExternalId = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_EXTERNAL_ID)
]


class AccessFields(BaseModel):
    """Whom a document is for. Admins and who submitted it read what is restricted, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    visibility: Visibility = Visibility.ORGANIZATION
    allowed_roles: Roles = []
    allowed_team_ids: Teams = []
    client_id: UUID | None = Field(
        default=None, description="With `client`: whose personal data it is (needs clients:read)"
    )
    purpose_code: Code | None = Field(
        default=None,
        description="With `client`: what it is kept for, a purpose's code. It is used while that"
        " purpose is in force for the client and the assistant may use data for it",
    )
    legal_basis: LegalBasis | None = Field(
        default=None,
        description="With `client`: on what it was filed (LGPD Art. 7). What counts is the"
        " purpose's own basis, as its registry says",
    )

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        of_client = (self.client_id, self.purpose_code, self.legal_basis)
        if self.visibility is Visibility.CLIENT:
            if None in of_client:
                raise PydanticCustomError(
                    "client_purpose",
                    "Um documento de cliente precisa de client_id, purpose_code e legal_basis.",
                )
        elif any(value is not None for value in of_client):
            raise PydanticCustomError(
                "client_only",
                "client_id, purpose_code e legal_basis só valem com visibility client.",
            )
        if self.visibility is not Visibility.RESTRICTED and (
            self.allowed_roles or self.allowed_team_ids
        ):
            raise PydanticCustomError(
                "restricted_only",
                "allowed_roles e allowed_team_ids só valem com visibility restricted.",
            )
        return self

    def access(self) -> Access:
        """As `knowledge` takes it."""
        return Access(
            visibility=self.visibility,
            allowed_roles=[role.value for role in self.allowed_roles],
            allowed_team_ids=self.allowed_team_ids,
            client_id=self.client_id,
            purpose_code=self.purpose_code,
            legal_basis=self.legal_basis,
        )


def cutting_key(chunking: Chunking, size: int | None, overlap: int | None) -> str:
    """Raises what pydantic shows for sizes that do not go together."""
    if overlap is not None and chunking is not Chunking.FIXED:
        raise PydanticCustomError("overlap", "Só os trechos de tamanho fixo se sobrepõem.")
    try:
        return Cutting(chunking, size, overlap).key
    except ValueError:
        raise PydanticCustomError(
            "overlap", "Os trechos podem sobrepor-se no máximo pela metade do tamanho."
        ) from None


class VersionFields(BaseModel):
    """What may accompany the file of a new version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title | None = Field(default=None, description="Without one: as before")
    chunking: Chunking | None = Field(default=None, description="Without one: as before")
    chunk_size: ChunkSize = None
    chunk_overlap: ChunkOverlap = None
    language: Language | None = Field(default=None, description="Without one it is detected")

    @model_validator(mode="after")
    def _sizes_that_go_together(self) -> Self:
        _ = self.cutting
        return self

    @property
    def cutting(self) -> str | None:
        """As `knowledge` takes it; None: as before."""
        if self.chunking is not None:
            return cutting_key(self.chunking, self.chunk_size, self.chunk_overlap)
        if self.chunk_size is not None or self.chunk_overlap is not None:
            raise PydanticCustomError("sizes", "Informe chunking junto com o tamanho dos trechos.")
        return None


class FileFields(AccessFields):
    """What may accompany an uploaded file."""

    title: Title | None = Field(default=None, description="Without one: the file's name")
    chunking: Chunking = Field(
        default=Chunking.AUTO, description="`auto`: `law` where a text plainly is one"
    )
    chunk_size: ChunkSize = None
    chunk_overlap: ChunkOverlap = None
    language: Language | None = Field(default=None, description="Without one it is detected")
    tags: Tags = []
    external_id: ExternalId | None = Field(
        default=None, description="What another system calls it; unique in the organization"
    )
    allow_duplicate: bool = Field(
        default=False,
        description="Take it in although a document says the same to the same people",
    )

    @model_validator(mode="after")
    def _sizes_that_go_together(self) -> Self:
        _ = self.cutting
        return self

    @property
    def cutting(self) -> str:
        """As `knowledge` takes it."""
        return cutting_key(self.chunking, self.chunk_size, self.chunk_overlap)


class OneSource(BaseModel):
    """A text, or an address to fetch it from: one of both."""

    text: str | None = None
    url: Annotated[str, StringConstraints(max_length=MAX_URL)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.url is None):
            raise PydanticCustomError("text_or_url", "Informe text ou url, e só um dos dois.")
        return self


class TextOrUrl(OneSource, FileFields):
    """A document sent as text, or an address to fetch it from."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"title": "Férias", "text": "As férias são de 30 dias corridos por ano."},
                {"url": "https://www.gov.br/pt-br/servicos"},
                {
                    "text": "Tabela de salários de 2026 …",
                    "visibility": "restricted",
                    "allowed_roles": ["dpo"],
                },
            ]
        },
    )


class VersionTextOrUrl(OneSource, VersionFields):
    """A new version sent as text, or an address to fetch it from."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"text": "As férias são de 30 dias corridos, em até três períodos."}]
        },
    )


def _readable(title: str) -> str:
    if not tidy_title(title):
        raise PydanticCustomError("title", "O título não pode ficar em branco.")
    return title


class DocumentChange(BaseModel):
    """What to change of a document. What is left out stays; another `visibility` replaces the whole
    access list."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"visibility": "restricted", "allowed_roles": ["agent"]}]},
    )

    title: Annotated[Title, AfterValidator(_readable)] | None = None
    tags: Tags | None = None
    external_id: ExternalId | None = None
    visibility: Visibility | None = None
    allowed_roles: Roles | None = None
    allowed_team_ids: Teams | None = None
    client_id: UUID | None = None
    purpose_code: Code | None = None
    legal_basis: LegalBasis | None = None
