"""How a document is cut, in one word that a column holds: "auto", "law", "fixed/300/30"."""

from dataclasses import dataclass
from typing import Final, Self

from knowledge.chunking.passage import Sizes
from knowledge.models import Chunking

PATTERN: Final = r"^(semantic|heading|fixed|law|qa|auto)(/\d{1,4}(/\d{1,4})?)?$"


@dataclass(frozen=True, slots=True)
class Cutting:
    """A strategy, and the sizes where somebody chose them. Raises ValueError for sizes beyond the
    bounds, and for an overlap of anything but windows: where passages begin with what they are
    about, repeating the end of another one helps nobody.
    """

    strategy: Chunking = Chunking.AUTO
    size: int | None = None
    overlap: int | None = None

    def __post_init__(self) -> None:
        if self.overlap is not None and self.strategy is not Chunking.FIXED:
            raise ValueError("only windows overlap")
        Sizes.chosen(self.size, self.overlap)

    @classmethod
    def read(cls, key: str) -> Self:
        """From `key`."""
        strategy, size, overlap = [*key.split("/"), "", ""][:3]
        return cls(
            Chunking(strategy), int(size) if size else None, int(overlap) if overlap else None
        )

    @property
    def key(self) -> str:
        """As a column holds it; equal ones are cut in the same way."""
        if self.overlap is not None:
            return f"{self.strategy}/{self.size or Sizes().fixed}/{self.overlap}"
        return f"{self.strategy}/{self.size}" if self.size else str(self.strategy)

    @property
    def sizes(self) -> Sizes:
        """In tokens."""
        return Sizes.chosen(self.size, self.overlap)
