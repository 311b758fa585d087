"""A question put to a provider is paid for: set aside before, settled after, whatever happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ai_svc.modules.rag.answering import AnswerFailed, AnswerModel, Draft, Tokens
from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.usage import service as usage
from chassis.data.database import Database
from shared_schemas.actor import Actor

_USE: Final = "ask"
_RULES: Final = 1_500
"""Characters of the prompt around question and passages, generously."""
_CHARACTERS_PER_TOKEN: Final = 2
"""Portuguese has more than three: what is reckoned is rather too much."""
_MOST_OUTPUT: Final = 2_000
"""Tokens: a few sentences and their quotes, several times over."""


@dataclass
class _Bill:
    """What is to be settled: unless somebody knows better, all that was set aside."""

    reservation: usage.Reservation
    tokens: Tokens | None = None
    written: int = 0
    """Characters that came, of an answer nobody waited for."""

    async def settle(self, database: Database) -> None:
        """At what is known."""
        aside, tokens = self.reservation, self.tokens
        if tokens is None:
            output = self.written // _CHARACTERS_PER_TOKEN if self.written else aside.output_tokens
            tokens = Tokens(aside.input_tokens, output)
        if not tokens:
            await usage.release(database, aside)
            return
        await usage.settle(database, aside, input_tokens=tokens.input, output_tokens=tokens.output)


@dataclass(frozen=True, slots=True)
class Paid:
    """A provider's model, on the budget of who asks. Raises BudgetExceeded, too."""

    model: AnswerModel
    database: Database
    actor: Actor

    async def answer(self, evidence: Evidence) -> Draft:
        """As the model does."""
        async with self._bill(evidence) as bill:
            draft = await self.model.answer(evidence)
            bill.tokens = draft.tokens or None  # not every server tells
            return draft

    async def stream(self, evidence: Evidence) -> AsyncGenerator[str | Draft, None]:
        """As the model does. What was written when it is closed is settled."""
        async with (
            self._bill(evidence) as bill,
            aclosing(self.model.stream(evidence)) as parts,
        ):
            async for part in parts:
                if isinstance(part, Draft):
                    bill.tokens = part.tokens or None
                else:
                    bill.written += len(part)
                yield part

    @asynccontextmanager
    async def _bill(self, evidence: Evidence) -> AsyncIterator[_Bill]:
        reservation = await usage.reserve(
            self.database,
            organization_id=self.actor.organization_id,
            user_id=self.actor.user_id,
            use=_USE,
            model=self.model.name,
            input_tokens=_reckoned(evidence),
            max_output_tokens=_MOST_OUTPUT,
            run_id=None,
            request_id=self.actor.request_id,
        )
        bill = _Bill(reservation)
        try:
            yield bill
        except AnswerFailed as error:
            bill.tokens = error.tokens
            raise
        finally:
            # Also when the caller is gone; a second cancellation must not leave it to the sweep.
            await asyncio.shield(bill.settle(self.database))


def _reckoned(evidence: Evidence) -> int:
    shown = sum(len(passage.title) + len(passage.content) for passage in evidence.passages)
    return (_RULES + len(evidence.question) + shown) // _CHARACTERS_PER_TOKEN
