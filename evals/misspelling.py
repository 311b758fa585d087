"""A question as people type it in a hurry: no accents, and one mistake."""

import random

from knowledge.lexical import fold

SHORTEST = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misspelt(question: str) -> str:
    """Accents stripped, and in one word of four letters or more two letters swapped, one left
    out or one replaced. The same mistake every time.
    """
    chance = random.Random(question)
    words = fold(question).split()
    places = [place for place, word in enumerate(words) if len(word) >= SHORTEST]
    if places:
        place = chance.choice(places)
        words[place] = _with_mistake(words[place], chance)
    return " ".join(words)


def _with_mistake(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) - 1)
    match chance.randrange(3):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case _:
            return word[:at] + chance.choice(_LETTERS) + word[at + 1 :]
