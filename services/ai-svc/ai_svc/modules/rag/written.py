"""The text of an answer out of a JSON object that is still being written."""

import json
import re
from typing import Final

_BEGINNING: Final = re.compile(r'"answer"\s*:\s*"')
_FIRST_OF_TWO: Final = re.compile(r"\\u[dD][89abAB]")


class Written:
    """What has come so far. `add` gives the new part of the string that `answer` holds."""

    def __init__(self, *, most: int) -> None:
        self.whole = ""
        self._most = most
        self._at = -1  # where the next part of the string begins
        self._ended = False

    def add(self, piece: str) -> str:
        """Raises ValueError when it becomes too long, or is no JSON string."""
        self.whole += piece
        if len(self.whole) > self._most:
            raise ValueError("the reply is too long")
        if self._at < 0:
            begun = _BEGINNING.search(self.whole)
            if begun is None:
                return ""
            self._at = begun.end()
        return "" if self._ended else self._read()

    def _read(self) -> str:
        """Up to the closing quote, or to an escape whose rest has not come."""
        start = end = self._at
        while end < len(self.whole):
            if self.whole[end] == '"':
                self._ended = True
                break
            length = self._length_at(end)
            if end + length > len(self.whole):
                break
            end += length
        self._at = end
        text: str = json.loads(f'"{self.whole[start:end]}"', strict=False)
        return text

    def _length_at(self, place: int) -> int:
        if self.whole[place] != "\\":
            return 1
        if self.whole[place + 1 : place + 2] != "u":
            return 2
        # Beyond the basic plane a character is two escapes.
        return 12 if _FIRST_OF_TWO.match(self.whole, place) else 6
