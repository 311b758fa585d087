"""`python -m evals.regression`: has anything become worse than what was written down?

A sample of each set's questions over its whole corpus, minutes less than the full measurement. The
figures to hold lie in expected.json, which `--renew` writes.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from evals import answers, retrieval, routing
from evals.answers import Answers
from evals.baselines import product
from evals.datasets import Dataset, data_folder, foreign_questions, load_all
from evals.system import System, running_system

EXPECTED: Final = Path(__file__).parent / "expected.json"
MARGIN: Final = 0.01
"""What a figure may lose: ties in the ranking fall differently from run to run."""
SETS: Final = ("faquad_pt", "suporte_m365_pt", "servicos_pt", "leis_pt")
FOREIGN: Final = "foreign declined"
_ASSISTANT: Final = "assistant: "
_SEARCHED: Final = 200
_ASKED: Final = 60

Figures = dict[str, float]
"""Name of a figure → its value, 0 to 1, more is better."""


def main() -> int:
    """Exit code 1 when a figure is worse than written down."""
    parser = argparse.ArgumentParser(prog="python -m evals.regression", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of the sets")
    parser.add_argument("--renew", action="store_true", help="write down what is measured now")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = data_folder(arguments.data)
    datasets = [each for each in load_all(folder) if each.name in SETS]
    for missing in set(SETS) - {each.name for each in datasets}:
        print(f"Skipped: {missing}, which is not in {folder}. Name its folder with --data.")
    measured = asyncio.run(_measure_all(datasets))
    if arguments.renew:
        renew(measured)
        return 0
    wanted = expected()
    if len(datasets) < len(SETS):  # foreign questions are those of the other sets
        wanted = {name: _without_foreign(figures) for name, figures in wanted.items()}
    worse = compare(measured, wanted)
    print("\n".join(worse) or f"As good as written down: {', '.join(measured)}.")
    return 1 if worse else 0


async def _measure_all(datasets: Sequence[Dataset]) -> Mapping[str, Figures]:
    async with running_system() as system:
        measured = {
            each.name: await measure(system, each, foreign_questions(each, datasets))
            for each in datasets
        }
    return {**measured, routing.NAME: routing_figures()}


async def measure(system: System, dataset: Dataset, foreign: Sequence[str]) -> Figures:
    """The figures of one set."""
    async with system.holding(dataset) as collection:
        found = await retrieval.measure_product(_sampled(dataset), product(collection))
        figures = {f"nDCG@10 {each.asked}": each.ndcg for each in found}
        ways = {"": collection.ask, _ASSISTANT: collection.chat}
        for asked in await answers.measure(
            dataset, collection, foreign[:_ASKED], ways, most=_ASKED
        ):
            figures |= {f"{asked.by}{name}": value for name, value in _of(asked).items()}
    return figures


def _of(asked: Answers) -> Figures:
    figures = {
        "answered": 1 - asked.abstained / asked.asked,
        "quotes exact": asked.exact_quotes / asked.quotes,
    }
    if asked.with_gold:
        figures["holds gold"] = asked.held_gold / asked.with_gold
    if asked.foreign:
        figures[FOREIGN] = asked.foreign_abstained / asked.foreign
    return figures


def routing_figures() -> Figures:
    """How well questions are routed."""
    product = next(each for each in routing.measure() if each.by == routing.PRODUCT)
    return {"accuracy": product.accuracy}


def expected() -> Mapping[str, Figures]:
    """What was written down, by set."""
    found: dict[str, Figures] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return found


def renew(measured: Mapping[str, Figures]) -> None:
    """Writes it down; sets that were not measured keep their figures."""
    kept = dict(expected()) if EXPECTED.exists() else {}
    rounded = {
        name: {figure: round(value, 4) for figure, value in figures.items()}
        for name, figures in measured.items()
    }
    EXPECTED.write_text(json.dumps(kept | rounded, indent=2, sort_keys=True) + "\n")


def compare(measured: Mapping[str, Figures], wanted: Mapping[str, Figures]) -> list[str]:
    """One line for every figure that is missing or has become worse."""
    worse: list[str] = []
    for name, figures in measured.items():
        for figure, least in wanted.get(name, {}).items():
            value = figures.get(figure)
            margin = 0.0 if least == 1 else MARGIN
            if value is None or value < least - margin:
                shown = "not measured" if value is None else f"{value:.4f}"
                worse.append(f"{name}, {figure}: {shown}, was {least:.4f}")
    return worse


def _without_foreign(figures: Figures) -> Figures:
    return {figure: value for figure, value in figures.items() if not figure.endswith(FOREIGN)}


def _sampled(dataset: Dataset) -> Dataset:
    step = max(1, len(dataset.queries) // _SEARCHED)
    return Dataset(dataset.name, dataset.corpus, dataset.queries[::step])


if __name__ == "__main__":
    sys.exit(main())
