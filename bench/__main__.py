"""`python -m bench [name …]`: run all benches, or those named, and print one table.

A run of all of them is written to bench/RESULTS.md, a bench that only runs by name to a file of its
own, bench/RESULTS-<name>.md. Exit code 1 when a goal is missed.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Final

import structlog
import uvloop

from bench import results
from bench.figures import Outcome

BENCHES: Final = ("read_path", "submission", "event_path", "queue_claims", "ingestion")
NAMED: Final = ("chat", "consents", "crm", "extraction", "knowledge", "live")
"""Takes a quarter of an hour: only when asked for by name."""
_MODULES: Final = {"knowledge": "knowledge_scale"}
"""Where a bench is not called like its module."""


def main(wanted: list[str]) -> int:
    """Run, print, write."""
    # So that servers are stopped and folders removed when the bench is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unknown = [name for name in wanted if name not in BENCHES + NAMED]
    if unknown:
        print(f"No bench is called {', '.join(unknown)}. There are: {', '.join(BENCHES + NAMED)}.")
        return 2
    # What runs in this process would tell of its starts and stops between the lines of the table.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    outcomes: dict[str, Outcome] = {}
    for name in wanted or BENCHES:
        print(f"{name} …", file=sys.stderr, flush=True)
        outcomes[name] = _run(import_module(f"bench.{_MODULES.get(name, name)}").measure)
    print(results.table(outcomes))
    if not wanted:
        results.write(outcomes, "make bench")
        print(f"\nWritten to bench/{results.RESULTS.name}.")
    for name in NAMED:
        if name in outcomes and outcomes[name].is_whole:
            results.write({name: outcomes[name]}, f"python -m bench {name}", results.file_of(name))
            print(f"\nWritten to bench/{results.file_of(name).name}.")
    missed = [name for name, outcome in outcomes.items() if not outcome.holds]
    if missed:
        print(f"\nGoals missed in: {', '.join(missed)}.")
    return 1 if missed else 0


def _run(measure: Callable[[], Awaitable[Outcome]]) -> Outcome:
    async def call() -> Outcome:
        return await measure()

    # uvloop, as the services have under uvicorn.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(call())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
