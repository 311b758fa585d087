"""`python -m evals [--data FOLDER] [set …]`: measure, print, write evals/RESULTS.md.
`python -m evals calibrate` learns when to answer (see `evals.calibration`), `weigh` how much an
embedder deserves to count (see `evals.weighing`). `python -m evals intencoes_pt` needs no servers:
how well questions are routed (see `evals.routing`); nor does `triagem_pt` (see `evals.triage`).

The shared sets lie in a folder outside the repository; without it only our own are measured. Exit
code 1 when a goal is missed.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from evals import answers, calibration, plot, report, retrieval, routing, triage, weighing
from evals.answerers import answerers
from evals.answers import Answers
from evals.baselines import rankers
from evals.datasets import Dataset, available, data_folder, foreign_questions, load_all
from evals.retrieval import Retrieval
from evals.system import running_system

MOST_ASKED = 300


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    parser.add_argument("sets", nargs="*", help="all there are, when none is named")
    parser.add_argument("--data", type=Path, help="the folder of the sets")
    arguments = parser.parse_args()
    folder = data_folder(arguments.data)
    datasets = load_all(folder)
    names = [each.name for each in datasets]
    if not available(folder):
        print(f"No shared question sets in {folder}: only our own. Name their folder with --data.")
    if arguments.sets == ["calibrate"]:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print(asyncio.run(calibration.calibrate(datasets)))
        return 0
    if arguments.sets == ["weigh"]:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print(asyncio.run(weighing.weigh(datasets)))
        return 0
    routings = routing.measure()
    if arguments.sets == [routing.NAME]:
        print(report.routing_table(routings))
        return 0 if all(each.holds for each in routings) else 1
    triages = asyncio.run(triage.measure())
    if arguments.sets == [triage.SET.name]:
        print(triage.table(triages))
        return 0
    unknown = set(arguments.sets) - set(names)
    if unknown:
        print(f"No set is called {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = [each for each in datasets if each.name in (arguments.sets or names)]
    retrievals, answered = asyncio.run(_measure(wanted, datasets))
    print(report.tables(retrievals, answered, routings, triages))
    if not arguments.sets and available(folder):
        report.write(retrievals, answered, routings, triages)
        plot.draw(retrievals)
        print(f"\nWritten to evals/{report.RESULTS.name} and evals/{plot.PLOT.name}.")
    missed = [f"{each.dataset} {each.asked}" for each in retrievals if not each.holds]
    missed += [goal for each in answered for goal in each.missed]
    missed += [routing.NAME for each in routings if not each.holds]
    if missed:
        print(f"\nGoals missed: {', '.join(missed)}.")
    return 1 if missed else 0


async def _measure(
    wanted: list[Dataset], all_sets: list[Dataset]
) -> tuple[list[Retrieval], list[Answers]]:
    retrievals: list[Retrieval] = []
    answered: list[Answers] = []
    async with running_system() as system:
        for dataset in wanted:
            print(f"{dataset.name} …", file=sys.stderr, flush=True)
            async with system.holding(dataset) as collection:
                questions = [query.text for query in dataset.queries]
                async with rankers(system, collection, questions) as ways:
                    retrievals += await retrieval.measure(dataset, ways)
                foreign = foreign_questions(dataset, all_sets)
                answered += await answers.measure(
                    dataset, collection, foreign, answerers(collection), most=MOST_ASKED
                )
    return retrievals, [*answered, *answers.together(answered)]


if __name__ == "__main__":
    sys.exit(main())
