"""Search at 100,000 chunks in one organization and 1,000 organizations of 100 beside it.

`python -m bench knowledge` takes a quarter of an hour, most of it for the rows.
BENCH_KNOWLEDGE_SHARE=0.05 makes a twentieth of it, to try the bench itself; only the whole is
written down.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
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
from bench.servers import Servers, production_memory, running_servers
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
_WAYS: Final = ("words", "misspelt", "vectors", "hybrid")
_EXTRAPOLATED: Final = 1_000_000
_ORGANIZATION: Final = OrganizationId(AURORA.id)

METHOD: Final = f"""
Texts are made up (`bench/knowledge_rows.py`: 60,000 roots by Zipf and Mandelbrot, documents of one
subject, chunks of 300 to 1,600 characters), their rows made by the real analyzer in
{filling.PROCESSES} processes and written by COPY. Vectors are projections of {96} latent dimensions
with noise, as of a provider's model; the small organizations draw their documents from a pool of
{filling.POOL * filling.PROCESSES} that were analysed once. One ai-svc process under uvicorn with
its own authentication, durable PostgreSQL with the memory of production; *words* is the built-in
configuration, *hybrid* has an embedding provider on the loopback interface, *vectors* has it and
a weight of 1 for it, which leaves the words out. Questions are 3 to 8
consecutive content words of a chunk, {_QUESTIONS} of them in turn, one at a time over one
connection, {_ROUNDS} rounds of {_SECONDS:g} s; *misspelt* is each without accents and with one
typing mistake (`evals/misspelling.py`). Times of legs are what `explain` tells of questions
asked once. *Recall@10* is the
share of the ten nearest by an exact scan of the organization that the vector leg brings, before
fusion. The small organizations come into a copy of the database; the slowdown compares the copy's
rounds with those of the database without them, which take turns.
The points are {", ".join(f"{point:,}" for point in _POINTS)} chunks in one organization; through
them goes a straight line by least squares, which is read at {_EXTRAPOLATED:,}: what a leg looks
through grows with the chunks, or (candidates of words) not at all.
"""


@dataclass(frozen=True, slots=True)
class _Point:
    """What was seen at one size of the organization."""

    chunks: int
    words: Explained
    hybrid: Explained
    fill_seconds: float
    statistics_seconds: float


@dataclass(frozen=True, slots=True)
class _Common:
    """What every database of the run is asked with."""

    identity: Identity
    provider: str
    collection: Collection
    asked: list[Question]

    @property
    def token(self) -> str:
        """Of ana, at the large organization."""
        return self.identity.token("ana")


@dataclass(frozen=True, slots=True)
class _Run:
    """One database, and the two ways of searching it."""

    common: _Common
    servers: Servers
    database: Database
    admin: asyncpg.Connection
    words: ServiceProcess
    vectors: ServiceProcess
    hybrid: ServiceProcess

    async def settle(self) -> float:
        """What autovacuum and the worker do in the minutes after; seconds of the statistics."""
        for table in ("documents", "document_versions", "chunks", "chunk_signatures"):
            await self.admin.execute(f"VACUUM ANALYZE ai.{table}")
        await self.admin.execute("CHECKPOINT")
        begun = time.perf_counter()
        await statistics.rebuild(self.database, _ORGANIZATION)
        return time.perf_counter() - begun

    async def grow(self, have: int, to: int) -> _Point:
        """The large organization from so many chunks to so many."""
        numbers = range(have // CHUNKS_OF_DOCUMENT, to // CHUNKS_OF_DOCUMENT)
        begun = time.perf_counter()
        await filling.fill(self.servers.plain_url("postgres"), _ORGANIZATION, numbers)
        fill_seconds = time.perf_counter() - begun
        statistics_seconds = await self.settle()
        plain = [(question.text, question) for question in self.common.asked]
        words, hybrid = [
            await explained(service, self.common.token, self.common.collection, plain)
            for service in (self.words, self.hybrid)
        ]
        print(f"  {to:,} chunks …", file=sys.stderr, flush=True)
        return _Point(to, words, hybrid, fill_seconds, statistics_seconds)

    async def round(self, name: str) -> Seen:
        """Over HTTP, one of the ways."""
        service = {"hybrid": self.hybrid, "vectors": self.vectors}.get(name, self.words)
        asked = self.common.asked
        texts = [each.misspelt if name == "misspelt" else each.text for each in asked]
        return await timed(service, self.common.token, texts, seconds=_SECONDS)


@asynccontextmanager
async def _opened(common: _Common, servers: Servers) -> AsyncIterator[_Run]:
    provider = {
        "EMBEDDING_PROVIDER": "openai",
        "EMBEDDING_MODEL": MODEL,
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": common.provider,
    }
    ai_svc = "ai_svc.main:create_app"
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(servers.plain_url("postgres"))
        stack.push_async_callback(admin.close)
        yield _Run(
            common,
            servers,
            await stack.enter_async_context(open_database(servers, SCHEMA)),
            admin,
            words=stack.enter_context(running_service(ai_svc, servers, common.identity)),
            vectors=stack.enter_context(
                running_service(ai_svc, servers, common.identity, **provider, EMBEDDING_WEIGHT="1")
            ),
            hybrid=stack.enter_context(
                running_service(ai_svc, servers, common.identity, **provider)
            ),
        )


async def measure() -> Outcome:
    """Fill step by step, ask, add the small organizations to a copy, ask both."""
    collection = Collection(Lexicon())
    asked = questions(collection, _POINTS[0], _QUESTIONS)
    vectors = {question.text: question.vector.tolist() for question in asked}
    with (
        running_servers(settings=production_memory()) as servers,
        running_identity() as identity,
        running_provider(vectors) as provider,
    ):
        common = _Common(identity, provider, collection, asked)
        figures, load = await _of_one(common, servers)
        slowed, more_load = await _of_many(common, servers)
    return Outcome(METHOD, [*slowed, *figures], [*load, *more_load], is_whole=_WHOLE)


async def _of_one(common: _Common, servers: Servers) -> tuple[list[Figure], list[str]]:
    """The large organization as it grows, and its vector leg."""
    points: list[_Point] = []
    load: list[str] = []
    async with _opened(common, servers) as run:
        for have, to in pairwise((0, *_POINTS)):
            points.append(await run.grow(have, to))
            load.append(f"load average at {to:,} chunks: {os.getloadavg()[0]:.1f}")
        truth = await truly_nearest(run.admin, _ORGANIZATION, common.asked)
        typed = [(question.misspelt, question) for question in common.asked]
        misspelt = await explained(run.words, common.token, common.collection, typed)
        claims = TokenClaims.model_validate(common.identity.tokens.claims("ana"))
        dense_alone, nearest = await calls.dense_alone(
            run.database, Actor.of(claims, "bench"), common.asked
        )
    largest = points[-1]
    figures = [
        *_of_legs(largest, dense_alone),
        figure(
            "recall@10 of the vector leg", [recall(nearest, truth)], "share", Goal(at_least=0.95)
        ),
        figure("words, the chunk asked for comes first", [largest.words.first], "share"),
        figure("misspelt, the chunk asked for comes first", [misspelt.first], "share"),
        figure("statistics of the large organization", [largest.statistics_seconds], "s"),
        figure(
            "large organization, rows made and written",
            [sum(point.fill_seconds for point in points)],
            "s",
        ),
        *_extrapolated(points),
    ]
    return figures, load


async def _of_many(common: _Common, servers: Servers) -> tuple[list[Figure], list[str]]:
    """The same beside a copy that the small organizations came into."""
    copied = replace(servers, database=f"{servers.database}_and_small")
    admin = await asyncpg.connect(servers.plain_url("postgres", "postgres"))
    await admin.execute(f"CREATE DATABASE {copied.database} TEMPLATE {servers.database}")
    await admin.close()
    begun = time.perf_counter()
    small = [new_id() for _ in range(_SMALL)]
    await filling.fill_small(copied.plain_url("postgres"), small, _CHUNKS_OF_SMALL)
    small_seconds = time.perf_counter() - begun
    print(f"  {_SMALL:,} small organizations …", file=sys.stderr, flush=True)
    alone: dict[str, list[Seen]] = {name: [] for name in _WAYS}
    together: dict[str, list[Seen]] = {name: [] for name in _WAYS}
    async with _opened(common, servers) as one, _opened(common, copied) as many:
        await many.settle()
        for _ in range(_ROUNDS):
            for name in _WAYS:
                alone[name].append(await one.round(name))
                together[name].append(await many.round(name))
        figures = [
            *_of_http(alone, together),
            *sizes.size_figures(
                await sizes.bytes_per_chunk(one.admin), await sizes.bytes_per_chunk(many.admin)
            ),
            *await sizes.build_figures(many.admin),
            figure("small organizations, rows made and written", [small_seconds], "s"),
        ]
    return figures, [f"load average at the end: {os.getloadavg()[0]:.1f}"]


def _of_http(alone: dict[str, list[Seen]], together: dict[str, list[Seen]]) -> list[Figure]:
    figures: list[Figure] = []
    for name, rounds in together.items():
        for share in ("p50", "p95"):
            goal = Goal(below=60) if share == "p95" else None
            values = [seen.latencies_ms[share] for seen in rounds]
            figures.append(figure(f"search, {name}, {share}", values, "ms", goal))
    figures += [
        ratios(
            f"search, {name}, p50 with the small organizations over without",
            [seen.latencies_ms["p50"] for seen in together[name]],
            [seen.latencies_ms["p50"] for seen in alone[name]],
            Goal(below=1.1),
        )
        for name in ("words", "hybrid")
    ]
    alone_slower = max((together["words"], together["vectors"]), key=_middle)
    figures.append(
        ratios(
            "search, hybrid over the slower leg alone, p50",
            [seen.latencies_ms["p50"] for seen in together["hybrid"]],
            [seen.latencies_ms["p50"] for seen in alone_slower],
            Goal(below=1.3),
        )
    )
    return figures


def _middle(rounds: list[Seen]) -> float:
    return median(seen.latencies_ms["p50"] for seen in rounds)


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
        # Candidates are as many at any size: a line that falls is noise about a level one.
        slope = max(0.0, float(np.polyfit(sizes_seen, values, 1)[0]))
        start = float(np.mean(values)) - slope * float(np.mean(sizes_seen))
        figures += [
            figure(f"{name}, at {chunks:,} chunks", [value], "ms")
            for chunks, value in zip(sizes_seen, values, strict=True)
        ]
        reading = start + slope * _EXTRAPOLATED
        figures.append(figure(f"{name}, extrapolated to {_EXTRAPOLATED:,}", [reading], "ms"))
    return figures
