"""Prompts and choices on the wire."""

from collections.abc import Iterable
from datetime import date, datetime
from difflib import unified_diff
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.modules.prompts.models import Alias, ChangeKind, PromptAlias, PromptAliasChange
from ai_svc.prompts import ModelHints, Prompt, newest_version, versions_of
from ai_svc.prompts.front_matter import VariableType
from ai_svc.prompts.released import digest, released_on
from ai_svc.questions import Input
from shared_schemas.ids import UserId

_CONTEXT: Final = 3

PromptVersion = Annotated[int, Field(ge=1, le=1_000_000, examples=[2])]


class AliasRead(BaseModel):
    """What an alias stands for."""

    alias: Alias
    prompt_version: int | None = Field(
        description="As chosen; null: nobody has, and `effective_version` is the newest released"
    )
    effective_version: int | None = Field(description="What is used now")
    changed_by: UserId | None
    changed_at: datetime | None
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, prompt_id: str, alias: Alias, rows: Iterable[PromptAlias]) -> Self:
        """From the organization's choices for this prompt."""
        chosen = {Alias(row.alias): row for row in rows}
        row = chosen.get(alias)
        wanted = [
            chosen[each].prompt_version for each in (alias, Alias.PRODUCTION) if each in chosen
        ]
        there = [version for version in wanted if version in versions_of(prompt_id)]
        return cls(
            alias=alias,
            prompt_version=row.prompt_version if row is not None else None,
            effective_version=there[0] if there else default_of(prompt_id),
            changed_by=row.changed_by if row is not None else None,
            changed_at=row.updated_at if row is not None else None,
            version=row.version if row is not None else 0,
        )


class PromptRead(BaseModel):
    """A prompt, its versions, and what is used of it."""

    id: str = Field(examples=["answer_question"])
    versions: list[int]
    default_version: int | None = Field(description="The newest released")
    aliases: list[AliasRead]

    @classmethod
    def of(cls, prompt_id: str, rows: Iterable[PromptAlias]) -> Self:
        """With the organization's choices, of whichever prompts."""
        mine = [row for row in rows if row.prompt_id == prompt_id]
        return cls(
            id=prompt_id,
            versions=list(versions_of(prompt_id)),
            default_version=default_of(prompt_id),
            aliases=[AliasRead.of(prompt_id, alias, mine) for alias in Alias],
        )


class PromptVersionRead(BaseModel):
    """One version: it never changes."""

    label: str = Field(description="What answers name", examples=["answer_question.v1"])
    prompt_version: int
    released_on: date | None = Field(description="null: a candidate")
    sha256: str
    model_hints: ModelHints
    variables: dict[str, VariableType]
    system: str = Field(description="The rules, variables as `$name`")
    user: str = Field(description="The case at hand, variables as `$name`")

    @classmethod
    def of(cls, prompt: Prompt) -> Self:
        """From the file."""
        return cls(
            label=prompt.label,
            prompt_version=prompt.version,
            released_on=released_on(prompt.id, prompt.version),
            sha256=digest(prompt.text),
            model_hints=prompt.hints,
            variables=dict(prompt.variables),
            system=prompt.system.template,
            user=prompt.user.template,
        )


class PromptDiffRead(BaseModel):
    """What is different between two versions."""

    from_version: int
    to_version: int
    added: int = Field(description="Lines")
    removed: int = Field(description="Lines")
    diff: str = Field(description="As `diff -u` writes it; empty when nothing is")

    @classmethod
    def of(cls, old: Prompt, new: Prompt) -> Self:
        """Line by line, of the whole files."""
        before, after = old.text.splitlines(), new.text.splitlines()
        lines = list(unified_diff(before, after, old.label, new.label, n=_CONTEXT, lineterm=""))
        changed = lines[2:]
        return cls(
            from_version=old.version,
            to_version=new.version,
            added=sum(line.startswith("+") for line in changed),
            removed=sum(line.startswith("-") for line in changed),
            diff="\n".join(lines),
        )


class AliasChoice(Input):
    """Which version is used from now on."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"prompt_version": 2}]}
    )

    prompt_version: PromptVersion | None = Field(
        strict=True, description="null: the newest released, whichever that is"
    )


class AliasChangeRead(BaseModel):
    """One choice: who, when, what."""

    id: UUID
    alias: Alias
    kind: ChangeKind
    from_version: int | None = Field(description="null: the newest released")
    to_version: int | None = Field(description="null: the newest released")
    undoes_id: UUID | None = Field(description="Of a rollback: the choice it undoes")
    changed_by: UserId
    changed_at: datetime

    @classmethod
    def of(cls, change: PromptAliasChange) -> Self:
        """From the table."""
        own = {name: getattr(change, name) for name in cls.model_fields if name != "changed_at"}
        return cls(**own, changed_at=change.created_at)


def default_of(prompt_id: str) -> int | None:
    """The newest released; None when there are only candidates."""
    try:
        return newest_version(prompt_id)
    except LookupError:
        return None
