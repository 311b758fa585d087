"""Who extracts: this system, kreuzberg alone, and markitdown where somebody has installed it.

`python -m bench.extraction_candidates NAME` reads pickled samples, answers a pickled list: each
candidate has a process of its own, so that its memory is its own.
"""

import io
import pickle
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bench.extraction_set import Sample
from knowledge.parsing.extraction import Limits

_RUNS = 3


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one candidate made of one sample; `text` is empty where it gave up."""

    text: str
    headings: list[str]
    pages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """All samples in their order, and the process's largest resident set."""

    extracted: list[Extracted]
    megabytes: float


Reader = Callable[[Sample], tuple[str, list[str], int]]


def names() -> list[str]:
    """Those that can run here."""
    return [name for name in _READERS if name != "markitdown" or find_spec("markitdown")]


def _cogep() -> Reader:
    from knowledge.parsing.parser import parse  # noqa: PLC0415

    def read(sample: Sample) -> tuple[str, list[str], int]:
        text = parse(sample.raw, sample.form, Limits(), recognise=sample.pictured)
        return text.text, [heading.title for heading in text.headings], len(text.page_starts)

    return read


def _kreuzberg() -> Reader:
    import kreuzberg  # noqa: PLC0415

    config = kreuzberg.ExtractionConfig(use_cache=False, output_format="markdown")
    recognising = kreuzberg.ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        ocr=kreuzberg.OcrConfig(backend="tesseract", language="por"),
    )

    def read(sample: Sample) -> tuple[str, list[str], int]:
        result = kreuzberg.extract_bytes_sync(
            sample.raw, sample.form.value, recognising if sample.pictured else config
        )
        nested = [child["result"].content for child in result.children or ()]
        text = "\n\n".join([result.content, *nested])
        return text, _markdown_headings(text), result.get_page_count() or 0

    return read


def _markitdown() -> Reader:
    markitdown: Any = __import__("markitdown")
    converter = markitdown.MarkItDown()

    def read(sample: Sample) -> tuple[str, list[str], int]:
        info = markitdown.StreamInfo(mimetype=sample.form.value, charset="utf-8")
        text = converter.convert_stream(io.BytesIO(sample.raw), stream_info=info).text_content
        return text, _markdown_headings(text), 0

    return read


_READERS: dict[str, Callable[[], Reader]] = {
    "cogep": _cogep,
    "kreuzberg": _kreuzberg,
    "markitdown": _markitdown,
}


def _markdown_headings(text: str) -> list[str]:
    found = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return [re.sub(r"\\(.)", r"\1", heading) for heading in found]


def _extracted(read: Reader, sample: Sample) -> Extracted:
    """The best of three; recognition takes seconds and runs once."""
    runs = 1 if sample.pictured else _RUNS
    try:
        return min((_once(read, sample) for _ in range(runs)), key=lambda run: run.seconds)
    except Exception as error:  # noqa: BLE001 - whatever it is, this candidate does not read it
        print(f"{sample.name}: {error!r:.150}", file=sys.stderr)
        return Extracted("", [], 0, 0.0)


def _once(read: Reader, sample: Sample) -> Extracted:
    began = time.perf_counter()
    text, headings, pages = read(sample)
    return Extracted(text, headings, pages, time.perf_counter() - began)


def main(name: str) -> None:
    """Reads samples from standard input, answers on standard output."""
    samples = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the bench itself
    read = _READERS[name]()
    extracted = [_extracted(read, sample) for sample in samples]
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pickle.dump(Answer(extracted, megabytes), sys.stdout.buffer)


if __name__ == "__main__":
    # By its full name, so that what is pickled is known by it to whoever reads it.
    import_module("bench.extraction_candidates").main(sys.argv[1])
