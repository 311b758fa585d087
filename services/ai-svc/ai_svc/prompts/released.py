"""The list of prompts that may be used, `released.toml`: what each was when it was released."""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.prompts import files
from ai_svc.prompts.files import prompt_ids, read_prompt, versions_of

LIST: Final = "released.toml"


class Release(BaseModel):
    """One file. Without a day it is a candidate: used where somebody says so, and nowhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    released_on: date | None = None


def digest(text: str) -> str:
    """What a file is compared by."""
    return sha256(text.encode()).hexdigest()


def labels() -> Iterable[tuple[str, int]]:
    """Every file there is."""
    for prompt_id in prompt_ids():
        for version in versions_of(prompt_id):
            yield prompt_id, version


@cache
def releases() -> Mapping[str, Release]:
    """By label: `answer_question.v1`."""
    listed = tomllib.loads((files.FOLDER / LIST).read_text(encoding="utf-8"))
    return {label: Release.model_validate(said) for label, said in listed.items()}


def newest_version(prompt_id: str) -> int:
    """The newest that was released. Raises LookupError when none was."""
    versions = [version for version in versions_of(prompt_id) if released_on(prompt_id, version)]
    if not versions:
        raise LookupError(f"no version of {prompt_id} was released")
    return versions[-1]


def released_on(prompt_id: str, version: int) -> date | None:
    """Since when it is used by whoever has chosen nothing."""
    release = releases().get(f"{prompt_id}.v{version}")
    return release.released_on if release is not None else None


def faults() -> list[str]:
    """What is wrong with the files, against the list: nothing, or nothing may be sent."""
    listed, there = dict(releases()), []
    for prompt_id, version in labels():
        prompt = read_prompt(prompt_id, version)
        release = listed.pop(prompt.label, None)
        if release is None:
            there.append(f"{prompt.label} is not in {LIST}: python -m ai_svc.prompts.sealing")
        elif release.sha256 != digest(prompt.text):
            there.append(f"{prompt.label} was changed: a sent prompt gets a successor")
    return there + [f"{label} is in {LIST}, and gone" for label in listed]
