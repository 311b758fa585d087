"""Questions to a search of known texts, over HTTP, and what of the answers is compared."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
from evals.misspelling import misspelt

from bench.figures import percentile
from bench.knowledge_rows import CHUNKS_OF_DOCUMENT, MODEL, Collection, Vector, half
from bench.load import Plan, Request, Seen, send
from bench.service_process import ServiceProcess
from chassis.data.database import Database
from knowledge.access import reader_of
from knowledge.lexical.query import understand
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.search import SearchFilters
from knowledge.search.legs import Legs
from knowledge.search.passages import QueryEmbedding
from knowledge.search.searching import FUSED
from shared_schemas.actor import Actor

PATH: Final = "/api/v1/rag/search"
_STATISTICS: Final = StatisticsCache()
_STRIDE: Final = 7_919
_NEAREST: Final = """
SELECT id FROM ai.chunks WHERE organization_id = $2 ORDER BY embedding <=> $1, id LIMIT 10
"""


@dataclass(frozen=True, slots=True)
class Question:
    """`number` is the chunk it was taken from."""

    text: str
    number: int
    vector: Vector

    @property
    def misspelt(self) -> str:
        """As typed in a hurry."""
        return misspelt(self.text)


def questions(collection: Collection, chunks: int, count: int) -> list[Question]:
    """From all over the collection, the same ones every time."""
    return [Question(*collection.question(place * _STRIDE % chunks)) for place in range(count)]


async def timed(
    service: ServiceProcess, token: str, texts: Sequence[str], *, seconds: float
) -> Seen:
    """One connection asks one question after the other."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    requests = [Request("POST", PATH, headers, json.dumps({"query": text})) for text in texts]
    return await send(
        Plan(
            port=service.port,
            requests=requests,
            connections=1,
            seconds=seconds,
            warm_up_seconds=1.0,
        )
    )


@dataclass(frozen=True, slots=True)
class Explained:
    """Milliseconds per step, a value per question; how often the chunk asked for came first."""

    steps: dict[str, list[float]]
    first: float

    def at(self, step: str, share: float) -> float:
        """A percentile of a step."""
        return percentile(sorted(self.steps[step]), share)


async def explained(
    service: ServiceProcess,
    token: str,
    collection: Collection,
    asked: Sequence[tuple[str, Question]],
) -> Explained:
    """Each question once, with reasons."""
    steps: dict[str, list[float]] = {}
    first = 0
    headers = {"Authorization": f"Bearer {token}"}
    base = f"http://127.0.0.1:{service.port}"
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as client:
        for text, question in asked:
            body = {"query": text, "explain": True, "top_k": 50}
            answer = await client.post(PATH, json=body, timeout=30)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            for step, spent in found["meta"]["explanation"]["milliseconds"].items():
                steps.setdefault(step, []).append(spent)
            _, made = collection.document(question.number // CHUNKS_OF_DOCUMENT)
            wanted = made[question.number % CHUNKS_OF_DOCUMENT].content
            passages = found["data"]
            first += bool(passages) and passages[0]["content"] == wanted
    return Explained(steps, first / len(asked))


async def truly_nearest(
    connection: asyncpg.Connection, organization_id: Any, asked: Sequence[Question]
) -> list[set[str]]:
    """The ten nearest by an exact scan under the tenant filter."""
    await connection.set_type_codec(
        "halfvec", schema="public", encoder=bytes, decoder=bytes, format="binary"
    )
    found = []
    for question in asked:
        rows = await connection.fetch(_NEAREST, half(question.vector), organization_id)
        found.append({str(row["id"]) for row in rows})
    return found


async def dense_alone(
    database: Database, actor: Actor, asked: Sequence[Question]
) -> tuple[list[float], list[set[str]]]:
    """The vector leg with nothing beside it: milliseconds in order, and the ten it brings first."""
    spent: list[float] = []
    nearest: list[set[str]] = []
    for question in asked:
        embedding = QueryEmbedding(MODEL, question.vector)
        async with database.transaction(actor.organization_id, read_only=True) as session:
            reader = await reader_of(session, actor)
            known = await _STATISTICS.read(session, actor.organization_id)
            meaning = understand(question.text, known)
            legs = Legs(reader, SearchFilters(), meaning, known, embedding)
            begun = time.perf_counter()
            seen = await legs.dense(session, FUSED)
            spent.append((time.perf_counter() - begun) * 1000)
            nearest.append({str(row.id) for row in seen.rows[:10]})
    return sorted(spent), nearest


def recall(found: Sequence[set[str]], truth: Sequence[set[str]]) -> float:
    """The mean share of the true ones that were found."""
    return sum(len(mine & true) / len(true) for mine, true in zip(found, truth, strict=True)) / len(
        truth
    )
