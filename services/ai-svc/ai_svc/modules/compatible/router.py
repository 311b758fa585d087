"""OpenAI's protocol over HTTP, under our tokens, permissions, budgets and tenants."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from ai_svc.desk import CurrentDesk
from ai_svc.modules.compatible import assistant, embedding, plain
from ai_svc.modules.compatible.answering import chunks, completion
from ai_svc.modules.compatible.conversion import check_free_text
from ai_svc.modules.compatible.errors import OPENAI_ERRORS, CompatibleRoute
from ai_svc.modules.compatible.hanging_up import Pump, Streamed, unless_gone
from ai_svc.modules.compatible.names import PLAIN, ModelNames, ModelNotFound
from ai_svc.modules.compatible.pieces import Piece
from ai_svc.modules.compatible.requests import ChatRequest, EmbeddingRequest
from ai_svc.modules.compatible.shapes import Completion, EmbeddingList, ModelCard, ModelList
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import AccessToken, require
from chassis.web.rate_limit import limited
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/ai/v1", tags=["openai"], route_class=CompatibleRoute)

_MAY_CHAT: Final = Depends(require(Permission.CHAT_USE))
Chatter = Annotated[Actor, _MAY_CHAT]
_EXAMPLE: Final = (
    'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"As férias '
    'são de 30 dias. [1]"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The answer; with `stream` as chunks until `[DONE]`",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.post(
    "/chat/completions",
    summary="Complete a chat as OpenAI would",
    dependencies=[limited("30/minute", scope="chat")],
    response_model=Completion,
    responses={**_STREAM, **OPENAI_ERRORS},
)
async def create_chat_completion(
    body: ChatRequest, request: Request, actor: Chatter, token: AccessToken, desk: CurrentDesk
) -> Completion | Streamed:
    """`cogep-assistant` answers from documents and the CRM within the caller's rights, with
    citations (`message.annotations`, and whole in `message.cogep`); `cogep-knowledge` and its like
    are one agent of it. `cogep-model` is the organization's model alone.

    Whoever sends `tools` runs them: they are shown to the model and come back as `tool_calls`.
    `metadata.client_id` and `metadata.ticket_id` say whom and what it is about. Nothing is kept but
    what it cost.
    """
    agent = ModelNames(desk.workshop.embedder.model).agent_of(body.model)
    run_id = new_id()
    if body.model == PLAIN or body.brings_tools:
        if not body.stream:
            whole = await unless_gone(request, plain.whole(desk.brain, actor, body))
            return completion(run_id, body.model, whole)
        pieces = plain.stream(desk.brain, actor, body)
    else:
        check_free_text(body)
        pieces = assistant.pieces(desk, actor, token, body, agent)
    if not body.stream:
        return completion(run_id, body.model, await unless_gone(request, _all(pieces)))
    pump = Pump(pieces)
    await pump.begin(request)
    usage = bool(body.stream_options and body.stream_options.include_usage)
    return Streamed(chunks(run_id, body.model, pump.pieces(), include_usage=usage), pump)


@router.post(
    "/embeddings",
    summary="Embed texts as OpenAI would",
    dependencies=[limited("60/minute", scope="embeddings")],
    responses=OPENAI_ERRORS,
)
async def create_embedding(
    body: EmbeddingRequest, actor: Chatter, workshop: CurrentWorkshop
) -> EmbeddingList:
    """Vectors of the embedder the organization's documents are searched by, at its own length."""
    embedding.check(workshop.embedder, body)
    return await embedding.charged(workshop.database, actor, workshop.embedder, body)


@router.get(
    "/models",
    summary="List the models as OpenAI would",
    dependencies=[_MAY_CHAT],
    responses=OPENAI_ERRORS,
)
async def list_models(workshop: CurrentWorkshop) -> ModelList:
    """The assistant, its agents, the organization's model, and the embedder."""
    names = ModelNames(workshop.embedder.model).all()
    return ModelList(data=[ModelCard(id=name) for name in names])


@router.get(
    "/models/{model:path}",  # those of other houses are named house/model
    summary="Show a model as OpenAI would",
    dependencies=[_MAY_CHAT],
    responses=OPENAI_ERRORS,
)
async def retrieve_model(
    model: Annotated[str, Path(description="As `GET /models` lists it")],
    workshop: CurrentWorkshop,
) -> ModelCard:
    """One of the list."""
    if model not in ModelNames(workshop.embedder.model).all():
        raise ModelNotFound(model=model)
    return ModelCard(id=model)


async def _all(pieces: AsyncIterator[Piece]) -> list[Piece]:
    return [piece async for piece in pieces]
