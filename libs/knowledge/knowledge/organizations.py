"""Which organizations have documents: for work that sees to all of them, tenant by tenant."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from chassis.data.database import Database
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Embedded:
    """An organization, and the models its chunks were embedded by: none, one, or between two."""

    organization_id: OrganizationId
    first_model: str | None
    last_model: str | None

    def outdated(self, model: str) -> str | None:
        """A model some of its chunks still have a vector of, other than `model`."""
        return next(
            (m for m in (self.first_model, self.last_model) if m not in (None, model)), None
        )


async def knowledge_organizations(database: Database) -> Sequence[Embedded]:
    """All of them, by id. Microseconds each: looks into indexes only."""
    async with database.worker_connection() as connection:
        rows = await connection.execute(sa.text("SELECT * FROM ai.knowledge_organizations()"))
        return [Embedded(OrganizationId(row[0]), row[1], row[2]) for row in rows]


async def organizations_keeping(database: Database) -> Sequence[OrganizationId]:
    """Those with passages that were not sent to the embedder (`KEPT_HERE`)."""
    async with database.worker_connection() as connection:
        rows = await connection.execute(sa.text("SELECT ai.organizations_keeping()"))
        return [OrganizationId(row[0]) for row in rows]
