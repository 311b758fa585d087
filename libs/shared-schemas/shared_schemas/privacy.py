"""What core-api asks every service about one data subject, over /internal/v1/privacy.

`POST /internal/v1/privacy/erasure-preview`: ErasurePreviewQuery → ErasurePreview, what would be
erased. `POST /internal/v1/privacy/subject-data`: SubjectDataQuery → SubjectData, page by page, what
is kept about the person (LGPD Art. 19, II). Labels, origins and criteria are read by that person:
plain Brazilian Portuguese. And what a service that erases asks core-api: `POST
/internal/v1/erasures/known-values`: KnownValuesQuery → KnownValues, by which texts are found that
name the person without saying so by id; and `POST /internal/v1/known-values/outdated`:
OutdatedValuesQuery → KnownValues, which is not so any more. Held in memory, never written down.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared_schemas.ids import OrganizationId

MAX_SUBJECT_IDS: Final = 200
MAX_PAGE_RECORDS: Final = 1_000

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Scalar = str | int | float | bool | None
# Flat on purpose: a record is a line of a CSV file and a block of a printed page as well.
Record = dict[Name, Scalar | list[Scalar]]


class StoreAction(StrEnum):
    """What erasure does with a store's rows."""

    ERASE = "erase"
    ANONYMISE = "anonymise"
    KEEP = "keep"


class Question(BaseModel):
    """About whom: a client, and every client merged into it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organization_id: OrganizationId
    client_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_SUBJECT_IDS)]


class KnownPhone(BaseModel):
    """Without a country: digits as they were written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    country: str = Field(default="", repr=False)
    national: str = Field(repr=False)


class KnownValues(BaseModel):
    """What a person is and was known by, as core-api has it: whole values and nothing in parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    names: list[str] = Field(default_factory=list, repr=False)
    documents: list[str] = Field(
        default_factory=list, repr=False, description="CPF and CNPJ, without punctuation"
    )
    emails: list[str] = Field(default_factory=list, repr=False)
    phones: list[KnownPhone] = Field(default_factory=list, repr=False)
    ceps: list[str] = Field(default_factory=list, repr=False)


class KnownValuesQuery(BaseModel):
    """Asks what the person whose erasure is under way is known by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organization_id: OrganizationId
    privacy_request_id: UUID


class OutdatedValuesQuery(Question):
    """Asks what these clients were known by and are not any more: it was corrected."""


class ErasurePreviewQuery(Question):
    """Asks what an erasure would do here. Changes nothing."""

    known: KnownValues = Field(default_factory=KnownValues, repr=False)


class SubjectDataQuery(Question):
    """Asks for the data itself. `cursor` is the `next_cursor` of the page before."""

    limit: int = Field(default=500, ge=1, le=MAX_PAGE_RECORDS)
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None


class StoreCount(BaseModel):
    """One store: a table, a prefix of the object storage, keys in Redis."""

    model_config = ConfigDict(frozen=True)

    store: str
    label: Label
    count: int = Field(ge=0)
    is_at_least: bool = Field(
        default=False, description="Counting took too long and was left there: there may be more"
    )
    action: StoreAction
    ground: str | None = Field(
        default=None, description="The legal ground, when something must be kept"
    )


class ErasurePreview(BaseModel):
    """Every store of one service, those with nothing about the person too."""

    model_config = ConfigDict(frozen=True)

    service: str
    stores: list[StoreCount]


class DataSection(BaseModel):
    """Records of one kind. On a later page a section of the same name goes on."""

    model_config = ConfigDict(frozen=True)

    name: Name
    label: Label
    purpose_codes: list[str] = Field(
        default_factory=list, description="Purposes of the registry the records serve, if known"
    )
    origin: str = Field(description="Where the records come from, as the person is told")
    criteria: str | None = Field(
        default=None, description="By which criteria they are used, kept and deleted, as told"
    )
    portable: bool = Field(
        default=True,
        description="Whether it goes to another supplier: what the person provided or caused, not "
        "what the organization thinks of them (Art. 18 V)",
    )
    field_labels: dict[Name, Label] = Field(
        default_factory=dict, description="What each field of a record is called on paper"
    )
    records: list[Record] = Field(default_factory=list)


class SubjectData(BaseModel):
    """One page of what a service keeps about a person. The last page has no `next_cursor`."""

    model_config = ConfigDict(frozen=True)

    service: str
    sections: list[DataSection]
    next_cursor: str | None = None
