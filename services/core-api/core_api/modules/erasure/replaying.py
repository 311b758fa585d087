"""Erasing again whom a restored backup has brought back, before anything serves.

What it says about anybody is the suppression ledger's: who is in it and whose erasure the database
does not know as completed is erased again, here at once, elsewhere by the event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core_api.anchoring import Signer
from core_api.erasure_stores import IN_REDIS
from core_api.modules.clients.erasing import existing_among
from core_api.modules.erasure.knowing import remembered_values
from core_api.modules.erasure.models import Mode
from core_api.modules.erasure.repository import Erasures
from core_api.modules.erasure.running import ANONYMISING_STORES, FIRST_STORES, own_part
from core_api.modules.erasure.starting import ask, asking, enter
from core_api.modules.erasure.suppression import SuppressionLedger, Tombstone
from core_api.subject_stores import Workshop
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import new_id
from shared_schemas.privacy import KnownValues

# A backup holds the database. Redis is another's, and may not even run now.
_STORES: Final = tuple(store for store in FIRST_STORES if store.name not in IN_REDIS)
_ANONYMISING: Final = tuple(store for store in ANONYMISING_STORES if store.name not in IN_REDIS)


@dataclass(kw_only=True)
class Replayed:
    """What a replay found."""

    tombstones: int = 0
    erased: int = 0
    """Came back with the backup, and are gone again."""
    known: int = 0
    """Were erased before the backup was made."""
    absent: int = 0
    """Registered after the backup was made: it does not know them."""
    asked: list[PrivacyErasureRequested] = field(default_factory=list)
    """What other services are asked for, also by the outbox of the restored database."""
    values: dict[UUID, KnownValues] = field(default_factory=dict, repr=False)
    """By request, what those are known by: nobody can be asked before anything serves."""


async def replay(workshop: Workshop, signer: Signer) -> Replayed:
    """Every tombstone. Stopped, it is begun again. TombstoneForged: nothing is believed then."""
    ledger = SuppressionLedger(workshop.storage, signer)
    entries = [entry async for entry in ledger.entries()]  # all are checked before one is used
    done = Replayed(tombstones=len(entries))
    for entry in sorted(entries, key=lambda entry: entry.erased_at):
        await _replay_one(workshop, ledger, entry, done)
    return done


async def _replay_one(
    workshop: Workshop, ledger: SuppressionLedger, entry: Tombstone, done: Replayed
) -> None:
    organization_id = entry.organization_id
    async with workshop.database.transaction(organization_id) as tx:
        present = await existing_among(tx, organization_id, entry.client_ids)
        if not present:
            done.absent += 1
            return
        erasures = Erasures(tx, organization_id)
        if await erasures.is_erased(entry.client_id):
            done.known += 1
            return
        erasure = await erasures.unfinished(entry.client_ids, lock=True)
        if erasure is None:
            erasure = await enter(
                tx,
                organization_id,
                client_ids=_led_by(entry.client_id, present),
                privacy_request_id=entry.privacy_request_id,
                mode=Mode.REPLAY,
                requested_by=None,
                correlation_id=f"replay-{new_id()}",
            )
        elif erasure.mode is not Mode.REPLAY:
            erasure.mode = Mode.REPLAY  # it was under way when the backup was made
            await tx.flush()
            await ask(tx, erasure)
        done.asked.append(asking(erasure))
        done.values[erasure.privacy_request_id] = await remembered_values(tx, erasure)
    stores = _ANONYMISING if entry.is_anonymised else _STORES
    part = await own_part(workshop, ledger, organization_id, erasure.id, stores=stores)
    if not part.is_done:
        await part.run()
    # Its key goes when the others have answered, as ever: a replay that is cut off before they did
    # can tell them once more what the person is known by.
    done.erased += 1


def _led_by(client_id: UUID, present: Sequence[UUID]) -> list[UUID]:
    """The one that answered for the others first, if the backup knows it."""
    return sorted(present, key=lambda found: (found != client_id, found))
