"""Prompts are files, versioned by name; a sent prompt never changes, it gets a successor."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import NamedTuple


class Rendered(NamedTuple):
    """What is sent: the rules, and the case at hand."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with its two parts, to be filled in."""

    id: str
    version: int
    system: str
    user: Template

    @property
    def label(self) -> str:
        """For logs and records: `answer_question.v1`."""
        return f"{self.id}.v{self.version}"

    def render(self, **variables: str) -> Rendered:
        """The prompt filled in. An unknown or missing variable is a ValueError or KeyError."""
        unknown = variables.keys() - set(self.user.get_identifiers())
        if unknown:
            raise ValueError(f"{self.label} has no variable {', '.join(sorted(unknown))}")
        return Rendered(self.system, self.user.substitute(variables))


@cache
def read_prompt(prompt_id: str, version: int) -> Prompt:
    """The file `{id}.v{version}.md`: front matter, `# system`, `# user`."""
    text = (files(__name__) / f"{prompt_id}.v{version}.md").read_text(encoding="utf-8")
    _, _, body = text.removeprefix("---\n").partition("\n---\n")
    system, _, user = body.partition("\n# user\n")
    return Prompt(
        id=prompt_id,
        version=version,
        system=system.partition("# system\n")[2].strip(),
        user=Template(user.strip()),
    )
