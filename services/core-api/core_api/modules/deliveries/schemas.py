"""What deliveries look like on the wire; and what worker-svc and this service say to each other."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from chassis.messaging.job_queue import JobState
from core_api.inputs import Input
from core_api.modules.deliveries.models import OWNERS, DeliveryKind
from shared_schemas.ids import OrganizationId

UNDELIVERABLE: Final = frozenset({"NO_ADDRESS", "BAD_ADDRESS"})
"""Codes of what failed because nobody knows where it should go."""


class MailState(StrEnum):
    """How far a mail has come."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    WITHDRAWN = "withdrawn"


_STATES: Final = {
    JobState.PENDING: MailState.WAITING,
    JobState.PROCESSING: MailState.SENDING,
    JobState.SUCCEEDED: MailState.SENT,
    JobState.FAILED: MailState.FAILED,
    JobState.CANCELLED: MailState.WITHDRAWN,
}
_OVERTAKEN: Final = "Uma pessoa informou que a mensagem seguiu por outro meio"
CALLED_OFF: Final = f"{_OVERTAKEN}."
UNCONFIRMED: Final = (
    f"{_OVERTAKEN} quando este envio já estava em curso. "
    "Ele não foi confirmado e não será repetido."
)
_CALLED_OFF_UNDER_WAY: Final = {
    JobState.PENDING: UNCONFIRMED,
    JobState.PROCESSING: f"{_OVERTAKEN} quando este envio já estava em curso: ele ainda pode sair.",
    JobState.SUCCEEDED: f"{_OVERTAKEN} quando este envio já estava em curso: ele também saiu.",
}


class DeliveryRead(BaseModel):
    """How far a mail has come, and what proves that it went."""

    id: UUID
    state: MailState = Field(
        description="`waiting` also where no mail server is configured: a person sends it then. "
        "`withdrawn`: it is not tried any more; the cause says whether it was under way"
    )
    attempts: int
    next_attempt_at: datetime | None = Field(description="Not before then, while it is waiting")
    sent_at: datetime | None = Field(description="When a mail server took it over")
    message_id: str | None = Field(
        description="`Message-ID` of the mail that went out: the proof",
        examples=["<0192a000-0000-7000-8000-0000000000d1@assist.example.org>"],
    )
    called_off_at: datetime | None = Field(
        description="When a person saw to it while it was being sent: it may go out all the same, "
        "and is not tried again"
    )
    cause: str | None = Field(
        description="Why it did not go out, or not yet; or that it was called off under way",
        examples=["O cliente não tem endereço de e-mail cadastrado."],
    )

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of the table."""
        return cls(**_read(row))


class DeliveryDetail(DeliveryRead):
    """A delivery with what it is of, in the list of all."""

    kind: DeliveryKind
    owner_id: UUID = Field(description="The message, notice or link that is sent")
    client_id: UUID = Field(description="Whom it is about")
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of the table."""
        kind = DeliveryKind(row.kind)
        return cls(
            **_read(row),
            kind=kind,
            owner_id=getattr(row, OWNERS[kind][0]),
            client_id=row.client_id,
            created_at=row.created_at,
        )


def _read(row: Any) -> dict[str, Any]:
    job = JobState(row.state)
    state = _STATES[job]
    if state is MailState.FAILED and row.error_code in UNDELIVERABLE:
        state = MailState.UNDELIVERABLE
    cause, waiting = row.error_message, job is JobState.PENDING
    if row.called_off_at is not None:
        cause = _CALLED_OFF_UNDER_WAY.get(job, cause)
        if waiting:  # whoever claims it next ends it
            state, waiting = MailState.WITHDRAWN, False
    return {
        "id": row.id,
        "state": state,
        "attempts": row.attempts,
        "next_attempt_at": row.run_at if waiting else None,
        "sent_at": row.sent_at,
        "message_id": row.message_id,
        "called_off_at": row.called_off_at,
        "cause": cause,
    }


class HeldDelivery(Input):
    """Proof that the caller holds the delivery: of whom it is, and the token of its lease."""

    organization_id: OrganizationId
    lease_token: int


MessageId = Annotated[str, StringConstraints(pattern=r"^<[!-;=?-~]{1,250}>$")]


class DeliverySent(HeldDelivery):
    """A mail server took it over."""

    message_id: MessageId
    sent_at: AwareDatetime


class DeliveryNotSent(HeldDelivery):
    """Why it did not go out: for programs, and for people in Brazilian Portuguese. Never what a
    mail server said: that may name the address."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,64}$")]
    message: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    retry: bool


class MailToSend(BaseModel):
    """The finished mail."""

    model_config = ConfigDict(from_attributes=True)

    to: str
    subject: str
    text: str
    sender_name: str = Field(description="The organization")
    reply_to: str | None = Field(description="Where answers go: to who answers for personal data")


class DeliveryBegun(BaseModel):
    """What there is to send; without a mail the delivery has ended."""

    mail: MailToSend | None
