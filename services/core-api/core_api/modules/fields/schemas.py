"""What field definitions look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from core_api.inputs import Input, Line, absent
from core_api.modules.fields.models import FieldEntity, FieldType


def _distinct(choices: list[str]) -> list[str]:
    if len({choice.casefold() for choice in choices}) != len(choices):
        raise ValueError("Há opções repetidas. Deixe cada uma uma vez.")
    return choices


Key = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40),
    Field(description="Name of its values, snake_case; never changes", examples=["matricula"]),
]
FieldLabel = Annotated[
    Line, StringConstraints(max_length=80), Field(examples=["Matrícula do servidor"])
]
Choice = Annotated[Line, StringConstraints(max_length=100)]
Choices = Annotated[
    list[Choice],
    Field(max_length=200, description="Of a field of type `choice`", examples=[["ouro", "prata"]]),
    AfterValidator(_distinct),
]
Position = Annotated[int, Field(ge=0, le=10_000, description="Order on the form, smallest first")]
CustomValues = Annotated[
    dict[str, Any],
    Field(
        max_length=200,
        description="Values of the organization's own fields, by key; null empties one",
        examples=[{"matricula": "A-1020"}],
    ),
]


class FieldCreate(Input):
    """A new field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "entity": "client",
                    "key": "categoria",
                    "label": "Categoria",
                    "type": "choice",
                    "choices": ["ouro", "prata"],
                    "required": False,
                }
            ]
        }
    )

    entity: FieldEntity
    key: Key
    label: FieldLabel
    type: FieldType
    choices: Choices = Field(default=[])
    required: bool = Field(default=False, description="New records need a value; old ones stay")
    position: Position = 0

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if (self.type is FieldType.CHOICE) != bool(self.choices):
            raise ValueError("Informe as opções de um campo de escolha, e só dele.")
        return self


class FieldUpdate(Input):
    """What changes. Key, entity and type stay: values that exist must keep their meaning."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"choices": ["ouro", "prata", "bronze"]}]}
    )

    label: FieldLabel = absent()
    choices: Choices = absent()
    required: bool = absent()
    position: Position = absent()


class FieldRead(BaseModel):
    """A field of the organization's own."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    entity: FieldEntity
    key: str = Field(examples=["categoria"])
    label: str = Field(examples=["Categoria"])
    type: FieldType
    choices: list[str] = Field(examples=[["ouro", "prata"]])
    required: bool
    position: int
    archived_at: datetime | None = Field(description="Since when it takes no new values")
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
