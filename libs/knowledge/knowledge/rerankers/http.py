"""A reranker behind HTTP: `POST /rerank` as the servers of Cohere, Jina, vLLM and TEI have it."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import httpx

from knowledge.recipients import UNNAMED_RERANKER, Recipient
from knowledge.rerankers.port import RerankingFailed

_MOST_BYTES: Final = 1024 * 1024


class HttpReranker:
    """One request per search. There is no second attempt: somebody waits for the answer."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None,
        timeout: timedelta,
        recipient: Recipient = UNNAMED_RERANKER,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = model
        self.recipient = recipient
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout.total_seconds(),
            transport=transport,
        )

    async def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """Scores as the model gives them."""
        if not passages:
            return []
        body = {
            "model": self.name,
            "query": question,
            "documents": list(passages),
            "top_n": len(passages),
        }
        try:
            answer = await self._client.post("rerank", json=body)
            answer.raise_for_status()
            if len(answer.content) > _MOST_BYTES:
                raise RerankingFailed("an answer of more than a megabyte")
            return _scores(answer.json(), len(passages))
        except httpx.HTTPStatusError as error:
            raise RerankingFailed(f"HTTP {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise RerankingFailed(type(error).__name__) from error
        except ValueError as error:
            raise RerankingFailed("the answer is no JSON") from error

    async def close(self) -> None:
        """Closes the pooled connections."""
        await self._client.aclose()


def _scores(answer: Any, wanted: int) -> list[float]:
    """By place of the passage; results come best first."""
    scores: dict[int, float] = {}
    try:
        for result in answer["results"]:
            scores[int(result["index"])] = float(result["relevance_score"])
    except (KeyError, TypeError, ValueError) as error:
        raise RerankingFailed("the answer has no scores") from error
    if set(scores) != set(range(wanted)) or not all(map(math.isfinite, scores.values())):
        raise RerankingFailed("scores of other passages than asked for")
    return [scores[place] for place in range(wanted)]
