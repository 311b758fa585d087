"""Search at 100,000 chunks in one organization and 1,000 organizations of 100 beside it.

`python -m bench knowledge` takes a quarter of an hour, most of it for the rows.
BENCH_KNOWLEDGE_SHARE=0.05 makes a twentieth of it, to try the bench itself; only the whole is
written down.
"""

import os
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import asyncpg
import numpy as np

from bench import knowledge_calls as calls
from bench import knowledge_filling as filling
from bench import knowledge_sizes as sizes
from bench.chassis_database import open_database
from bench.embedding_provider import running_provider
from bench.figures import Figure, Goal, Outcome, figure, percentile, ratios
from bench.key_server import Identity, running_identity
from bench.knowledge_calls import (
    Explained,
    Question,
    explained,
    questions,
    recall,
    timed,
    truly_nearest,
)
from bench.knowledge_rows import CHUNKS_OF_DOCUMENT, MODEL, Collection, Lexicon
from bench.load import Seen
from bench.servers import Servers, running_servers
from bench.service_process import ServiceProcess, running_service
from chassis.data.database import Database
from devstack.people import AURORA
from knowledge.lexical import statistics
from knowledge.models import SCHEMA
from shared_schemas.actor import Actor, TokenClaims
from shared_schemas.ids import OrganizationId, new_id

_SHARE: Final = float(os.environ.get("BENCH_KNOWLEDGE_SHARE", "1"))
_CHUNKS: Final = int(100_000 * _SHARE)
_POINTS: Final = (_CHUNKS // 4, _CHUNKS // 2, _CHUNKS)
_SMALL: Final = max(10, int(1_000 * _SHARE))
_CHUNKS_OF_SMALL: Final = 100
_WHOLE: Final = _SHARE == 1
_QUESTIONS: Final = 200 if _WHOLE else 40
_ROUNDS: Final = 3
_SECONDS: Final = 6.0 if _WHOLE else 1.0
_EXTRAPOLATED: Final = 1_000_000
_ORGANIZATION: Final = OrganizationId(AURORA.id)

METHOD: Final = f"""
Texts are made up (`bench/knowledge_rows.py`: 60,000 roots by Zipf and Mandelbrot, documents of one
subject, chunks of 300 to 1,600 characters), their rows made by the real analyzer in
{filling.PROCESSES} processes and written by COPY. Vectors are projections of {96} latent dimensions
with noise, as of a provider's model; the small organizations draw their documents from a pool of
{filling.POOL * filling.PROCESSES} that were analysed once. One ai-svc process under uvicorn with
its own authentication, durable PostgreSQL with 128 MB of shared buffers; *words* is the built-in
configuration, *hybrid* has an embedding provider on the loopback interface. Questions are 3 to 8
consecutive content words of a chunk, {_QUESTIONS} of them in turn, one at a time over one
connection, {_ROUNDS} rounds of {_SECONDS:g} s; *misspelt* is each without accents and with one
typing mistake (`evals/misspelling.py`). Times of legs are what `explain` tells. *Recall@10* is the
share of the ten nearest by an exact scan of the organization that the vector leg brings, before
fusion. The slowdown compares the rounds after the small organizations came with those before, in
one run.
The points are {", ".join(f"{point:,}" for point in _POINTS)} chunks in one organization; through
them goes a straight line by least squares, which is read at {_EXTRAPOLATED:,}: what a leg looks
through grows with the chunks, or (candidates of words) not at all.
"""


@dataclass(slots=True)
class _Point:
    """What was seen at one size of the organization."""

    chunks: int
    words: Explained
    hybrid: Explained


@dataclass(slots=True)
class _Run:
    """What all steps share, and what they found."""

    servers: Servers
    identity: Identity
    database: Database
    admin: asyncpg.Connection
    collection: Collection
    asked: list[Question]
    words: ServiceProcess
    hybrid: ServiceProcess
    points: list[_Point] = field(default_factory=list)
    fill_seconds: float = 0.0
    statistics_seconds: float = 0.0
    load: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """Of ana, at the large organization."""
        return self.identity.token("ana")

    async def settle(self) -> None:
        """What autovacuum and the worker do in the minutes after."""
        for table in ("documents", "document_versions", "chunks", "chunk_signatures"):
            await self.admin.execute(f"VACUUM ANALYZE ai.{table}")
        await self.admin.execute("CHECKPOINT")
        begun = time.perf_counter()
        await statistics.rebuild(self.database, _ORGANIZATION)
        self.statistics_seconds = time.perf_counter() - begun

    async def grow(self, to: int) -> None:
        """The large organization up to so many chunks."""
        have = self.points[-1].chunks if self.points else 0
        numbers = range(have // CHUNKS_OF_DOCUMENT, to // CHUNKS_OF_DOCUMENT)
        begun = time.perf_counter()
        await filling.fill(self.servers.plain_url("postgres"), _ORGANIZATION, numbers)
        self.fill_seconds += time.perf_counter() - begun
        await self.settle()
        plain = [(question.text, question) for question in self.asked]
        seen = [
            await explained(service, self.token, self.collection, plain)
            for service in (self.words, self.hybrid)
        ]
        self.points.append(_Point(to, *seen))
        print(f"  {to:,} chunks …", file=sys.stderr, flush=True)
        self.load.append(f"load average at {to:,} chunks: {os.getloadavg()[0]:.1f}")

    async def rounds(self) -> dict[str, list[Seen]]:
        """Over HTTP; the ways take turns."""
        found: dict[str, list[Seen]] = {"words": [], "misspelt": [], "hybrid": []}
        texts = [question.text for question in self.asked]
        typed = [question.misspelt for question in self.asked]
        for _ in range(_ROUNDS):
            for name, service, sent in (
                ("words", self.words, texts),
                ("misspelt", self.words, typed),
                ("hybrid", self.hybrid, texts),
            ):
                found[name].append(await timed(service, self.token, sent, seconds=_SECONDS))
        return found


async def measure() -> Outcome:
    """Fill step by step, ask, add the small organizations, ask again."""
    collection = Collection(Lexicon())
    asked = questions(collection, _POINTS[0], _QUESTIONS)
    async with AsyncExitStack() as stack:
        servers = stack.enter_context(running_servers())
        identity = stack.enter_context(running_identity())
        vectors = {question.text: question.vector.tolist() for question in asked}
        provider = stack.enter_context(running_provider(vectors))
        run = _Run(
            servers=servers,
            identity=identity,
            database=await stack.enter_async_context(open_database(servers, SCHEMA)),
            admin=await asyncpg.connect(servers.plain_url("postgres")),
            collection=collection,
            asked=asked,
            words=stack.enter_context(running_service("ai_svc.main:create_app", servers, identity)),
            hybrid=stack.enter_context(
                running_service(
                    "ai_svc.main:create_app",
                    servers,
                    identity,
                    EMBEDDING_PROVIDER="openai",
                    EMBEDDING_MODEL=MODEL,
                    OPENAI_API_KEY="none",
                    OPENAI_BASE_URL=provider,
                )
            ),
        )
        stack.push_async_callback(run.admin.close)
        return await _measured(run)


async def _measured(run: _Run) -> Outcome:
    for point in _POINTS:
        await run.grow(point)
    alone = await sizes.bytes_per_chunk(run.admin)
    truth = await truly_nearest(run.admin, _ORGANIZATION, run.asked)
    typed = [(question.misspelt, question) for question in run.asked]
    misspelt = await explained(run.words, run.token, run.collection, typed)
    claims = TokenClaims.model_validate(run.identity.tokens.claims("ana"))
    dense_alone, nearest = await calls.dense_alone(
        run.database, Actor.of(claims, "bench"), run.asked
    )
    before = await run.rounds()
    print(f"  {_SMALL:,} small organizations …", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    small = [new_id() for _ in range(_SMALL)]
    await filling.fill_small(run.servers.plain_url("postgres"), small, _CHUNKS_OF_SMALL)
    small_seconds = time.perf_counter() - begun
    await run.settle()
    after = await run.rounds()
    run.load.append(f"load average at the end: {os.getloadavg()[0]:.1f}")
    largest = run.points[-1]
    figures = [
        *_of_http(before, after),
        *_of_legs(largest, dense_alone),
        figure(
            "recall@10 of the vector leg",
            [recall(nearest, truth)],
            "share",
            Goal(at_least=0.95),
        ),
        figure("words, the chunk asked for comes first", [largest.words.first], "share"),
        figure("misspelt, the chunk asked for comes first", [misspelt.first], "share"),
        *sizes.size_figures(alone, await sizes.bytes_per_chunk(run.admin)),
        *await sizes.build_figures(run.admin),
        figure("statistics of the large organization", [run.statistics_seconds], "s"),
        figure("large organization, rows made and written", [run.fill_seconds], "s"),
        figure("small organizations, rows made and written", [small_seconds], "s"),
        *_extrapolated(run.points),
    ]
    return Outcome(METHOD, figures, run.load, is_whole=_WHOLE)


def _of_http(before: dict[str, list[Seen]], after: dict[str, list[Seen]]) -> list[Figure]:
    figures: list[Figure] = []
    for name, rounds in after.items():
        for share in ("p50", "p95"):
            goal = Goal(below=60) if share == "p95" else None
            values = [seen.latencies_ms[share] for seen in rounds]
            figures.append(figure(f"search, {name}, {share}", values, "ms", goal))
    figures += [
        ratios(
            f"search, {name}, p50 with the small organizations over without",
            [seen.latencies_ms["p50"] for seen in after[name]],
            [seen.latencies_ms["p50"] for seen in before[name]],
            Goal(below=1.1),
        )
        for name in ("words", "hybrid")
    ]
    return figures


def _of_legs(point: _Point, dense_alone: list[float]) -> list[Figure]:
    """Each leg alone, and both side by side."""
    lexical_alone = sorted(point.words.steps["lexical"])
    both = sorted(point.hybrid.steps["legs"])
    slower = max(lexical_alone, dense_alone, key=median)
    named = (("lexical leg", lexical_alone), ("dense leg", dense_alone), ("both legs", both))
    return [
        *(
            figure(f"{name}, {label}", [percentile(times, share)], "ms")
            for name, times in named
            for label, share in (("p50", 0.5), ("p95", 0.95))
        ),
        figure(
            "both legs over the slower one, p50",
            [median(both) / median(slower)],
            "×",
            Goal(below=1.3),
        ),
    ]


def _extrapolated(points: list[_Point]) -> list[Figure]:
    sizes_seen = [point.chunks for point in points]
    figures = []
    of_legs = {
        "lexical leg, p50": [point.words.at("lexical", 0.5) for point in points],
        "dense leg beside it, p50": [point.hybrid.at("dense", 0.5) for point in points],
    }
    for name, values in of_legs.items():
        slope, start = np.polyfit(sizes_seen, values, 1)
        figures += [
            figure(f"{name}, at {chunks:,} chunks", [value], "ms")
            for chunks, value in zip(sizes_seen, values, strict=True)
        ]
        reading = float(start + slope * _EXTRAPOLATED)
        figures.append(figure(f"{name}, extrapolated to {_EXTRAPOLATED:,}", [reading], "ms"))
    return figures
