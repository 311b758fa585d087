"""Who gets a text that leaves the house: providers of models, as the register of transfers knows
them (LGPD Art. 33)."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints

HOME: Final = "BR"
"""What stays in the country is no international transfer."""

ProviderCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A provider in a country: `code` as the register has it, `country` as ISO 3166-1."""

    code: str
    country: str

    @property
    def is_abroad(self) -> bool:
        """Whether what it is sent is an international transfer."""
        return self.country != HOME


# Whoever nothing else was said of: what is not known is abroad.
OPENAI: Final = Recipient("openai", "US")
UNNAMED_RERANKER: Final = Recipient("reranker", "US")
