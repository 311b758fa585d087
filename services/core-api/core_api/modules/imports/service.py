"""Uploading, starting and cancelling imports of clients."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.messaging.job_queue import JobQueue, JobState
from chassis.observability.tracing import current_traceparent
from chassis.web.etag import check_version
from core_api.changes import Change, made
from core_api.modules.audit import service as audit
from core_api.modules.imports.exceptions import ImportFileGone, ImportNotUnderWay, ImportUnderWay
from core_api.modules.imports.forgetting import forget_imports, sweep_import_files
from core_api.modules.imports.intake import Upload
from core_api.modules.imports.mapping import checked
from core_api.modules.imports.models import ClientImport, ClientImportRun
from core_api.modules.imports.repository import ClientImports
from core_api.modules.imports.schemas import ImportPlan
from shared_schemas.actor import Actor
from shared_schemas.events import ClientImportFinished, ClientImportStarted
from shared_schemas.ids import new_id

__all__ = ["ClientImportService", "forget_imports", "sweep_import_files"]

_OUTCOMES: Final = ("created", "updated", "unchanged", "failed")
_MAX_ATTEMPTS: Final = 10  # a restart of core-api in the middle costs one


class ClientImportService:
    """The commands on imports, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.imports = ClientImports(tx, actor.organization_id)

    async def upload(self, upload: Upload) -> tuple[ClientImport, Any]:
        """Takes over a stored file; starts at once when the upload says how."""
        file, stored = upload.file, upload.stored
        found = ClientImport(
            id=upload.import_id,
            organization_id=self.actor.organization_id,
            file_name=file.file_name,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            encoding=file.form.encoding,
            delimiter=file.form.delimiter,
            header=file.header,
            sample=file.sample,
            created_by=self.actor.user_id,
        )
        self.tx.add(found)
        changes = made({"size_bytes": stored.size_bytes, "sha256": stored.sha256})
        await audit.record(self.tx, self.actor, "client_import.uploaded", found.id, changes=changes)
        await self.tx.flush()
        run = None if upload.plan is None else await self._start(found, upload.plan)
        return found, run

    async def start(
        self, import_id: UUID, plan: ImportPlan, seen_version: int | None
    ) -> tuple[ClientImport, Any]:
        """Puts a run into the queue; another one may follow when it has ended."""
        found = await self.imports.get_for_update(import_id)
        check_version(found.version, seen_version)
        return found, await self._start(found, plan)

    async def cancel(self, queue: JobQueue, import_id: UUID) -> ClientImport:
        """Stops the run that is waiting or running. What it has imported so far stays."""
        found = await self.imports.get_for_update(import_id)
        run_id = await self.imports.unfinished_run(import_id)
        if run_id is None or not await queue.cancel(self.tx, run_id):
            raise ImportNotUnderWay
        run = await self.imports.run(run_id)
        outbox.add(self.tx, ended(self.actor, run, JobState.CANCELLED, totals_of(run)))
        await audit.record(
            self.tx, self.actor, "client_import.cancelled", found.id, related={"run_id": run_id}
        )
        return found

    async def _start(self, found: ClientImport, plan: ImportPlan) -> Any:
        if found.file_deleted_at is not None:
            raise ImportFileGone
        if await self.imports.unfinished_run(found.id) is not None:
            raise ImportUnderWay
        kept = await checked(self.tx, self.actor.organization_id, found.header, plan)
        values = self._run(found.id, plan, kept)
        run_id: UUID = values["id"]
        await self.tx.execute(sa.insert(ClientImportRun.__table__).values(values))
        outbox.add(
            self.tx,
            ClientImportStarted.by(
                self.actor, import_id=found.id, run_id=run_id, mode=_mode_of(plan.dry_run)
            ),
        )
        await audit.record(
            self.tx,
            self.actor,
            "client_import.started",
            found.id,
            changes={"plan": Change(None, kept), "dry_run": Change(None, plan.dry_run)},
            related={"run_id": run_id},
        )
        await self.tx.flush()
        return await self.imports.run(run_id)

    def _run(self, import_id: UUID, plan: ImportPlan, kept: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": new_id(),
            "organization_id": self.actor.organization_id,
            "state": JobState.PENDING,
            "max_attempts": _MAX_ATTEMPTS,
            "import_id": import_id,
            "dry_run": plan.dry_run,
            "plan": kept,
            "started_by": self.actor.user_id,
            "correlation_id": self.actor.request_id,
            "traceparent": current_traceparent(),
            "created_at": sa.func.clock_timestamp(),
        }


def totals_of(run: Any) -> dict[str, int]:
    """What has become of its rows so far."""
    return {outcome: getattr(run, f"rows_{outcome}") for outcome in _OUTCOMES}


def ended(
    actor: Actor, run: Any, status: JobState, totals: Mapping[str, int]
) -> ClientImportFinished:
    """For who waits for it: also when it did not get to the end of the file."""
    return ClientImportFinished.by(
        actor,
        import_id=run.import_id,
        run_id=run.id,
        mode=_mode_of(run.dry_run),
        status=status.value,
        **totals,
    )


def _mode_of(dry_run: bool) -> str:  # noqa: FBT001 - the only thing it is about
    """As events name it."""
    return "dry" if dry_run else "real"
