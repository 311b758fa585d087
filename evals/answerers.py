"""Who answers a question: the product in two ways, and what it is compared with in the same run."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from evals.baselines import PRODUCT
from evals.system import Collection

Answerer = Callable[[str], Awaitable[dict[str, Any]]]
"""From a question to `answer`, `sources` and `abstained`, as `POST /rag/ask` gives them."""

ASKED: Final = f"{PRODUCT}, rag/ask"
ASSISTANT: Final = f"{PRODUCT}, assistant"
PASSAGE: Final = "best passage"
LIKE_ENOUGH: Final = "best passage, similarity ≥ 0.5"
_LEAST: Final = 0.5
"""What most products go by, and ours did before it was calibrated."""


def answerers(collection: Collection) -> Mapping[str, Answerer]:
    """The product first."""
    return {
        ASKED: collection.ask,
        ASSISTANT: collection.chat,
        PASSAGE: _best_passage(collection, least=0.0),
        LIKE_ENOUGH: _best_passage(collection, least=_LEAST),
    }


def _best_passage(collection: Collection, *, least: float) -> Answerer:
    """Says all of the best passage, and nothing where it is not like the question."""

    async def answer(question: str) -> dict[str, Any]:
        found = [each for each in await collection.search(question, 1) if _counts(each, least)]
        sources = [{**each, "quote": each["content"]} for each in found]
        text = "\n".join(each["content"] for each in found)
        return {"answer": text, "sources": sources, "abstained": not found}

    return answer


def _counts(passage: dict[str, Any], least: float) -> bool:
    return bool(passage["similarity"] >= least)
