"""Answers that are being written while a person is erased.

What was read before the erasing may name the person, and stands nowhere yet: it is waited for, so
that looking once more finds it. An answer that begins later finds nothing of the person to tell.
"""

import asyncio
from typing import Final

import sqlalchemy as sa

from ai_svc.modules.chat.models import ConversationMessage, MessageStatus
from ai_svc.modules.privacy.work import Work

_PAUSE: Final = 0.25
"""Seconds between two looks."""


async def await_running_answers(work: Work) -> None:
    """Until all that are being written now are whole, or their process is gone. LeaseLost."""
    message = ConversationMessage
    running = sa.select(message.id).where(
        message.organization_id == work.organization_id,
        message.status == MessageStatus.RUNNING,
        message.run_expires_at > sa.func.clock_timestamp(),
    )
    waited_for = running
    while True:
        async with work.database.transaction(work.organization_id, read_only=True) as session:
            left = (await session.scalars(waited_for)).all()
        if not left:
            return
        waited_for = running.where(message.id.in_(left))
        await work.show("await_running_answers", 95)
        await asyncio.sleep(_PAUSE)
