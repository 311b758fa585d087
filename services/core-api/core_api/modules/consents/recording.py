"""Who stands behind a change of consents: a member, the client by a link, or time."""

from dataclasses import dataclass

from core_api import recording
from core_api.modules.consents.models import NOBODY
from shared_schemas.ids import UserId


@dataclass(frozen=True, slots=True)
class Recorder(recording.Recorder):
    """Writes audit rows and events as caused by whoever it was; receipts name the member."""

    @property
    def user_id(self) -> UserId:
        """The member who recorded it, or NOBODY."""
        return NOBODY if self.actor is None else self.actor.user_id
