"""Pages drawn in a process that can be killed: one at a time, and few that wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, cast

from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.modules.viewing.exceptions import PageNotDrawn, PageNotFound, TooManyPages
from ai_svc.settings import AiSettings
from chassis.data.object_storage import ObjectMissing, ObjectStorage
from chassis.web.resources import Resources
from knowledge.page_images import Mark, NoSuchPage
from knowledge.parsing.causes import ParsingFailure
from knowledge.sandbox import File, Sandbox, SandboxLimits

MOST_WAITING: Final = 16
"""A page takes tenths of a second: who comes later would wait longer than anybody does."""


class PageArtist:
    """Draws pages of originals in the storage."""

    def __init__(self, sandbox: Sandbox, storage: ObjectStorage) -> None:
        self._sandbox = sandbox
        self._storage = storage
        self._waiting = 0

    async def draw(self, key: str, page: int, mark: Mark | None) -> bytes:
        """A PNG. Raises TooManyPages, PageNotFound, PageNotDrawn."""
        if self._waiting >= MOST_WAITING:
            raise TooManyPages
        self._waiting += 1
        try:
            original = await self._storage.open(key)
            file = File(original.size_bytes, original.parts)
            return await self._sandbox.render_page(file, page, mark=mark)
        except NoSuchPage:
            raise PageNotFound from None
        except (ParsingFailure, ObjectMissing) as failure:
            raise PageNotDrawn from failure
        finally:
            self._waiting -= 1


@asynccontextmanager
async def open_artist(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts it on `app.state`. The process is started by the first page."""
    settings = cast("AiSettings", resources.settings)
    limits = SandboxLimits(
        settings.ingestion.limits,
        memory_bytes=settings.ingestion.parser_memory_bytes,
        cpu=settings.ingestion.parser_cpu,
        wall=settings.ingestion.parser_wall,
    )
    sandbox = Sandbox(limits, processes=1)
    app.state.page_artist = PageArtist(sandbox, ObjectStorage.at(settings.storage))
    try:
        yield
    finally:
        await sandbox.close()


async def artist_of(request: Request) -> PageArtist:
    """What the service opened at start."""
    return cast("PageArtist", request.app.state.page_artist)


CurrentArtist = Annotated[PageArtist, Depends(artist_of)]
