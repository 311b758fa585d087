"""Portuguese texts of a given size for ingestion: made up, with a real text's word statistics."""

import random
from itertools import accumulate

_ROOTS = """
atend cadastr client benef contrat document empresa fatur garant histor inform jorn licen
moviment negoci organiz pagament process qualif registr servic solicit trabalh usuari valid
vencim acord admin alter analis aprov arquiv atualiz autor cancel cobr comprov comunic confirm
consult control corrig defer demonstr deposit descont distribu divid encaminh entreg envi escolh
estabelec execut exig explic feri fiscal form gest ident impost indic inici instal integr
interess invest justific lanc limit localiz manual mensal mod mult notific obrig observ ocorr
oper orient pag parcel particip period plan prazo preench prest prevent public reajust receb
reclam recurs reduz reembols regul relat remuner renov requer resid resolv respons restitu revis
seguranc sistem tarif tratament
"""
_ENDINGS = """
o a os as ar ado ada ados adas ação ações amento amentos ível íveis ante antes or ora ores e es
"""
_SMALL = """
de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu
sua ou quando muito nos já também só pelo pela até isso entre depois sem mesmo aos seus quem nas
esse
"""


class Words:
    """Content words with Zipf's frequencies, mixed with the small words of the language."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._words = [root + ending for root in _ROOTS.split() for ending in _ENDINGS.split()]
        self._small = _SMALL.split()
        random.Random(0).shuffle(self._words)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self._words))))

    def sentence(self) -> str:
        """8 to 22 words."""
        length = self._dice.randint(8, 22)
        words = self._dice.choices(self._small, k=length)
        content = self._dice.choices(self._words, cum_weights=self._weights, k=length)
        mixed = [
            small if self._dice.random() < 0.42 else word
            for small, word in zip(words, content, strict=True)
        ]
        return " ".join(mixed).capitalize() + "."

    def heading(self) -> str:
        """Three content words."""
        return " ".join(self._dice.choices(self._words, k=3)).capitalize()


def portuguese_text(seed: int, size: int) -> str:
    """About `size` bytes of UTF-8 in Markdown: sections of paragraphs, no two seeds alike."""
    words = Words(random.Random(seed))
    parts: list[str] = []
    written = 0
    while written < size:
        paragraph = " ".join(words.sentence() for _ in range(4))
        part = f"## {words.heading()}\n\n{paragraph}" if len(parts) % 3 == 0 else paragraph
        parts.append(part)
        written += len(part.encode()) + 2
    return "\n\n".join(parts).encode()[:size].decode(errors="ignore")
