"""How well a passage answers, as a number that can be compared between questions.

A lexical score is divided by the question's ideal: the score of an imaginary passage of average
length that has every term of the question once. This coverage is mapped to 0..1 so that 0.5 is
the point below which the assistant rather abstains. On the sample data, of the best passages:

    coverage .5  similarity .50   1-3 % of the answerable questions lie below, and 88-100 % of
                                  the questions taken from another collection
    coverage .7  similarity .84   half of the answerable questions lie above .90
    coverage 1   similarity .97   every term of the question, once

(FaQuAD, M365 support, XQuAD en; `python -m evals` measures it again.)
"""

from typing import Final

HALF: Final = 0.5
STEEPNESS: Final = 5.0
_SUREST: Final = 1e-9


def similarity_of(score: float, ideal: float) -> float:
    """Log-logistic in the coverage `score / ideal`; 0 when nothing matches."""
    if score <= 0 or ideal <= 0:
        return 0.0
    return float(1 / (1 + (HALF * ideal / score) ** STEEPNESS))


def coverage_of(similarity: float) -> float:
    """The coverage behind a similarity; as far as a vector leg has its say, only about."""
    if similarity <= 0:
        return 0.0
    odds = similarity / max(1 - similarity, _SUREST)
    return float(HALF * odds ** (1 / STEEPNESS))
