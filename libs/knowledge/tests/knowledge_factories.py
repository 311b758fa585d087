"""Documents, actors and a small web for the tests of the pipeline."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import undefer

from chassis.messaging.job_queue import ClaimedJob
from devstack.people import PEOPLE
from knowledge import submission
from knowledge.addresses import AddressPolicy
from knowledge.ingestion import Ingestion
from knowledge.models import Chunk, Document, DocumentVersion, IngestionJob
from knowledge.storage import original_key
from knowledge.submission import Source, Upload
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Role, permissions_of


def make_actor(person: str = "ana") -> Actor:
    """One of the sample people."""
    who = PEOPLE[person]
    roles = frozenset(Role(role) for role in who.roles)
    return Actor(
        organization_id=OrganizationId(who.organization.id),
        user_id=UserId(who.sub),
        roles=roles,
        request_id="req-knowledge-tests",
        permissions=permissions_of(roles),
    )


async def in_parts(raw: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Bytes as an upload brings them."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


@dataclass(frozen=True)
class Knowledge:
    """A pipeline with shorthands: submit, work off, look."""

    ingestion: Ingestion

    async def submit_text(self, text: str, *, person: str = "ana", **fields: Any) -> UUID:
        """A document of type text."""
        return await self._submit(make_actor(person), Source.text(text), fields)

    async def submit_file(
        self, raw: bytes, name: str = "arquivo", *, person: str = "ana", **fields: Any
    ) -> UUID:
        """An upload: into the storage, then the row."""
        actor, upload = make_actor(person), Upload()
        stored = await self.ingestion.storage.put_stream(
            original_key(actor.organization_id, upload.document_id, upload.version_id),
            in_parts(raw),
            max_bytes=50 * 1024 * 1024,
        )
        source = Source.file(stored, name)
        return await self._submit(actor, source, {"upload": upload, **fields})

    async def submit_url(self, url: str, *, person: str = "ana", **fields: Any) -> UUID:
        """An address, allowed to be the test's own web server."""
        source = Source.url(url, AddressPolicy(("127.0.0.2/32",)))
        return await self._submit(make_actor(person), source, fields)

    async def _submit(self, actor: Actor, source: Source, fields: dict[str, Any]) -> UUID:
        async with self.ingestion.database.transaction(actor.organization_id) as session:
            submitted = await submission.submit(session, actor, source, **fields)
        return submitted.document.id

    async def work(self, worker: str = "tests") -> int:
        """Everything that is due."""
        return await self.ingestion.drain_once(worker)

    async def claim(self, worker: str = "tests") -> ClaimedJob:
        """The one job that is due."""
        (job,) = await self.ingestion.queue.claim(worker, 10)
        return job

    async def document(self, document_id: UUID, person: str = "ana") -> Document:
        """As it is now."""
        organization_id = make_actor(person).organization_id
        async with self.ingestion.database.transaction(organization_id) as session:
            return (
                await session.scalars(sa.select(Document).where(Document.id == document_id))
            ).one()

    async def version(
        self, document_id: UUID, number: int = 1, person: str = "ana"
    ) -> DocumentVersion:
        """As it is now, with its content."""
        organization_id = make_actor(person).organization_id
        async with self.ingestion.database.transaction(organization_id) as session:
            return (
                await session.scalars(
                    sa.select(DocumentVersion)
                    .options(undefer(DocumentVersion.content))
                    .where(
                        DocumentVersion.document_id == document_id,
                        DocumentVersion.number == number,
                    )
                )
            ).one()

    async def chunks(self, document_id: UUID, person: str = "ana") -> Sequence[Chunk]:
        """In reading order."""
        organization_id = make_actor(person).organization_id
        async with self.ingestion.database.transaction(organization_id) as session:
            found = await session.scalars(
                sa.select(Chunk).where(Chunk.document_id == document_id).order_by(Chunk.position)
            )
            return found.all()

    async def job(self, document_id: UUID) -> Any:
        """The queue's row of the document's last job."""
        table = IngestionJob.__table__
        async with self.ingestion.database.worker_transaction() as session:
            found = await session.execute(
                sa.select(table)
                .where(table.c.document_id == document_id)
                .order_by(table.c.created_at.desc())
            )
            return found.first()

    async def lease_runs_out(self, job: ClaimedJob) -> None:
        """As if its worker had been silent for longer than the lease."""
        table = IngestionJob.__table__
        async with self.ingestion.database.worker_transaction() as session:
            await session.execute(
                sa.update(table)
                .where(table.c.id == job.id)
                .values(lease_expires_at=sa.func.now() - sa.text("interval '1 second'"))
            )

    async def is_due(self, document_id: UUID) -> None:
        """Does away with the pause before the next attempt."""
        table = IngestionJob.__table__
        async with self.ingestion.database.worker_transaction() as session:
            await session.execute(
                sa.update(table)
                .where(table.c.document_id == document_id)
                .values(run_at=sa.func.now())
            )


@dataclass
class Web:
    """Answers with whatever a test has put at a path: status, headers and body, byte for byte."""

    pages: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """On 127.0.0.2, so that 127.0.0.1 stays refused."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.2", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port."""
        if self._server is not None:
            self._server.close()

    def url(self, path: str, host: str = "pagina.example") -> str:
        """The address of a page."""
        return f"http://{host}:{self.port}{path}"

    def put(self, path: str, body: bytes = b"", *, status: str = "200 OK", **headers: str) -> str:
        """Publishes a page; returns its address."""
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.pages[path] = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        return self.url(path)

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        """The names a test has given addresses; everything else is this server."""
        return self.addresses.get(host, ["127.0.0.2"])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode())
        path = head.split(b" ", 2)[1].decode()
        writer.write(self.pages.get(path, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"))
        await writer.drain()
        writer.close()
