"""A document's original: fetched into the storage where need be, and read as normalised text."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.data.object_storage import ObjectStorage
from knowledge.chunk_edits import Edit
from knowledge.failures import OriginalMissing, refused_for
from knowledge.fetching import UrlFetcher
from knowledge.models import Language, SourceType
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.decoding import decode
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text
from knowledge.parsing.sniffing import Format, sniff
from knowledge.parsing.tesseract import tesseract
from knowledge.sandbox import Sandbox
from knowledge.settings import IngestionSettings
from knowledge.storage import open_original, put_original, read_original
from knowledge.threads import Compute
from shared_schemas.ids import OrganizationId, UserId

_TOO_MUCH: Final = frozenset({Cause.TOO_COMPLEX, Cause.PARSER_CRASHED})
_SMALL_TEXT: Final = 1024 * 1024
"""Plain text up to here is read in this process; longer, and all else, in the sandbox."""


@dataclass(frozen=True, slots=True)
class SubmittedDocument:
    """What the pipeline knows of a version when it begins. `text` for one of type text,
    `fetched_prefix` for what this attempt fetches, `current_sha256` of what the document says now,
    where the version could turn out to say the same; `edits` what people edited, in order."""

    id: UUID
    organization_id: OrganizationId
    number: int
    title: str
    source_type: SourceType
    source_uri: str | None
    storage_key: str | None
    mime_type: str | None
    charset: str | None
    content_sha256: str | None
    size_bytes: int | None
    chunking: str
    language: Language | None
    submitted_by: UserId
    counted_bytes: int
    was_indexed: bool
    current_sha256: str | None
    text: str | None
    fetched_prefix: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """Where the bytes are, and what they are. A document of type text carries them itself."""

    storage_key: str | None
    form: Format
    size_bytes: int
    sha256: str | None
    charset: str | None = None
    text: str | None = None
    main_content: bool = False
    """Of a page from the Web only the article is read, without the portal around it."""


class OriginalReader:
    """The stages fetch and extract."""

    def __init__(
        self,
        *,
        storage: ObjectStorage,
        fetcher: UrlFetcher,
        sandbox: Sandbox,
        compute: Compute,
        settings: IngestionSettings,
    ) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._sandbox = sandbox
        self._compute = compute
        self._settings = settings

    async def fetch(self, document: SubmittedDocument) -> Original:
        """Makes sure the bytes are in the storage. Raises DocumentRefused."""
        match document.source_type:
            case SourceType.TEXT | SourceType.CURATED:
                return _of_row(document, None, Format.TEXT)
            case SourceType.FILE:
                if document.storage_key is None or document.mime_type is None:
                    raise OriginalMissing
                return _of_row(document, document.storage_key, Format(document.mime_type))
            case SourceType.URL:
                if document.storage_key is not None and document.mime_type is not None:
                    # An attempt before this one has fetched it, and got no further.
                    return _of_row(document, document.storage_key, Format(document.mime_type))
                return await self._download(document)

    async def extract(self, original: Original) -> NormalisedText:
        """The text all offsets refer to. Raises DocumentRefused."""
        limits = self._settings.limits
        try:
            if original.text is not None:
                return await self._compute(_normalised, original.text, limits)
            key = original.storage_key
            if key is None:
                raise OriginalMissing
            if original.form is Format.TEXT and original.size_bytes <= _SMALL_TEXT:
                raw = await read_original(self._storage, key)
                return await self._compute(_decoded, raw, original.charset, limits)
            return await self._parsed(original, key)
        except ParsingFailure as failure:
            raise refused_for(failure.cause) from failure

    async def _parsed(self, original: Original, key: str) -> NormalisedText:
        """Pages that are pictures are read in a second pass, where text recognition is installed:
        seconds for each of them, and only then. What the first pass has read is not lost to a
        picture that is too much for the second."""
        text: NormalisedText | None = None
        try:
            text = await self._read(original, key, recognise=False)
        except ParsingFailure as failure:
            if failure.cause is not Cause.NEEDS_OCR or not await _can_recognise():
                raise
        else:
            if not text.unread_pages or not await _can_recognise():
                return text
        try:
            return await self._read(original, key, recognise=True)
        except ParsingFailure as failure:
            if text is None or failure.cause not in _TOO_MUCH:
                raise
            return text

    async def _read(self, original: Original, key: str, *, recognise: bool) -> NormalisedText:
        return await self._sandbox.parse(
            await open_original(self._storage, key),
            original.form,
            charset=original.charset,
            main_content=original.main_content,
            recognise=recognise,
        )

    async def _download(self, document: SubmittedDocument) -> Original:
        if document.source_uri is None:
            raise OriginalMissing
        key = f"{document.fetched_prefix}original"
        async with self._fetcher.open(document.source_uri) as page:
            stored = await put_original(
                self._storage, key, page.body, max_bytes=self._settings.max_file_bytes
            )
            try:
                form = sniff(stored.head)
            except ParsingFailure as failure:
                raise refused_for(failure.cause) from failure
            return Original(
                key,
                form,
                stored.size_bytes,
                stored.sha256,
                charset=page.charset,
                main_content=True,
            )


async def _can_recognise() -> bool:
    return await asyncio.to_thread(tesseract) is not None


def _of_row(document: SubmittedDocument, key: str | None, form: Format) -> Original:
    return Original(
        key,
        form,
        size_bytes=document.size_bytes or 0,
        sha256=document.content_sha256,
        charset=document.charset,
        text=document.text if key is None else None,
        main_content=document.source_type is SourceType.URL,
    )


def _decoded(raw: bytes, charset: str | None, limits: Limits) -> NormalisedText:
    return _normalised(decode(raw, charset), limits)


def _normalised(text: str, limits: Limits) -> NormalisedText:
    return normalise(extract_text(text, limits), limits)
