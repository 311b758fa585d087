"""`python -m core_api.rotate_keys`: brings every sealed field under FIELD_KEY_CURRENT.

Needs the variables of core-api and DATABASE_OWNER_URL, which lists the organizations. It may run
while everybody works, be stopped and be run again. Exit code 1 when something is left to do.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog
from pydantic import Field, SecretStr
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.data.database import Database
from chassis.observability.logging import configure_logging
from chassis.security.sealing import Vault
from chassis.settings import (
    DatabaseSettings,
    SealingSettings,
    ServiceSettings,
    SettingsGroup,
    read_settings,
)
from core_api.key_rotation import KeyRotation, Rotated
from core_api.tables import SCHEMA
from core_api.workplace import VAULT
from shared_schemas.ids import OrganizationId, new_id

log = structlog.get_logger(__name__)

_ORGANIZATIONS: Final = sa.text(
    "SELECT organization_id FROM crm.organizations ORDER BY organization_id"
)


class OwnerSettings(SettingsGroup):
    """The owner of the tables, as for migrations."""

    owner_url: SecretStr = Field(validation_alias="DATABASE_OWNER_URL")


@dataclass(frozen=True, kw_only=True)
class RotationSettings:
    """What the command reads from the environment."""

    service: ServiceSettings
    database: DatabaseSettings
    sealing: SealingSettings
    owner: OwnerSettings


async def rotate_all(settings: RotationSettings) -> dict[OrganizationId, Rotated]:
    """Every organization, one after the other."""
    vault = Vault(settings.sealing)
    database = Database(
        settings.database, schema=SCHEMA, application_name="key rotation", info={VAULT: vault}
    )
    rotation = KeyRotation(database, vault, run_id=f"rotation-{new_id()}")
    done = {}
    try:
        for organization_id in await _organizations(settings.owner.owner_url):
            done[organization_id] = await rotation.rotate(organization_id)
            _report(organization_id, done[organization_id])
    finally:
        await database.close()
    return done


async def _organizations(owner_url: SecretStr) -> Sequence[OrganizationId]:
    engine = create_async_engine(owner_url.get_secret_value(), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            rows = await connection.execute(_ORGANIZATIONS)
            return [OrganizationId(row.organization_id) for row in rows]
    finally:
        await engine.dispose()


def _report(organization_id: OrganizationId, done: Rotated) -> None:
    log.info(
        "sealing_keys_rotated",
        organization_id=str(organization_id),
        documents=done.documents,
        subject_keys=done.keys,
        stale=done.stale,
        broken=sorted(map(str, done.broken)),
    )


def main() -> int:
    """Rotates, and says in one line how it went."""
    settings = read_settings(RotationSettings)
    configure_logging(settings.service, service="core-api")
    done = asyncio.run(rotate_all(settings))
    renewed = sum(each.documents + each.keys for each in done.values())
    left = sum(max(each.stale, len(each.broken)) for each in done.values())
    sys.stdout.write(
        f"{len(done)} organizations: {renewed} values sealed anew, {left} left to do\n"
    )
    if left:
        sys.stderr.write("run it again; rows that do not open are named in the log\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
