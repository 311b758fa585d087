"""The answer as it grows: what was sent is what it says in the end, character by character."""

from dataclasses import dataclass, field

from ai_svc.modules.agents.events import Proposed, Stretch
from ai_svc.modules.agents.guard import Checked


@dataclass(slots=True)
class Composed:
    """Text with the stretches that nothing bears out."""

    text: str = ""
    unsupported: list[Stretch] = field(default_factory=list)
    proposals: list[Proposed] = field(default_factory=list)

    def add(self, lead: str, checked: Checked) -> str:
        """What to send for the next sentence."""
        start = len(self.text) + len(lead)
        self.text += lead + checked.text
        if not checked.supported:
            self.unsupported.append(Stretch(start=start, end=len(self.text)))
        return lead + checked.text
