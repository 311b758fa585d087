"""`python -m core_api.rebuild_search`: makes anew what clients are found by.

Needs DATABASE_OWNER_URL, as migrations do. It may run while everybody works, be stopped and be run
again. After a change of what the index is made of, and when words are missing from corrections.
"""

import asyncio
import sys
from typing import Final

import sqlalchemy as sa
from pydantic import Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.settings import SettingsGroup, read_settings
from shared_schemas.ids import OrganizationId

_INDEXES: Final = ("crm.ix_clients_terms", "crm.ix_client_words_variants")
_ORGANIZATIONS: Final = sa.text(
    "SELECT organization_id FROM crm.organizations ORDER BY organization_id"
)
_TENANT: Final = sa.text("SELECT set_config('app.organization_id', :organization_id, true)")
_LEARN: Final = sa.text(
    "INSERT INTO crm.client_words (organization_id, word)"
    " SELECT DISTINCT organization_id, word FROM crm.clients, unnest(crm.name_words(name)) AS word"
    " WHERE organization_id = :organization_id"
    " AND deleted_at IS NULL AND merged_into_id IS NULL ORDER BY word ON CONFLICT DO NOTHING"
)
_FORGET: Final = sa.text(
    "DELETE FROM crm.client_words AS known WHERE organization_id = :organization_id"
    " AND NOT EXISTS (SELECT FROM crm.client_candidates("
    "(quote_literal(left(md5(organization_id::text), 8) || 'n' || word))::tsquery, 1))"
)


class OwnerSettings(SettingsGroup):
    """The owner of the tables, as for migrations."""

    owner_url: SecretStr = Field(validation_alias="DATABASE_OWNER_URL")


async def rebuild(owner_url: str) -> dict[OrganizationId, tuple[int, int]]:
    """Both indexes, beside the traffic; then per organization words learnt and forgotten."""
    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for index in _INDEXES:
                await plain.execute(sa.text(f"REINDEX INDEX CONCURRENTLY {index}"))
            found = (await plain.execute(_ORGANIZATIONS)).scalars().all()
        return {
            OrganizationId(organization_id): await _words(engine, organization_id)
            for organization_id in found
        }
    finally:
        await engine.dispose()


async def _words(engine: AsyncEngine, organization_id: OrganizationId) -> tuple[int, int]:
    async with engine.begin() as connection:
        await connection.execute(_TENANT, {"organization_id": str(organization_id)})
        mine = {"organization_id": organization_id}
        learnt = await connection.execute(_LEARN, mine)
        forgotten = await connection.execute(_FORGET, mine)
        return learnt.rowcount, forgotten.rowcount


def main() -> int:
    """Rebuilds, and says in one line how it went."""
    settings = read_settings(OwnerSettings)
    done = asyncio.run(rebuild(settings.owner_url.get_secret_value()))
    learnt, forgotten = (sum(counts) for counts in zip((0, 0), *done.values(), strict=True))
    sys.stdout.write(
        f"{len(done)} organizations: {learnt} words learnt, {forgotten} forgotten, indexes new\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
