"""A small service on a real database: what the tests of the web edge send their requests to."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import httpx
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import APIRouter, Depends, FastAPI, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.data.migrations import create_schema, create_system_tables, enable_tenant_isolation
from chassis.security.authentication import require
from chassis.settings import (
    DatabaseSettings,
    Environment,
    InternalKeySettings,
    OidcSettings,
    RedisSettings,
    ServiceAppSettings,
    ServiceSettings,
)
from chassis.web.application import create_service_app
from chassis.web.dependencies import CurrentActor, IfMatch, InternalCaller, ReadTx, Rows, Tx
from chassis.web.errors import Conflict, InvalidInput, NotFound, UnsupportedMediaType
from chassis.web.etag import check_version, set_etag
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.rate_limit import limited
from chassis.web.responses import success
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission

SCHEMA: Final = "websample"
INTERNAL_KEY: Final = "internal-key-of-the-caller"
PREVIOUS_INTERNAL_KEY: Final = "previous-key-of-the-caller"

metadata = sa.MetaData(schema=SCHEMA)
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Uuid(), primary_key=True),
    sa.Column("organization_id", sa.Uuid(), nullable=False),
    sa.Column("slug", sa.Text(), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("parent_id", sa.Uuid()),
    sa.UniqueConstraint("organization_id", "id", name="uq_notes_organization_id_id"),
    sa.UniqueConstraint("organization_id", "slug", name="uq_notes_slug"),
    sa.CheckConstraint("text <> 'forbidden'", name="ck_notes_text"),
    sa.ForeignKeyConstraint(
        ["organization_id", "parent_id"],
        [f"{SCHEMA}.notes.organization_id", f"{SCHEMA}.notes.id"],
        name="fk_notes_parent",
        deferrable=True,
        initially="DEFERRED",
    ),
)
# Built once: building and hashing a statement costs as much as executing it.
ONE_NOTE: Final = sa.select(notes.c.id, notes.c.slug, notes.c.text, notes.c.version).where(
    notes.c.id == sa.bindparam("note_id")
)


class NoteNotFound(NotFound):
    """No such note."""

    code = "NOTE_NOT_FOUND"
    message = "Anotação não encontrada. Confira o identificador."


class SlugTaken(Conflict):
    """Another note has the slug."""

    code = "SLUG_TAKEN"
    message = "Já existe uma anotação com este nome."


class ParentMissing(Conflict):
    """The parent vanished before the commit."""

    code = "PARENT_MISSING"
    message = "A anotação superior não existe."


class MoveRefused(Conflict):
    """A rule with named fields."""

    code = "MOVE_REFUSED"
    message = "De {status} não se passa para {wanted}."


class NewNote(BaseModel):
    """Input of a note."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(min_length=1, max_length=50)
    text: str = Field(max_length=10_000)
    parent_id: UUID | None = None
    tags: list[str] = []

    @field_validator("slug")
    @classmethod
    def _no_spaces(cls, value: str) -> str:
        if " " in value:
            raise ValueError("O nome não pode ter espaços.")
        return value


class Note(BaseModel):
    """A note as read."""

    id: UUID
    slug: str
    text: str
    version: int


router = APIRouter(tags=["notes"])
keyed = APIRouter(tags=["notes"], route_class=IdempotentRoute)
internal = APIRouter()

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.CLIENTS_WRITE))]


@keyed.post("/notes", status_code=201)
async def create_note(body: NewNote, actor: Writer, tx: Tx, response: Response) -> Success[Note]:
    """Write a note."""
    note = Note(id=new_id(), slug=body.slug, text=body.text, version=1)
    await tx.execute(
        sa.insert(notes).values(
            id=note.id,
            organization_id=actor.organization_id,
            slug=note.slug,
            text=note.text,
            parent_id=body.parent_id,
        )
    )
    set_etag(response, note.version)
    response.headers["location"] = f"/api/v1/notes/{note.id}"
    return success(actor, note)


@keyed.post("/notes/upload", status_code=201)
async def upload_note(file: UploadFile, actor: Writer, tx: Tx) -> Success[Note]:
    """Write a note from a file."""
    text = (await file.read()).decode()
    note = Note(id=new_id(), slug=str(file.filename), text=text[:100], version=1)
    values = {"organization_id": actor.organization_id, **note.model_dump()}
    await tx.execute(sa.insert(notes).values(values))
    return success(actor, note)


@router.get("/notes")
async def list_notes(actor: Reader, tx: ReadTx, page: ByCursor) -> Success[list[Note]]:
    """Read notes in the order of their names."""
    query = sa.select(notes).order_by(notes.c.slug).limit(page.limit + 1)
    position = page.position(str)
    if position is not None:
        query = query.where(notes.c.slug > position[0])
    rows = (await tx.execute(query)).mappings().all()
    return page.answer(actor, rows, Note.model_validate, lambda row: (row["slug"],))


@router.get("/notes/{note_id}")
async def read_note(note_id: UUID, actor: Reader, tx: ReadTx, response: Response) -> Success[Note]:
    """Read a note."""
    row = (await tx.execute(ONE_NOTE, {"note_id": note_id})).mappings().one_or_none()
    if row is None:
        raise NoteNotFound
    set_etag(response, row["version"])
    return success(actor, Note.model_validate(row))


@router.get("/notes/{note_id}/quickly")
async def read_note_quickly(
    note_id: UUID, actor: Reader, rows: Rows, response: Response
) -> Success[Note]:
    """Read a note without a session."""
    row = await rows.one_or_none(ONE_NOTE, {"note_id": note_id})
    if row is None:
        raise NoteNotFound
    set_etag(response, row.version)
    note = Note(id=row.id, slug=row.slug, text=row.text, version=row.version)
    return success(actor, note)


@router.patch("/notes/{note_id}")
async def rewrite_note(
    note_id: UUID, body: NewNote, actor: Writer, tx: Tx, if_match: IfMatch
) -> Success[Note]:
    """Rewrite a note."""
    row = (await tx.execute(sa.select(notes).where(notes.c.id == note_id))).mappings().one_or_none()
    if row is None:
        raise NoteNotFound
    check_version(row["version"], if_match)
    note = Note(id=note_id, slug=body.slug, text=body.text, version=row["version"] + 1)
    await tx.execute(sa.update(notes).where(notes.c.id == note_id).values(**note.model_dump()))
    return success(actor, note)


@router.delete("/notes/{note_id}", status_code=204)
async def delete_note(note_id: UUID, actor: Writer, tx: Tx) -> None:
    """Delete a note."""
    await tx.execute(sa.delete(notes).where(notes.c.id == note_id))


@router.post("/uploads", status_code=201, max_body_size=3_000_000)
async def upload(file: UploadFile, actor: Writer) -> Success[int]:
    """Count a file's bytes."""
    return success(actor, len(await file.read()))


@router.post("/failures/{kind}")
async def fail(kind: str, actor: CurrentActor, tx: Tx) -> Success[None]:
    """Fail in the named way."""
    match kind:
        case "bug":
            raise ZeroDivisionError("a detail nobody outside may see")
        case "domain":
            raise MoveRefused(status="closed", wanted="open")
        case "input":
            raise InvalidInput.on("body.document", "CPF inválido.", "cpf")
        case "media":
            raise UnsupportedMediaType
        case "check":
            await tx.execute(
                sa.insert(notes).values(
                    id=new_id(), organization_id=actor.organization_id, slug="x", text="forbidden"
                )
            )
        case "nul":
            await tx.execute(sa.select(sa.literal("a\0b")))
        case "timeout":
            await tx.execute(sa.text("SET LOCAL statement_timeout = 20"))
            await tx.execute(sa.select(sa.func.pg_sleep(5)))
        case "connection":
            raise ConnectionRefusedError
    return success(actor, None)


@router.get("/limited", dependencies=[limited("2/minute", scope="sample")])
async def read_limited(actor: CurrentActor) -> Success[str]:
    """Something expensive."""
    return success(actor, "done")


@router.get("/stream")
async def stream(actor: CurrentActor) -> StreamingResponse:
    """Two events; the second waits for the reader to have seen the first."""

    async def events() -> AsyncIterator[str]:
        yield f"data: {actor.request_id}\n\n"
        await STREAM_GATE.wait()
        yield "data: end\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


@router.get("/stream/broken")
async def broken_stream(actor: CurrentActor) -> StreamingResponse:
    """Fails after the first event."""

    async def events() -> AsyncIterator[str]:
        yield f"data: {actor.request_id}\n\n"
        raise ZeroDivisionError

    return StreamingResponse(events(), media_type="text/event-stream")


@router.get("/plain")
async def plain(actor: CurrentActor) -> Success[str]:
    """Nothing but the edge."""
    return success(actor, "plain")


@router.get("/search")
async def search(q: str, actor: CurrentActor) -> Success[str]:
    """Echo the query."""
    return success(actor, q)


@internal.post("/maintenance/prune")
async def prune(caller: InternalCaller) -> Success[dict[str, str | None]]:
    """Tell who calls."""
    person = str(caller.actor.user_id) if caller.actor else None
    return Success(data={"service": caller.service, "actor": person}, request_id=caller.request_id)


STREAM_GATE = asyncio.Event()
CONFLICTS: Final = {"uq_notes_slug": SlugTaken, "fk_notes_parent": ParentMissing}


def sample_settings(
    urls: DatabaseUrls, redis_url: str, factory: TokenFactory, jwks_url: str, **service: Any
) -> ServiceAppSettings:
    """Settings as the environment would give them."""
    return ServiceAppSettings(
        service=ServiceSettings(
            **{"environment": Environment.TEST, "version": "1.2.3", "log_level": "DEBUG"} | service
        ),
        database=DatabaseSettings(
            url=SecretStr(urls.app), worker_url=SecretStr(urls.worker), pool_size=5
        ),
        redis=RedisSettings(url=SecretStr(redis_url)),
        oidc=OidcSettings(
            issuer=factory.issuer,
            audience=factory.audience,
            jwks_url=jwks_url,
            jwks_refetch_window_seconds=0.2,
        ),
        internal_keys=InternalKeySettings(
            key=SecretStr("internal-key-of-this-service"),
            keys_accepted={
                "worker-svc": (SecretStr(INTERNAL_KEY), SecretStr(PREVIOUS_INTERNAL_KEY))
            },
        ),
    )


def sample_app(settings: ServiceAppSettings, **changes: Any) -> FastAPI:
    """The service, not yet started."""
    arguments: dict[str, Any] = {
        "name": "sample-svc",
        "title": "Sample",
        "settings": settings,
        "schema": SCHEMA,
        "routers": [router, keyed],
        "internal_routers": [internal],
        "conflicts": CONFLICTS,
        "relay": False,
    }
    return create_service_app(**arguments | changes)


@asynccontextmanager
async def started(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app, in this process."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://sample.test"
        ) as client,
    ):
        yield client


def with_resources(app: FastAPI, **changes: Any) -> None:
    """Replaces some of a running app's resources."""
    app.state.resources = replace(app.state.resources, **changes)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


async def create_sample_schema(owner_url: str) -> None:
    """The sample's tables, as a migration of it would create them."""
    engine = create_async_engine(owner_url)
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()


async def empty_sample_schema(superuser_url: str) -> None:
    """Deletes every row."""
    connection = await asyncpg.connect(superuser_url)
    for table in ("notes", "idempotency_keys", "outbox", "inbox"):
        await connection.execute(f"DELETE FROM {SCHEMA}.{table}")
    await connection.close()


def _create(connection: sa.Connection) -> None:
    op: Any = Operations(MigrationContext.configure(connection))
    create_schema(op, SCHEMA)
    create_system_tables(op, SCHEMA)
    metadata.create_all(connection)
    enable_tenant_isolation(op, SCHEMA, "notes")


class KeyServer:
    """Publishes a key set over HTTP and counts how often it is asked."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document: Mapping[str, Any] | None = document
        self.requests = 0
        self.delay = 0.0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where the key set is."""
        if self._server is None:
            raise RuntimeError("not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/jwks.json"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        await asyncio.sleep(self.delay)
        status = "200 OK" if self.document is not None else "503 Service Unavailable"
        body = json.dumps(self.document or {}).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
