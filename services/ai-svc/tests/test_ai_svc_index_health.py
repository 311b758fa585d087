"""The state of the index, for its keepers, and the check of all for services of ours only."""

import pytest
from ai_svc_factories import INTERNAL_KEY, Person

from knowledge.index_health import FAULTS

pytestmark = pytest.mark.committed

HEALTH = "/api/v1/rag/index-health"
CHECK = "/internal/v1/index-health/check"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def test_a_keeper_sees_what_ones_own_organization_has(ana: Person, beto: Person) -> None:
    await ana.index("Um texto que se acha.")

    own = (await ana.get(HEALTH)).json()["data"]
    other = (await beto.get(HEALTH)).json()["data"]

    assert (own["healthy"], own["documents"], own["chunks"]) == (True, 1, 1)
    assert own["embedding_model"] == "local-hash-1"
    assert {own[kind] for kind in FAULTS} == {0}
    assert (other["documents"], other["chunks"]) == (0, 0)


async def test_a_viewer_is_refused(vera: Person) -> None:
    assert (await vera.get(HEALTH)).status_code == 403


async def test_the_check_of_all_is_for_services(ana: Person, beto: Person) -> None:
    await ana.index("Um texto de uma organização.")
    await beto.index("Um texto da outra.")

    checked = await ana.http.post(CHECK, headers=WORKER)
    forged = await ana.http.post(CHECK, headers={**WORKER, "x-internal-key": "wrong"})

    assert checked.status_code == 200, checked.text
    assert checked.json()["data"] == dict.fromkeys(FAULTS, 0)
    assert forged.status_code == 401
