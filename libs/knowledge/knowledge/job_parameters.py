"""The job a statement is about, as parameters: statements are built once, and run for every job."""

from typing import Any, Final

import sqlalchemy as sa

from chassis.messaging.job_queue import ClaimedJob

TENANT: Final = sa.bindparam("job_tenant", type_=sa.Uuid())
DOCUMENT: Final = sa.bindparam("job_document", type_=sa.Uuid())
NUMBER: Final = sa.bindparam("job_number", type_=sa.Integer())


def of_job(job: ClaimedJob) -> dict[str, Any]:
    """The values of all three."""
    return {
        "job_tenant": job.organization_id,
        "job_document": job.payload["document_id"],
        "job_number": job.payload["version_number"],
    }
