"""What a provider does when it is asked, in no protocol's words.

server.then(Refuses(429, retry_after=1), Says("Trinta dias."))
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_WORD: Final = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool. `arguments` as text: what is no JSON is sent as it is."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str = "call_1"

    @property
    def raw(self) -> str:
        """The arguments as OpenAI and Anthropic send them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)

    @property
    def parsed(self) -> Any:
        """The arguments as Google sends them: always an object."""
        return json.loads(self.arguments) if isinstance(self.arguments, str) else self.arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """An answer: text word by word, then tool calls, then how it ended and what it took."""

    text: str = ""
    calls: Sequence[ToolCall] = ()
    input_tokens: int = 100
    output_tokens: int = 20
    ended: str = "stop"
    """stop, length or content_filter. Tool calls say so by themselves."""
    stalls_after: int | None = None
    """Words after which nothing comes any more until `server.go_on()`; without a stream nothing
    at all."""
    cut_after: int | None = None
    """Words after which the connection is gone; without a stream, in the middle of the body."""
    cleanly: bool = False
    """The cut is a well-formed end of the HTTP body: only the protocol's own end is missing."""
    fails_after: int | None = None
    """Words after which the stream says that the provider has failed."""
    garbled_after: int | None = None
    """Words after which an event of the stream is no JSON; without a stream the body is none."""

    every: int | None = None
    """So many characters count as a word, whatever they are."""

    @property
    def words(self) -> list[str]:
        """How the text is streamed."""
        if self.every is None:
            return _WORD.findall(self.text)
        return [self.text[at : at + self.every] for at in range(0, len(self.text), self.every)]


def says(text: str, *calls: ToolCall, **changes: Any) -> Says:
    """The usual answer."""
    return Says(text=text, calls=calls, **changes)


@dataclass(frozen=True, slots=True)
class Refuses:
    """An error instead of an answer, as the protocol words it."""

    status: int
    retry_after: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Stalls:
    """Takes the request and says nothing, not even a status, until `server.go_on()`."""


@dataclass(frozen=True, slots=True)
class HangsUp:
    """Closes the connection instead of answering."""


@dataclass(frozen=True, slots=True)
class Page:
    """Somebody else answers with status 200: a proxy's page."""

    body: str = "<html><body>Bem-vindo</body></html>"
    content_type: str = "text/html"


Reply = Says | Refuses | Stalls | HangsUp | Page
