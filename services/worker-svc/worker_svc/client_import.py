"""One run of a client import: reads the file, and hands its rows to core-api batch by batch.

What a row means and becomes is core-api's business. This side only knows rows and cells.
"""

import asyncio
import hashlib
import unicodedata
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
import structlog
from pydantic import BaseModel

from chassis.data.csv_reading import CsvFormat, CsvRecord, CsvRecords, CsvUnreadable
from chassis.data.object_storage import STORAGE_FAILURES, ObjectMissing, ObjectStorage
from chassis.http.service_client import ServiceClient
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, LeaseLost
from chassis.web.errors import Unavailable
from shared_schemas.ids import new_id
from worker_svc.calling import code_of
from worker_svc.queue_work import JobFailed

_log = structlog.get_logger(__name__)

ROWS_PER_BATCH: Final = 200
_CHARACTERS_PER_BATCH: Final = 300_000
_SLICE_BYTES: Final = 65_536
_ATTEMPTS: Final = 6
_AGAIN: Final = Backoff(first=timedelta(milliseconds=500), longest=timedelta(seconds=30))
_BATCH_SECONDS: Final = 60.0
_LEASE_LOST: Final = "CLIENT_IMPORT_LEASE_LOST"


class RunPlan(BaseModel):
    """What core-api says about a run when it begins, also when it begins again."""

    import_id: str
    storage_key: str
    size_bytes: int
    encoding: str
    delimiter: str
    key_columns: list[int]
    max_rows: int
    next_batch: int
    rows_done: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known before the first row is imported: how many there are, and which of them name a
    client that an earlier row has named (row → earlier row)."""

    rows: int
    repeats: Mapping[int, int]


class ClientImporting:
    """Takes runs to their end. The same file always falls into the same rows: after a crash
    another worker goes on behind the last row that core-api has taken."""

    def __init__(
        self, storage: ObjectStorage, core: ServiceClient, *, again: Backoff = _AGAIN
    ) -> None:
        self._storage = storage
        self._core = core
        self._again = again

    async def import_clients(self, job: ClaimedJob) -> None:
        """Everything from the first row left to the last. Raises LeaseLost, JobFailed."""
        request_id = str(new_id())
        run = f"/internal/v1/client-import-runs/{job.id}"
        with structlog.contextvars.bound_contextvars(request_id=request_id, run_id=str(job.id)):
            held = {"organization_id": str(job.organization_id), "lease_token": job.lease_token}
            plan = RunPlan.model_validate(await self._tell(f"{run}/begin", held, request_id))
            try:
                await self._import(job, plan, held, request_id)
            except CsvUnreadable:
                raise JobFailed(
                    "CLIENT_IMPORT_UNREADABLE",
                    "O arquivo não é um CSV: as aspas não se fecham.",
                    retry=False,
                ) from None
            except ObjectMissing:
                raise JobFailed(
                    "CLIENT_IMPORT_FILE_MISSING", "O arquivo não está mais guardado.", retry=False
                ) from None
            except STORAGE_FAILURES as error:
                raise JobFailed(
                    "CLIENT_IMPORT_STORAGE",
                    "O arquivo não pôde ser lido. Tente de novo mais tarde.",
                    retry=True,
                ) from error

    async def give_up(self, job: ClaimedJob, failure: JobFailed) -> None:
        """Has core-api end the run and tell who waits. Raises LeaseLost, JobFailed.

        If it cannot now, the lease runs out, the run is claimed again, and told again.
        """
        body = {
            "organization_id": str(job.organization_id),
            "lease_token": job.lease_token,
            "code": failure.code,
            "message": str(failure),
        }
        await self._tell(f"/internal/v1/client-import-runs/{job.id}/fail", body, str(new_id()))

    async def _import(
        self, job: ClaimedJob, plan: RunPlan, held: Mapping[str, Any], request_id: str
    ) -> None:
        survey = await self._survey(plan)
        path = f"/internal/v1/client-imports/{plan.import_id}/batches"
        number, done = plan.next_batch, plan.rows_done
        async with aclosing(self._batches(plan)) as batches:
            async for rows in batches:
                done += len(rows)
                body = {
                    **held,
                    "run_id": str(job.id),
                    "number": number,
                    "rows_total": survey.rows,
                    "is_last": done >= survey.rows,
                    "rows": [_row(record, survey) for record in rows],
                }
                await self._tell(path, body, request_id)
                number += 1
        if number == plan.next_batch:  # no row is left: core-api still has to end the run
            body = {**held, "run_id": str(job.id), "number": number, "rows_total": survey.rows}
            await self._tell(path, {**body, "is_last": True, "rows": []}, request_id)

    async def _survey(self, plan: RunPlan) -> Survey:
        rows, first_of, repeats = 0, dict[bytes, int](), dict[int, int]()
        async with aclosing(self._rows(plan)) as records:
            async for record in records:
                rows += 1
                if rows > plan.max_rows:
                    raise JobFailed(
                        "CLIENT_IMPORT_TOO_MANY_ROWS",
                        f"O arquivo tem mais de {plan.max_rows} linhas. Divida-o em partes.",
                        retry=False,
                    )
                for key in _keys(record, plan.key_columns):
                    first = first_of.setdefault(key, record.number)
                    if first != record.number:
                        repeats[record.number] = first
        return Survey(rows, repeats)

    async def _batches(self, plan: RunPlan) -> AsyncGenerator[list[CsvRecord], None]:
        """The rows that are left, as many at a time as one request takes."""
        rows: list[CsvRecord] = []
        seen, size = 0, 0
        async with aclosing(self._rows(plan)) as records:
            async for record in records:
                seen += 1
                if seen <= plan.rows_done:
                    continue
                length = sum(map(len, record.cells))
                if rows and (len(rows) == ROWS_PER_BATCH or size + length > _CHARACTERS_PER_BATCH):
                    yield rows
                    rows, size = [], 0
                rows.append(record)
                size += length
        if rows:
            yield rows

    async def _rows(self, plan: RunPlan) -> AsyncGenerator[CsvRecord, None]:
        """Every row of the file but its header."""
        records = CsvRecords(CsvFormat(plan.encoding, plan.delimiter))
        is_header = True
        async for part in self._storage.ranges(plan.storage_key, plan.size_bytes):
            for start in range(0, len(part), _SLICE_BYTES):
                for record in records.feed(part[start : start + _SLICE_BYTES]):
                    if not is_header:
                        yield record
                    is_header = False
                await asyncio.sleep(0)  # heartbeats and health go on between slices
        for record in records.finish():
            if not is_header:
                yield record
            is_header = False

    async def _tell(self, path: str, body: Mapping[str, Any], request_id: str) -> Any:
        """What core-api answers. It may be told twice: batches are numbered."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._core.request(
                    "POST",
                    path,
                    request_id=request_id,
                    json=body,
                    idempotency_key=str(new_id()),
                    timeout_seconds=_BATCH_SECONDS,
                )
                return _data(answer)
            except Unavailable:
                if attempt < _ATTEMPTS:
                    await asyncio.sleep(self._again.after(attempt).total_seconds())
        raise JobFailed(
            "CLIENT_IMPORT_INTERRUPTED",
            "A importação foi interrompida: o serviço não respondeu.",
            retry=True,
        )


def _data(answer: httpx.Response) -> Any:
    if answer.status_code == httpx.codes.OK:
        return answer.json()["data"]
    code = code_of(answer)
    if code == _LEASE_LOST or answer.status_code == httpx.codes.NOT_FOUND:
        raise LeaseLost
    _log.error("client_import_refused", status=answer.status_code, code=code)
    raise JobFailed("CLIENT_IMPORT_REFUSED", "A importação parou por um erro interno.", retry=True)


def _row(record: CsvRecord, survey: Survey) -> dict[str, Any]:
    return {
        "number": record.number,
        "cells": record.cells,
        "problem": record.problem,
        "repeats": survey.repeats.get(record.number),
    }


def _keys(record: CsvRecord, columns: Sequence[int]) -> list[bytes]:
    """What names the client in each of the columns, as digests: 100,000 of them are held."""
    if record.problem is not None:
        return []
    found = []
    for column in columns:
        cell = record.cells[column] if column < len(record.cells) else ""
        text = " ".join(unicodedata.normalize("NFC", cell).split())
        if text:
            digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12)
            found.append(bytes([column]) + digest.digest())
    return found
