"""Documents whose every word is known: what the files of the extraction bench are written from."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.texts import Words

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A heading (`level` 1-6), a paragraph (0), a list item (-1), a table, or a page's end."""

    text: str = ""
    level: int = 0
    rows: tuple[Row, ...] = ()
    page_break: bool = False


@dataclass(frozen=True, slots=True)
class KnownText:
    """A document in reading order."""

    title: str
    parts: tuple[Part, ...]

    @property
    def headings(self) -> list[str]:
        """In order."""
        return [part.text for part in self.parts if part.level > 0]

    @property
    def rows(self) -> list[Row]:
        """Of all tables, in order."""
        return [row for part in self.parts for row in part.rows]

    @property
    def words(self) -> list[str]:
        """In reading order, as `words_of` cuts them."""
        return words_of("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for part in self.parts:
            yield part.text
            yield from (" ".join(row) for row in part.rows)


def words_of(text: str) -> list[str]:
    """Letters and digits between blanks, marks and signs left out."""
    return "".join(sign if sign.isalnum() else " " for sign in text).casefold().split()


def made_up(
    seed: int,
    *,
    sections: int = 4,
    tables: bool = True,
    paragraphs: int = 3,
    page_breaks: bool = False,
) -> KnownText:
    """Sections with paragraphs, an item list and a table each; Portuguese, no two seeds alike."""
    words = Words(random.Random(seed))
    parts = [Part(f"{words.heading()}: Instrução nº {seed}", level=1)]
    for number in range(1, sections + 1):
        if page_breaks and number > 1:
            parts.append(Part(page_break=True))
        parts.append(Part(f"{number}. {words.heading()}", level=2))
        parts += [Part(_paragraph(words)) for _ in range(paragraphs)]
        parts += [Part(words.heading().lower(), level=-1) for _ in range(3)]
        if tables:
            parts.append(Part(rows=tuple(_rows(words, seed + number))))
    return KnownText(parts[0].text, tuple(parts))


def _paragraph(words: Words) -> str:
    return " ".join(words.sentence() for _ in range(3))


def _rows(words: Words, seed: int) -> Iterator[Row]:
    dice = random.Random(seed)
    yield ("Código", "Descrição do serviço", "Prazo", "Valor")
    for _ in range(5):
        value = f"R$ {dice.randint(1, 9)}.{dice.randint(100, 999)},{dice.randint(10, 99)}"
        yield (f"S{dice.randint(100, 999)}", words.heading(), f"{dice.randint(2, 90)} dias", value)
