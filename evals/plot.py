"""evals/RESULTS.png: the product beside its baselines, set by set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")  # draws without a screen

import matplotlib.pyplot as plt
import numpy as np

from evals.baselines import PRODUCT
from evals.retrieval import MISSPELT, Retrieval

PLOT = Path(__file__).parent / "RESULTS.png"
_OURS: Final = "#1f4e79"
_OURS_MISSPELT: Final = "#7ba7cf"
_OTHERS: Final = ("#c9c9c9", "#a8a8a8", "#878787", "#666666")
_GROUP: Final = 0.84
"""Of the room of a set, what its bars take."""


def draw(retrievals: Sequence[Retrieval], file: Path = PLOT) -> None:
    """nDCG@10 as bars, the goals as lines across the product's."""
    sets = list(dict.fromkeys(each.dataset for each in retrievals))
    series = list(dict.fromkeys((each.ranker, each.asked) for each in retrievals))
    found = {(each.dataset, each.ranker, each.asked): each for each in retrievals}
    others = iter(_OTHERS * len(series))
    figure, axes = plt.subplots(figsize=(2.2 + 2.4 * len(sets), 4.2), layout="constrained")
    width = _GROUP / len(series)
    for number, (ranker, asked) in enumerate(series):
        places = np.arange(len(sets)) - _GROUP / 2 + (number + 0.5) * width
        present = [found.get((name, ranker, asked)) for name in sets]
        heights = [each.ndcg if each else 0.0 for each in present]
        ours = _OURS_MISSPELT if asked == MISSPELT else _OURS
        label = ranker if asked != MISSPELT else f"{ranker}, {asked}"
        colour = ours if ranker == PRODUCT else next(others)
        bars = axes.bar(places, heights, width * 0.94, label=label, color=colour)
        axes.bar_label(bars, fmt="{:.3f}", fontsize=6, padding=1)
        for place, each in zip(places, present, strict=True):
            if each is not None and each.goal is not None:
                axes.hlines(each.goal, place - width / 2, place + width / 2, color="#d1495b")
    axes.set_xticks(np.arange(len(sets)), sets)
    axes.set_ylabel("nDCG@10 (red: the goal)")
    axes.set_ylim(0, 1.1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3, fontsize=8, frameon=False)
    figure.savefig(file, dpi=120)
    plt.close(figure)
