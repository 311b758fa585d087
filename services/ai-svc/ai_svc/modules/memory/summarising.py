"""A summary by a model, where the organization has one: made after an answer, used by the next.

It is at hand for a day with the digest of the messages it was made of, and used only while exactly
those may be recalled. Whatever does not work, the lines chosen without a model have it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from ai_svc.desk import Desk
from ai_svc.marking import cleaned, marked
from ai_svc.modules.memory import history, short_term
from ai_svc.modules.memory.history import Message
from ai_svc.modules.memory.summary import summarise
from ai_svc.modules.prompts.service import prompt_for
from ai_svc.modules.providers.service import Call, Use
from shared_schemas.actor import Actor

_log = structlog.get_logger(__name__)

PROMPT: Final = "summarise_conversation"
STEP: Final = 20
"""So many messages more are summarised anew; meanwhile their lines stand below the summary."""
_SECONDS: Final = 15.0
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a model made of the older messages up to one of them."""

    text: str
    until: UUID
    digest: str

    @classmethod
    def read(cls, kept: str | None) -> "Summary | None":
        """As it was kept."""
        if kept is None:
            return None
        text, until, digest = json.loads(kept)
        return cls(text, UUID(until), digest)

    def kept(self) -> str:
        """As it is kept."""
        return json.dumps([self.text, str(self.until), self.digest], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Carried:
    client_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...]


class NobodyElse(Exception):
    """No model outside may or can be asked."""


def told(older: Sequence[Message], made: Summary | None) -> str | None:
    """Of what was said before; `older` is newest first."""
    if made is None:
        return summarise(older)
    since = [each for each in older if each.id > made.until]
    if _digest(older[len(since) :]) != made.digest:
        return summarise(older)
    rest = summarise(since)
    return made.text if rest is None else f"{made.text}\n{rest}"


async def renew(desk: Desk, actor: Actor, conversation_id: UUID) -> None:
    """Makes one where there is none yet that goes far enough. Raises nothing."""
    if not await desk.brain.has_provider(actor.organization_id):
        return
    key = short_term.key_of(actor.organization_id, conversation_id)
    try:
        number = await short_term.number_of(desk.redis, key)
        async with desk.database.transaction(actor.organization_id, read_only=True) as session:
            said = await history.messages(session, actor, conversation_id, None)
        older = said[history.WINDOW :]
        made = Summary.read(await short_term.read_summary(desk.redis, key))
        since = [each for each in older if made is None or each.id > made.until]
        if len(since) < STEP:
            return
        text = await _asked(desk, actor, older)
        fresh = Summary(text, older[0].id, _digest(older))
        await short_term.write_summary(desk.redis, key, number, fresh.kept())
    except Exception as error:  # noqa: BLE001 - whatever it was, the built-in summary is there
        _log.info("summary_without_a_model", reason=type(error).__name__)


async def _asked(desk: Desk, actor: Actor, older: Sequence[Message]) -> str:
    prompt = await prompt_for(desk.database, actor.organization_id, PROMPT)
    lines = "\n".join(f"{each.role}: {each.preview}" for each in reversed(older))
    rendered = prompt.render(lines=marked("conversa", lines))
    call = Call(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        request_id=actor.request_id,
        use=Use.SUMMARY,
        carried=_Carried(
            tuple({who for each in older for who in each.client_ids}),
            tuple({document for each in older for document in each.document_ids}),
        ),
    )
    model = await desk.brain.model(call, FunctionModel(_nobody_else))
    settings = ModelSettings(request_timeout=_SECONDS)
    if prompt.hints.max_output_tokens is not None:
        settings["max_tokens"] = prompt.hints.max_output_tokens
    agent = Agent(model, output_type=str, instructions=rendered.system, retries=0)
    limits = UsageLimits(request_limit=1)
    result = await agent.run(rendered.user, model_settings=settings, usage_limits=limits)
    return cleaned(result.output.strip(), longest=_LONGEST)


def _nobody_else(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    raise NobodyElse


def _digest(covered: Sequence[Message]) -> str:
    ids = "\n".join(str(each.id) for each in covered)
    return hashlib.sha256(ids.encode()).hexdigest()
