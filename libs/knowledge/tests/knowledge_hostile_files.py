"""All hostile files: those thought out, and good files cut short, mislabelled and damaged."""

import random
from collections.abc import Iterator

from bench.compound_file import outlook_message
from bench.text_files import write_csv, write_eml, write_html, write_rtf
from knowledge_files import PARAGRAPH, make_pdf
from knowledge_hostile_containers import KNOWN, OFFICE, ROWS, containers
from knowledge_hostile_documents import documents, pictures
from knowledge_hostile_file import EITHER, Hostile

_CUTS = (4, 9, 30, 100, 0.5, 0.9, 0.99)
"""Bytes, or a share of the file: after the signature, within the first header, and so on."""
_DAMAGES = 4


def good_files() -> dict[str, bytes]:
    """One of each format."""
    return {
        "pdf": make_pdf(PARAGRAPH, PARAGRAPH, title="Férias", bookmarks=("Férias",)),
        **{form: raw for form, (raw, _) in OFFICE.items()},
        "msg": outlook_message("Assunto", "Corpo", attachments={"a.txt": b"anexo " * 2000}),
        "eml": write_eml("Assunto", "Corpo", html="<p>Corpo</p>", attachments={"a.txt": b"anexo"}),
        "rtf": write_rtf(KNOWN),
        "html": write_html(KNOWN),
        "csv": write_csv(ROWS, delimiter=";"),
        **pictures(),
    }


def hostile_files() -> list[Hostile]:
    """Their names are unique."""
    return [*containers(), *documents(), *_cut_short(), *_damaged(), *_mislabelled()]


def _cut_short() -> Iterator[Hostile]:
    for form, raw in good_files().items():
        for cut in _CUTS:
            size = int(len(raw) * cut) if cut < 1 else int(cut)
            yield Hostile(f"{form}-cut-at-{cut}", raw[:size], EITHER)


def _damaged() -> Iterator[Hostile]:
    """Bytes changed, missing, doubled; the same ones in every run."""
    dice = random.Random(2026)
    for form, raw in good_files().items():
        for number in range(_DAMAGES):
            broken = bytearray(raw)
            for _ in range(10 ** (number % 3)):
                at = dice.randrange(len(broken))
                match dice.randrange(3):
                    case 0:
                        del broken[at : at + dice.randrange(40)]
                    case 1:
                        broken[at:at] = broken[at : at + 200]
                    case _:
                        broken[at] = dice.randrange(256)
            yield Hostile(f"{form}-damaged-{number}", bytes(broken), EITHER)


def _mislabelled() -> Iterator[Hostile]:
    """Behind the signature of one format the content of another."""
    files = good_files()
    for form, other in zip(files, [*list(files)[1:], "pdf"], strict=True):
        yield Hostile(f"{form}-begins-as-{other}", files[other][:16] + files[form][16:], EITHER)
