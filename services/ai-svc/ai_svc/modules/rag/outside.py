"""Answers by a model outside, whichever the Brain finds: in the organization's order, with the data
it may see, in time, on the budget of who asks."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.settings import ModelSettings

from ai_svc.marking import marked
from ai_svc.modules.prompts.service import Prompt
from ai_svc.modules.providers.service import Brain, Call, Candidate, Chain, Kept, Use
from ai_svc.modules.rag.answering import AnswerFailed, Draft, MustStayHere
from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.rag.reply import read_reply
from ai_svc.modules.rag.written import Written
from shared_schemas.actor import Actor

_LONGEST_REPLY: Final = 200_000
"""Characters; a model that goes on and on is not answering."""
_JSON: Final = ModelRequestParameters(output_mode="prompted")
"""The prompt says what it looks like; servers that have a switch for it are told that it is one."""


@dataclass(frozen=True, slots=True)
class _Carried:
    client_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class OutsideModels:
    """Those an organization asks, for one question of an actor, about a client or none."""

    brain: Brain
    actor: Actor
    client_id: UUID | None
    candidates: Sequence[Candidate]
    """Best first; at least one."""
    prompt: Prompt

    @property
    def name(self) -> str:
        """The best one's."""
        return self.candidates[0].model

    @property
    def version(self) -> str:
        """Models, what they may see, and prompt."""
        return f"{'>'.join(map(str, self.candidates))}/{self.prompt.label}"

    async def answer(self, evidence: Evidence) -> Draft:
        """With those of its citations that the passages bear out.

        Raises AnswerFailed, MustStayHere, BudgetExceeded.
        """
        chain = await self._chain(evidence)
        response = await model_request(
            chain,
            self._messages(evidence),
            model_settings=self._settings(),
            model_request_parameters=_JSON,
            instrument=False,
        )
        return self._draft(chain, _text_in(response), evidence)

    async def stream(self, evidence: Evidence) -> AsyncGenerator[str | Draft, None]:
        """The answer's text while it is written. Closing the iterator hangs up on the provider."""
        chain = await self._chain(evidence)
        written = Written(most=_LONGEST_REPLY)
        try:
            async with model_request_stream(
                chain,
                self._messages(evidence),
                model_settings=self._settings(),
                model_request_parameters=_JSON,
                instrument=False,
            ) as events:
                async for event in events:
                    if text := written.add(_text_of(event)):
                        yield text
        except (ModelAPIError, ValueError) as error:
            raise AnswerFailed(type(error).__name__) from error
        yield self._draft(chain, written.whole, evidence)

    async def _chain(self, evidence: Evidence) -> Chain:
        call = Call(
            organization_id=self.actor.organization_id,
            user_id=self.actor.user_id,
            request_id=self.actor.request_id,
            use=Use.ASK,
            carried=_Carried(
                () if self.client_id is None else (self.client_id,),
                tuple({passage.document_id for passage in evidence.passages}),
            ),
        )
        return await self.brain.model(call, _nobody())

    def _messages(self, evidence: Evidence) -> list[ModelMessage]:
        numbered = "\n\n".join(
            marked("trecho", f"{passage.title}\n\n{passage.content}", number)
            for number, passage in enumerate(evidence.passages, start=1)
        )
        rules, question = self.prompt.render(question=evidence.question, passages=numbered)
        return [ModelRequest(parts=[SystemPromptPart(rules), UserPromptPart(question)])]

    def _settings(self) -> ModelSettings:
        most = self.prompt.hints.max_output_tokens
        return ModelSettings() if most is None else ModelSettings(max_tokens=most)

    def _draft(self, chain: Chain, content: str, evidence: Evidence) -> Draft:
        answered = chain.answered[-1]
        if answered.kept is Kept.POLICY:
            raise MustStayHere
        if answered.kept is not None:
            raise AnswerFailed(answered.kept)
        text, citations = read_reply(content, evidence.passages)
        tokens = answered.input_tokens + answered.output_tokens
        return Draft(text, citations, answered.model, tokens, self.prompt.label)


def _nobody() -> Model:
    """Last of the chain, which notes why it was asked. Quotes are the built-in model's answers, and
    no messages: whoever asked goes on to it."""

    async def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart("")])

    async def stream(_messages: list[ModelMessage], _info: AgentInfo) -> AsyncGenerator[str, None]:
        yield ""

    return FunctionModel(answer, stream_function=stream, model_name="nobody")


def _text_in(response: ModelResponse) -> str:
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def _text_of(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""
