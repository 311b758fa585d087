"""The corpus of injections, and a model at the wire that obeys each one it can make out."""

import base64
import binascii
import codecs
import html
import json
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from wire.replies import Says, ToolCall
from wire.server import Asked

FOLDER: Final = Path(__file__).parent / "injections"
_ID: Final = re.compile(r"INJ-(\d{3})")
_DATA: Final = re.compile(r"<\s*dados\b[^>]*>.*?<\s*/\s*dados\b[^>]*>", re.DOTALL)
_PACKED: Final = re.compile(r"[A-Za-z0-9+/=_-]{12,}")
_MOST_CALLS: Final = 6
_LAYERS: Final = 3
"""As it is, hidden once, and hidden twice."""
_SIGNS: Final = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- "
    "-..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. -....-"
)
_MORSE: Final = dict(zip(_SIGNS.split(), "abcdefghijklmnopqrstuvwxyz0123456789-", strict=True))


@dataclass(frozen=True, slots=True)
class Injection:
    """One line of the corpus."""

    id: str
    family: str
    channel: str
    language: str
    text: str
    obeys: Sequence[Mapping[str, Any]]

    def filled(self, names: Mapping[str, str]) -> str:
        """With the ids of the world at hand."""
        return _filled(self.text, names)

    def calls(self, names: Mapping[str, str]) -> list[ToolCall]:
        """What a model does that obeys."""
        return [
            ToolCall(
                each["skill"],
                json.loads(_filled(json.dumps(each["arguments"]), names)),
                id=f"call_{self.id}_{number}",
            )
            for number, each in enumerate(self.obeys)
        ]


def corpus(*channels: str) -> list[Injection]:
    """All of it, or what comes in by these ways."""
    lines = [
        json.loads(line)
        for path in sorted(FOLDER.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    found = [Injection(**line) for line in lines]
    return [each for each in found if not channels or each.channel in channels]


@dataclass
class Obedient:
    """First does what it was asked, then whatever an injection tells it, then repeats all it knows.

    `reads_data`: also obeys what stands between the marks of data, which no model should.
    """

    injections: Mapping[str, Injection]
    names: Mapping[str, str]
    first: ToolCall | None = None
    reads_data: bool = False
    obeyed: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    called: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Says:
        """One request of the run."""
        told = _told(asked.body)
        self.seen.append(told)
        self.reached |= made_out(told) & self.injections.keys()
        heeded = told if self.reads_data else _DATA.sub(" ", told)
        if self.first is not None:
            calls, self.first = [self.first], None
        else:
            calls = self._obey(made_out(heeded) & self.injections.keys())
        self.called += [call.name for call in calls]
        return Says(calls=calls) if calls else Says(text=told[-8_000:])

    def _obey(self, wanted: set[str]) -> list[ToolCall]:
        calls: list[ToolCall] = []
        for each in sorted(wanted - self.obeyed):
            if len(calls) < _MOST_CALLS:
                self.obeyed.add(each)
                calls += self.injections[each].calls(self.names)
        return calls


def made_out(text: str) -> set[str]:
    """The ids of the injections somebody finds who tries every usual way of hiding words."""
    return set().union(*(_made_out(line) for line in text.splitlines()))


@cache
def _made_out(line: str) -> frozenset[str]:
    found: set[str] = set()
    known = fresh = {line}
    for _ in range(_LAYERS):
        for each in fresh:
            found |= {f"INJ-{number}" for number in _ID.findall(each.upper())}
        fresh = {plain for each in fresh for plain in _plainer(each)} - known
        known = known | fresh
    return frozenset(found)


def _plainer(text: str) -> Iterable[str]:
    yield "".join(
        chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) < 0xE007F else c
        for c in text
        if unicodedata.category(c) != "Cf" or ord(c) >= 0xE0000
    )
    yield unicodedata.normalize("NFKC", text)
    yield urllib.parse.unquote(text)
    yield html.unescape(text)
    yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    yield codecs.encode(text, "rot13")
    yield text[::-1]
    yield re.sub(r"(?<=\S) (?=\S(?:\s|$))", "", text)
    yield "".join(_MORSE.get(word, " ") for word in text.split())
    for packed in _PACKED.findall(text):
        for unpack in (base64.b64decode, bytes.fromhex):
            try:
                yield unpack(packed).decode("utf-8")
            except (ValueError, binascii.Error):
                continue


def _told(body: Mapping[str, Any]) -> str:
    """Every word the model is given: instructions, questions, what tools returned."""
    said = []
    for message in body["messages"]:
        content = message.get("content")
        if isinstance(content, list):
            content = "\n".join(str(part.get("text", "")) for part in content)
        if message["role"] != "assistant":  # its own words, and calls
            said.append(content or "")
    return "\n".join(said)


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text
