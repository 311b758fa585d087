"""Vectors of the organization's embedder, for callers of OpenAI's protocol."""

import base64
from typing import ClassVar

import numpy as np

from ai_svc.modules.compatible.names import ModelNames
from ai_svc.modules.compatible.requests import EmbeddingRequest
from ai_svc.modules.compatible.shapes import EmbeddingList, EmbeddingMade, EmbeddingUsage
from ai_svc.modules.providers.service import Use
from ai_svc.modules.usage import service as usage
from chassis.data.database import Database
from chassis.web.errors import InvalidInput, Unavailable
from knowledge.embedders.port import Embedder, EmbeddingFailed, Vector
from shared_schemas.actor import Actor

_LITTLE_ENDIAN = "<f4"
_CHARACTERS_PER_TOKEN = 4


class EmbedderDown(Unavailable):
    """The provider gave no vectors."""

    code: ClassVar[str] = "EMBEDDER_UNAVAILABLE"
    message = "O gerador de vetores não respondeu. Tente de novo em instantes."


def check(embedder: Embedder, request: EmbeddingRequest) -> None:
    """ModelNotFound, or InvalidInput for what this embedder does not do."""
    ModelNames(embedder.model).check_embedding(request.model)
    if request.dimensions not in (None, embedder.dimensions):
        raise InvalidInput.on(
            "body.dimensions", f"Os vetores deste modelo têm {embedder.dimensions} dimensões."
        )
    if not all(text.strip() for text in request.texts):
        raise InvalidInput.on("body.input", "Envie ao menos um texto; nenhum pode ser vazio.")


def tokens_of(request: EmbeddingRequest) -> int:
    """An estimate: embedders do not tell."""
    return sum(-(-len(text) // _CHARACTERS_PER_TOKEN) for text in request.texts)


async def charged(
    database: Database, actor: Actor, embedder: Embedder, request: EmbeddingRequest
) -> EmbeddingList:
    """On the caller's budget, when somebody outside is asked. Raises BudgetExceeded too."""
    if embedder.recipient is None:
        return await vectors(embedder, request)
    tokens = tokens_of(request)
    reservation = await usage.reserve(
        database,
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        use=Use.COMPATIBLE,
        model=embedder.model,
        input_tokens=tokens,
        max_output_tokens=0,
        run_id=None,
        request_id=actor.request_id,
    )
    try:
        made = await vectors(embedder, request)
    except EmbedderDown:
        await usage.release(database, reservation)
        raise
    await usage.settle(database, reservation, input_tokens=tokens, output_tokens=0)
    return made


async def vectors(embedder: Embedder, request: EmbeddingRequest) -> EmbeddingList:
    """In the order of the texts. Raises EmbedderDown."""
    try:
        found = await embedder.embed(request.texts)
    except EmbeddingFailed as error:
        raise EmbedderDown from error
    in_base64 = request.encoding_format == "base64"
    tokens = tokens_of(request)
    return EmbeddingList(
        data=[
            EmbeddingMade(index=index, embedding=_base64(each) if in_base64 else each.tolist())
            for index, each in enumerate(found)
        ],
        model=request.model,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
    )


def _base64(vector: Vector) -> str:
    return base64.b64encode(np.asarray(vector, dtype=_LITTLE_ENDIAN).tobytes()).decode("ascii")
