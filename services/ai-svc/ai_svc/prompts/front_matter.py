"""What a prompt's file says of itself: who it is, what a model should be told, and its variables.

---
id: answer_question
version: 1
model: {temperature: 0, max_output_tokens: 900, output: json}
variables: {question: text, today: date}     # or a list of names, all of them text
---
"""

from collections.abc import Hashable, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator


class VariableType(StrEnum):
    """What may be put in a variable's place."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"

    def written(self, value: object) -> str:
        """As it stands in the prompt. Raises TypeError for anything of another type."""
        if self is VariableType.TEXT and isinstance(value, str):
            return value
        if self is VariableType.INTEGER and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        # A datetime is a date, and has lost its time zone when it is written as one.
        if self is VariableType.DATE and type(value) is date:
            return value.strftime("%d/%m/%Y")
        raise TypeError(f"{type(value).__name__} is not {self.value}")


class ModelHints(BaseModel):
    """What suits the prompt; none of it is binding for a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None
    output: Literal["text", "json"] = "text"


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class FrontMatter(BaseModel):
    """The whole of it: a name that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    version: Annotated[int, Field(strict=True, ge=1)]
    model: ModelHints = ModelHints()
    variables: Mapping[Name, VariableType] = Field(default_factory=dict)

    @field_validator("variables", mode="before")
    @classmethod
    def _names_alone(cls, given: Any) -> Any:
        return dict.fromkeys(given, VariableType.TEXT) if isinstance(given, list) else given

    @classmethod
    def read(cls, text: str) -> Self:
        """From YAML. Raises ValueError: pydantic's, or that of text which is no YAML."""
        try:
            said = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, see below
        except yaml.YAMLError as error:
            raise ValueError(f"front matter is not YAML: {type(error).__name__}") from error
        return cls.model_validate(said)


class _Loader(yaml.SafeLoader):
    """Plain values only, and no key twice: YAML's own takes the last one and says nothing."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - the base's signature
    ) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key twice", node.start_mark)
        return super().construct_mapping(node, deep)
