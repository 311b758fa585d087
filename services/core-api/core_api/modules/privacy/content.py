"""What is kept in words about a request, as it is sealed: personal data, all of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

CONTENT: Final = "privacy_requests.content"
REPRESENTATIVE: Final = "privacy_requests.representative"
BODY: Final = "privacy_messages.body"
STEP: Final = "privacy_request_steps.text"
"""The fields that sealed texts are bound to."""


@dataclass(frozen=True, slots=True)
class RequestContent:
    """What a request says in the subject's words."""

    description: str | None = None
    corrections: Mapping[str, Any] = field(default_factory=dict)
    """For `correction`: field of the client → what it should be, as a PATCH of it takes it."""

    def written(self) -> str | None:
        """For sealing; None where nothing was said."""
        if self.description is None and not self.corrections:
            return None
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Back from what was sealed; empty where the key is gone."""
        return cls() if text is None else cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Representative:
    """Who asks for the subject, and what proves that they may (LGPD Art. 18 § 3)."""

    name: str
    document: str | None
    contact: str | None
    proof: str
    proof_attachment_id: str | None = None
    proof_sha256: str | None = None

    def written(self) -> str:
        """For sealing."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Back from what was sealed; None where there is none, or the key is gone."""
        return None if text is None else cls(**json.loads(text))
