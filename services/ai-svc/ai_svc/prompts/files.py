"""Reading prompts, strictly: what is wrong with a file is found when it is read, not when it is
sent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Final, NamedTuple

from ai_svc.prompts.front_matter import FrontMatter, ModelHints, VariableType

FILE_NAME: Final = re.compile(r"(?P<id>[a-z][a-z0-9_]*)\.v(?P<version>[1-9][0-9]*)\.md")
FOLDER: Final[Traversable] = files(__package__)
_OPENING: Final = "---\n"
_CLOSING: Final = "\n---\n"
_SYSTEM: Final = "\n# system\n"
_USER: Final = "\n# user\n"


class PromptBroken(ValueError):
    """The file does not say what a prompt's file has to say."""


class Rendered(NamedTuple):
    """What is sent: the rules, and the case at hand."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with its two parts, to be filled in."""

    id: str
    version: int
    system: Template
    user: Template
    variables: Mapping[str, VariableType]
    hints: ModelHints
    text: str
    """The file."""

    @property
    def label(self) -> str:
        """For logs and records: `answer_question.v1`."""
        return f"{self.id}.v{self.version}"

    def render(self, **variables: object) -> Rendered:
        """The prompt filled in. An unknown variable is a ValueError, a missing one a KeyError, a
        value of another type a TypeError.

        Values are put in once, and what they say is not looked at: a `$name` in one stays as it is,
        and a heading in one begins no part of the prompt.
        """
        unknown = variables.keys() - self.variables.keys()
        if unknown:
            raise ValueError(f"{self.label} has no variable {', '.join(sorted(unknown))}")
        missing = self.variables.keys() - variables.keys()
        if missing:
            raise KeyError(f"{self.label} needs {', '.join(sorted(missing))}")
        written = {name: self._written(name, value) for name, value in variables.items()}
        return Rendered(self.system.substitute(written), self.user.substitute(written))

    def _written(self, name: str, value: object) -> str:
        try:
            return self.variables[name].written(value)
        except TypeError as error:
            raise TypeError(f"{name} of {self.label}: {error}") from None


@cache
def read_prompt(prompt_id: str, version: int) -> Prompt:
    """The file `{id}.v{version}.md`. Raises FileNotFoundError, PromptBroken."""
    if version not in versions_of(prompt_id):
        raise FileNotFoundError(f"there is no prompt {prompt_id}.v{version}")
    text = (FOLDER / f"{prompt_id}.v{version}.md").read_text(encoding="utf-8")
    prompt = parse(text)
    if (prompt.id, prompt.version) != (prompt_id, version):
        raise PromptBroken(f"{prompt_id}.v{version}.md says it is {prompt.label}")
    return prompt


def parse(text: str) -> Prompt:
    """Raises PromptBroken: also for a variable that is declared and not used, or the reverse."""
    said, closing, body = text.removeprefix(_OPENING).partition(_CLOSING)
    if not text.startswith(_OPENING) or not closing:
        raise PromptBroken("no front matter between two lines ---")
    try:
        front = FrontMatter.read(said)
    except ValueError as error:
        raise PromptBroken(str(error)) from error
    before, system_heading, parts = f"\n{body}".partition(_SYSTEM)
    if not system_heading or before.strip():
        raise PromptBroken("the text has to begin with # system")
    system, _, user = parts.partition(_USER)
    prompt = Prompt(
        id=front.id,
        version=front.version,
        system=Template(system.strip()),
        user=Template(user.strip()),
        variables=front.variables,
        hints=front.model,
        text=text,
    )
    _check(prompt)
    return prompt


@cache
def prompt_ids() -> Sequence[str]:
    """Of all prompts there are, in alphabetical order."""
    return sorted(_versions())


def versions_of(prompt_id: str) -> Sequence[int]:
    """The versions there are, oldest first; none of a prompt that does not exist."""
    return _versions().get(prompt_id, ())


@cache
def _versions() -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for file in FOLDER.iterdir():
        if match := FILE_NAME.fullmatch(file.name):
            found.setdefault(match["id"], []).append(int(match["version"]))
    return {prompt_id: sorted(versions) for prompt_id, versions in found.items()}


def _check(prompt: Prompt) -> None:
    for part in (prompt.system, prompt.user):
        if not part.is_valid():
            raise PromptBroken(f"{prompt.label}: a $ that is no variable is written $$")
    if not prompt.system.template:
        raise PromptBroken(f"{prompt.label} has no rules")
    used = {*prompt.system.get_identifiers(), *prompt.user.get_identifiers()}
    for names, what in (
        (used - prompt.variables.keys(), "not declared"),
        (prompt.variables.keys() - used, "not used"),
    ):
        if names:
            raise PromptBroken(f"{prompt.label}: {', '.join(sorted(names))} {what}")
