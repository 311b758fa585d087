"""Sources on the wire. Credentials come in and never go out."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ai_svc.modules.documents.schemas import Roles, Tags, Teams
from knowledge.addresses import MAX_URL
from knowledge.models import Chunking, Language, Visibility
from knowledge.sources.models import COUNTS, ItemState, RunTrigger, SourceKind, WatchedSource
from shared_schemas.permissions import Role

_S3: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f\x7f]{0,900})?")
_LONGEST_PAUSE: Final = 60 * 24 * 31

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_URL)]
Minutes = Annotated[
    int | None,
    Field(ge=15, le=_LONGEST_PAUSE, description="Between two looks; null: only when somebody asks"),
]
Key = Annotated[SecretStr, Field(min_length=1, max_length=500)]


class BucketKey(BaseModel):
    """An access key that may list and read the prefix, and no more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_key_id: Key
    secret_access_key: Key


class SourceOptions(BaseModel):
    """What one kind of source needs, and others do not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_items: int | None = Field(default=None, ge=1, le=5_000, description="Without one: 500")
    under: Annotated[str, StringConstraints(pattern=r"^/", max_length=500)] | None = Field(
        default=None, description="`sitemap`: only pages whose path begins so", examples=["/ajuda/"]
    )
    endpoint: Address | None = Field(
        default=None,
        description="`s3`: the service's address; without one: Amazon's in the region",
        examples=["https://fsn1.your-objectstorage.com"],
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] | None = None
    path_style: bool | None = Field(
        default=None, description="`s3`: the bucket is part of the path, not of the name"
    )


class SourceFields(BaseModel):
    """How a source is looked at, and what is said about its documents."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_minutes: Minutes = 1440
    options: SourceOptions = SourceOptions()
    chunking: Chunking = Chunking.AUTO
    language: Language | None = Field(default=None, description="Without one it is detected")
    tags: Tags = []
    visibility: Visibility = Visibility.ORGANIZATION
    allowed_roles: Roles = []
    allowed_team_ids: Teams = []

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        check_access(self.visibility, self.allowed_roles, self.allowed_team_ids)
        return self


class SourceCreate(SourceFields):
    """A new source."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "Carta de serviços",
                    "kind": "sitemap",
                    "address": "https://www.gov.br/sitemap.xml",
                    "every_minutes": 1440,
                    "options": {"under": "/servicos/", "max_items": 200},
                },
                {
                    "name": "Manuais",
                    "kind": "s3",
                    "address": "s3://manuais/publicados/",
                    "options": {"endpoint": "https://fsn1.your-objectstorage.com"},
                    "credentials": {"access_key_id": "AK…", "secret_access_key": "…"},
                },
            ]
        },
    )

    name: Name
    kind: SourceKind
    address: Address = Field(
        description="Of the page or the sitemap; of a bucket: `s3://bucket/prefix`"
    )
    credentials: BucketKey | None = Field(
        default=None, description="`s3`: without any, the bucket must be public. Never shown again"
    )

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind is SourceKind.S3:
            if not _S3.fullmatch(self.address):
                raise PydanticCustomError(
                    "s3_address", "Informe o endereço como s3://bucket/prefixo."
                )
        elif self.credentials is not None:
            raise PydanticCustomError("s3_only", "Só fontes do tipo s3 têm credenciais.")
        return self


class SourceChange(BaseModel):
    """What changes; the rest stays. Another address is another source."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"every_minutes": 60}]}
    )

    name: Name | None = None
    every_minutes: Minutes = None
    options: SourceOptions | None = None
    chunking: Chunking | None = None
    language: Language | None = None
    tags: Tags | None = None
    visibility: Visibility | None = None
    allowed_roles: Roles | None = None
    allowed_team_ids: Teams | None = None
    credentials: BucketKey | None = Field(
        default=None, description="Others from now on; null: none any more"
    )

    @field_validator("name", "options", "chunking", "tags", "visibility", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("not_null", "Este campo não pode ser nulo.")
        return value


def check_access(visibility: Visibility, roles: list[Role], teams: list[UUID]) -> None:
    """Raises what pydantic shows for an access list that does not fit together."""
    if visibility is Visibility.CLIENT:
        raise PydanticCustomError(
            "visibility", "Documentos de uma fonte são da organização ou restritos."
        )
    if visibility is not Visibility.RESTRICTED and (roles or teams):
        raise PydanticCustomError(
            "restricted_only",
            "allowed_roles e allowed_team_ids só valem com visibility restricted.",
        )


class RunRead(BaseModel):
    """One look at a source."""

    id: UUID
    state: str = Field(examples=["succeeded"])
    trigger: RunTrigger
    requested_by: UUID | None
    percent: int
    found: int = Field(description="Pages or objects that were listed")
    added: int
    changed: int
    unchanged: int
    gone: int = Field(description="Missed so often that they are marked; documents stay")
    failed: int
    skipped: int = Field(description="Whose document somebody has deleted")
    error_code: str | None
    error_message: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of the queue."""
        values = {name: getattr(row, name) for name in cls.model_fields}
        return cls(**{**values, "state": row.state.value})


assert set(COUNTS) <= set(RunRead.model_fields)  # noqa: S101 - every count is shown


class ItemRead(BaseModel):
    """One page or object of a source."""

    id: UUID
    address: str
    document_id: UUID | None
    state: ItemState
    misses: int = Field(description="Looks in a row that did not find it")
    error_code: str | None
    error_message: str | None
    checked_at: datetime | None


class SourceRead(BaseModel):
    """A source and its last look."""

    id: UUID
    name: str
    kind: SourceKind
    address: str
    options: SourceOptions
    has_credentials: bool
    every_minutes: int | None
    next_sync_at: datetime | None
    last_synced_at: datetime | None
    chunking: Chunking
    language: Language | None
    tags: list[str]
    visibility: Visibility
    allowed_roles: list[Role]
    allowed_team_ids: list[UUID]
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    version: int
    last_run: RunRead | None

    @classmethod
    def of(cls, source: WatchedSource, run: Any | None) -> Self:
        """`run` is the source's latest, if there was one."""
        apart = {"has_credentials", "last_run", "options"}
        values = {name: getattr(source, name) for name in cls.model_fields if name not in apart}
        return cls(
            **values,
            options=SourceOptions.model_validate(source.options),
            has_credentials=source.sealed_credentials is not None,
            last_run=None if run is None else RunRead.of(run),
        )
