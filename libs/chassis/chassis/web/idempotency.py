"""`Idempotency-Key`: a POST repeated with the same key has one effect and gets the first answer
again.

The answer is stored in the transaction of the command, so either both exist or neither. Two
identical requests at the same time queue at an advisory lock: the second finds the first one's
answer, or, if that failed, does the work.
"""

import hashlib
import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from chassis.security.authentication import authenticate
from chassis.web.errors import Conflict, InvalidInput
from chassis.web.routing import Handler, ServiceRoute, calls_of
from chassis.web.transactions import run_on_begin, transaction
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorCode

REPLAYED_HEADER: Final = "idempotency-replayed"
_KEY: Final = re.compile(r"[!-~]{1,255}\Z")
_KEPT_HEADERS: Final = ("content-type", "etag", "location")


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""

    code = ErrorCode.IDEMPOTENCY_KEY_REUSED
    message = "Esta chave de idempotência já foi usada com outros dados. Gere uma nova chave."


class _Replay(Exception):
    """The command was done before; `answer` is what it was answered."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class IdempotentRoute(ServiceRoute):
    """A POST that may carry an `Idempotency-Key`. `APIRouter(route_class=IdempotentRoute)`;
    needs `Tx`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "POST" in (self.methods or ()) and transaction not in calls_of(self.dependant):
            raise TypeError(f"{self.path}: an idempotent route stores its answer in its Tx")

    def wrapped(self, handle: Handler) -> Handler:
        """Each execution of a keyed POST claims its key first and leaves its answer there."""
        if "POST" not in (self.methods or ()):
            return handle

        async def handle_once(request: Request) -> Response:
            header = request.headers.get("idempotency-key")
            if header is None:
                return await handle(request)
            command = _Command(_checked(header))
            run_on_begin(request.scope, command.claim)
            try:
                answer = await handle(request)
            except _Replay as replay:
                return replay.answer
            # The transaction is still open here: FastAPI ends function-scoped dependencies after
            # us.
            await command.keep(answer)
            return answer

        return handle_once


class _Command:
    """One execution of a keyed request."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._session: AsyncSession | None = None
        self._row: dict[str, Any] = {}

    async def claim(self, request: Request, session: AsyncSession) -> None:
        """Waits for the same key's other executions; `_Replay` when one of them succeeded."""
        actor = await authenticate(request)
        fingerprint = await _fingerprint(request)
        table = _table(session)
        name = f"idempotency:{actor.organization_id}:{actor.user_id}:{self._key}"
        # Two statements: the second one's snapshot must be taken after the lock was waited for.
        await session.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0)))
        )
        found = (await session.execute(_same_key(table, actor, self._key))).one_or_none()
        if found is not None:
            if found.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            headers = {**found.headers, REPLAYED_HEADER: "true"}
            raise _Replay(Response(found.body, found.status_code, headers))
        self._session = session
        self._row = {
            "organization_id": actor.organization_id,
            "user_id": actor.user_id,
            "key": self._key,
            "fingerprint": fingerprint,
        }

    async def keep(self, answer: Response) -> None:
        """Stores a successful answer in the command's transaction."""
        if self._session is None or answer.status_code >= 400:
            return
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        await self._session.execute(
            sa.insert(_table(self._session)).values(
                **self._row, status_code=answer.status_code, headers=headers, body=answer.body
            )
        )


def _checked(header: str) -> str:
    if not _KEY.match(header):
        raise InvalidInput.on(
            "header.idempotency-key", "Use de 1 a 255 caracteres visíveis, sem espaços nem acentos."
        )
    return header


def _table(session: AsyncSession) -> sa.TableClause:
    return sa.table(
        "idempotency_keys",
        sa.column("organization_id", sa.Uuid()),
        sa.column("user_id", sa.Uuid()),
        sa.column("key", sa.Text()),
        sa.column("fingerprint", sa.Text()),
        sa.column("status_code", sa.SmallInteger()),
        sa.column("headers", sa.JSON()),
        sa.column("body", sa.LargeBinary()),
        schema=session.info["schema"],
    )


def _same_key(table: sa.TableClause, actor: Actor, key: str) -> sa.Select[Any]:
    # Per person: a colleague's key must not reveal an answer this caller may not see.
    return sa.select(table.c.fingerprint, table.c.status_code, table.c.headers, table.c.body).where(
        table.c.organization_id == actor.organization_id,
        table.c.user_id == actor.user_id,
        table.c.key == key,
    )


async def _fingerprint(request: Request) -> str:
    """SHA-256 over method, path, query and body. Multipart is hashed by content: its boundary is
    random."""
    digest = hashlib.sha256()
    url = request.url
    digest.update(f"{request.method} {url.path}?{url.query}\n".encode())
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        digest.update(await request.body())
        return digest.hexdigest()
    for name, value in (await request.form()).multi_items():
        digest.update(f"\n{name}=".encode())
        if isinstance(value, UploadFile):
            digest.update(f"{value.filename}\n".encode())
            while piece := await value.read(65_536):
                digest.update(piece)
            await value.seek(0)
        else:
            digest.update(value.encode())
    return digest.hexdigest()
