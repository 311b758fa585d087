"""The organization's model for callers who bring their own instructions and tools.

Their tools are described to the model and come back as calls to make; nothing is executed here.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior
from pydantic_ai.messages import (
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolCallPartDelta,
)

from ai_svc.modules.compatible.builtin import built_in
from ai_svc.modules.compatible.conversion import model_messages, parameters, settings
from ai_svc.modules.compatible.pieces import Argued, Called, Ended, Piece, Said
from ai_svc.modules.compatible.requests import ChatRequest
from ai_svc.modules.compatible.shapes import Extra, FinishReason, Usage
from ai_svc.modules.providers.service import Brain, Call, Chain, Kept, Use
from chassis.web.errors import Unavailable
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_REASONS: Final[dict[str | None, FinishReason]] = {
    "length": "length",
    "content_filter": "content_filter",
}
_KEPT: Final = {
    Kept.NO_PROVIDER: "Nenhum provedor de modelo está configurado para esta organização.",
    Kept.POLICY: "Os dados deste cliente não podem ser enviados ao provedor externo do modelo "
    "(LGPD, arts. 7º e 33).",
    Kept.UNAVAILABLE: "Nenhum provedor de modelo respondeu a tempo.",
}


class ModelBroke(Unavailable):
    """The model began, and did not finish."""

    code: ClassVar[str] = "MODEL_UNAVAILABLE"
    message = "O modelo interrompeu a resposta. Tente de novo em instantes."


@dataclass(frozen=True, slots=True)
class About:
    """Whose data the caller's messages hold, as far as the caller says."""

    client_ids: tuple[UUID, ...] = ()
    document_ids: tuple[UUID, ...] = ()


async def whole(brain: Brain, actor: Actor, request: ChatRequest) -> list[Piece]:
    """The answer at once: as long as nothing came, the next model may be asked."""
    chain = await _chain(brain, actor, request)
    try:
        response = await model_request(
            chain,
            model_messages(request.messages),
            model_settings=settings(request),
            model_request_parameters=parameters(request),
            instrument=False,
        )
    except (ModelAPIError, UnexpectedModelBehavior) as error:
        raise ModelBroke from error
    return [*_pieces_of(response), _ended(chain, response)]


async def stream(brain: Brain, actor: Actor, request: ChatRequest) -> AsyncGenerator[Piece, None]:
    """The answer while it is written. Closing it hangs up on the provider."""
    chain = await _chain(brain, actor, request)
    try:
        async with model_request_stream(
            chain,
            model_messages(request.messages),
            model_settings=settings(request),
            model_request_parameters=parameters(request),
            instrument=False,
        ) as events:
            calls = _Calls()
            async for event in events:
                for piece in calls.pieces(event):
                    yield piece
            response = events.get()
    except (ModelAPIError, UnexpectedModelBehavior) as error:
        raise ModelBroke from error
    yield _ended(chain, response)


async def _chain(brain: Brain, actor: Actor, request: ChatRequest) -> Chain:
    client_id = request.metadata.client_id if request.metadata else None
    call = Call(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        request_id=actor.request_id,
        use=Use.COMPATIBLE,
        carried=About((client_id,) if client_id else ()),
        run_id=new_id(),
    )
    return await brain.model(call, built_in())


class _Calls:
    """Numbers the calls of a stream from 0, whatever other parts it has."""

    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self._sent: set[int] = set()  # parts whose arguments came as text

    def pieces(self, event: ModelResponseStreamEvent) -> list[Piece]:
        """What an event means to the caller."""
        if isinstance(event, PartStartEvent):
            return self._begun(event)
        if isinstance(event, PartDeltaEvent):
            return self._continued(event)
        if isinstance(event, PartEndEvent) and isinstance(event.part, ToolCallPart):
            if event.index in self._sent:
                return []
            return [Argued(self._index[event.index], event.part.args_as_json_str())]
        return []

    def _begun(self, event: PartStartEvent) -> list[Piece]:
        part = event.part
        if isinstance(part, TextPart):
            return [Said(part.content)] if part.content else []
        if not isinstance(part, ToolCallPart):
            return []
        index = self._index.setdefault(event.index, len(self._index))
        begun: list[Piece] = [Called(index, part.tool_call_id, part.tool_name)]
        if isinstance(part.args, str) and part.args:
            self._sent.add(event.index)
            begun.append(Argued(index, part.args))
        return begun

    def _continued(self, event: PartDeltaEvent) -> list[Piece]:
        delta = event.delta
        if isinstance(delta, TextPartDelta):
            return [Said(delta.content_delta)] if delta.content_delta else []
        if isinstance(delta, ToolCallPartDelta) and isinstance(delta.args_delta, str):
            self._sent.add(event.index)
            return [Argued(self._index[event.index], delta.args_delta)]
        return []


def _pieces_of(response: ModelResponse) -> list[Piece]:
    found: list[Piece] = [
        Said(part.content) for part in response.parts if isinstance(part, TextPart) and part.content
    ]
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    for index, call in enumerate(calls):
        found += [Called(index, call.tool_call_id, call.tool_name), Argued(index, _json(call))]
    return found


def _json(call: ToolCallPart) -> str:
    return call.args if isinstance(call.args, str) else json.dumps(call.args_as_dict())


def _ended(chain: Chain, response: ModelResponse) -> Ended:
    reason = _REASONS.get(response.finish_reason, "stop")
    if any(isinstance(part, ToolCallPart) for part in response.parts):
        reason = "tool_calls"
    answered = chain.answered[-1] if chain.answered else None
    if answered is None:
        return Ended(reason, Usage(), Extra(model=response.model_name or ""))
    usage = Usage(
        prompt_tokens=answered.input_tokens,
        completion_tokens=answered.output_tokens,
        total_tokens=answered.input_tokens + answered.output_tokens,
    )
    note = _KEPT[answered.kept] if answered.kept else None
    return Ended(reason, usage, Extra(model=answered.model, note=note))
