"""PNG, JPEG, TIFF and WebP: their text, through recognition; a page per frame."""

import io
import re
import struct
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import read_member
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.mail import SMALLEST_PICTURE
from knowledge.parsing.recognition import Recogniser
from knowledge.parsing.sniffing import HEAD_BYTES, PICTURES, sniff

_FORMATS: Final = ("PNG", "JPEG", "TIFF", "WEBP")
_MEDIA: Final = re.compile(r"(?:word/media|ppt/media|Pictures)/[^/]+")
_SAYS_NOTHING: Final = frozenset({Cause.EMPTY, Cause.BROKEN, Cause.UNSUPPORTED_TYPE})
_MAX_PIXELS: Final = 40_000_000
"""A3 at 400 dots per inch has fewer."""
# What Pillow lets through of damaged pictures.
_OF_DAMAGE: Final = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, KeyError, struct.error,
    OverflowError, AttributeError, NotImplementedError,
)  # fmt: skip


def extract_picture(raw: bytes, limits: Limits, recogniser: Recogniser) -> Extraction:
    """The picture's text. Raises NEEDS_OCR where nobody can read it."""
    return Extraction(_blocks(raw, limits, recogniser))


def _blocks(raw: bytes, limits: Limits, recogniser: Recogniser) -> Iterator[Block]:
    read = False
    for number, frame in enumerate(_frames(raw), start=1):
        if number > limits.max_pages:
            raise ParsingFailure(Cause.TOO_LONG)
        text = recogniser.read(frame)
        if text is None:
            raise ParsingFailure(Cause.NEEDS_OCR)
        read = read or bool(text)
        for at, paragraph in enumerate(text.split("\n\n")):
            yield Block(paragraph, page=number, tight=at > 0 and not paragraph)
    if not read:
        raise ParsingFailure(Cause.EMPTY)


def pasted_pictures(
    archive: zipfile.ZipFile, limits: Limits, recogniser: Recogniser
) -> Iterator[Block]:
    """What the pictures of an office file say, in its order; logos and drawings say nothing. Raises
    NEEDS_OCR where nobody can read them."""
    for entry in archive.infolist():
        if not _MEDIA.match(entry.filename) or entry.file_size < SMALLEST_PICTURE:
            continue
        try:
            raw = read_member(archive, entry)
            if sniff(raw[:HEAD_BYTES]) in PICTURES:
                for block in _blocks(raw, limits, recogniser):
                    yield replace(block, page=None)
        except ParsingFailure as failure:
            if failure.cause not in _SAYS_NOTHING:
                raise


def _frames(raw: bytes) -> Iterator[Image.Image]:
    """Each frame upright. Its size is known before its pixels are unpacked."""
    Image.MAX_IMAGE_PIXELS = None  # the limit is ours
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(raw), formats=_FORMATS)
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                if image.width * image.height > _MAX_PIXELS:
                    raise ParsingFailure(Cause.TOO_COMPLEX)
                yield ImageOps.exif_transpose(_grey(image))
    except UnidentifiedImageError as error:
        raise ParsingFailure(Cause.BROKEN) from error
    except _OF_DAMAGE as error:
        raise ParsingFailure(Cause.BROKEN) from error


def _grey(image: Image.Image) -> Image.Image:
    """As it looks on paper: what is transparent is white."""
    grey = image.convert("L")
    if not image.has_transparency_data:
        return grey
    alpha = (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A")
    paper = Image.new("L", image.size, 255)
    paper.paste(grey, mask=alpha)
    paper.info = grey.info  # which way up it is
    return paper
