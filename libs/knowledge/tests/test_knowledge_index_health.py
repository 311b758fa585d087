"""The check of the index finds each kind of fault, and finds none where there is none."""

from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor

from knowledge.index_health import FAULTS, IndexHealth, check, check_all
from knowledge.metrics import INDEX_FAULTS

pytestmark = pytest.mark.committed

TEXT = "# Férias\n\nO pedido de férias é feito com trinta dias de antecedência."

BREAKS = {
    "orphaned_chunks": """
        INSERT INTO ai.document_versions
        SELECT (jsonb_populate_record(
          v, jsonb_build_object('id', gen_random_uuid(), 'number', 2))).*
        FROM ai.document_versions v WHERE document_id = :document_id
    """,
    "incomplete_documents": "DELETE FROM ai.chunks WHERE document_id = :document_id",
    "missing_vectors": """
        UPDATE ai.chunks SET embedding = array_fill(0::real, ARRAY[1536])::halfvec
        WHERE document_id = :document_id
    """,
    "stale_models": "UPDATE ai.chunks SET embedding_model = 'old' WHERE document_id = :document_id",
    "forgotten_documents": "UPDATE ai.documents SET status = 'pending' WHERE id = :document_id",
}
ORPHANED = "UPDATE ai.chunks SET version_number = 2 WHERE document_id = :document_id"


async def indexed(knowledge: Knowledge) -> UUID:
    """A document that can be searched."""
    document_id = await knowledge.submit_text(TEXT)
    await knowledge.work()
    return document_id


async def checked(knowledge: Knowledge, person: str = "ana") -> IndexHealth:
    """What one organization sees."""
    organization_id = make_actor(person).organization_id
    database, model = knowledge.ingestion.database, knowledge.ingestion.embedder.model
    async with database.transaction(organization_id, read_only=True) as session:
        return await check(session, organization_id, model)


async def test_a_healthy_index_has_no_faults(knowledge: Knowledge) -> None:
    await indexed(knowledge)
    await knowledge.submit_text(f"{TEXT} Ainda na fila.")

    found = await checked(knowledge)

    assert (found.documents, found.chunks) == (1, 1)
    assert found.faults == dict.fromkeys(FAULTS, 0)


@pytest.mark.parametrize("kind", FAULTS)
async def test_each_fault_is_found_and_named(knowledge: Knowledge, kind: str) -> None:
    document_id = await indexed(knowledge)
    organization_id = make_actor().organization_id
    async with knowledge.ingestion.database.transaction(organization_id) as session:
        await session.execute(sa.text(BREAKS[kind]), {"document_id": document_id})
        if kind == "orphaned_chunks":
            await session.execute(sa.text(ORPHANED), {"document_id": document_id})

    assert (await checked(knowledge)).faults[kind] == 1


async def test_the_faults_of_another_organization_are_not_ones_own(knowledge: Knowledge) -> None:
    document_id = await indexed(knowledge)
    organization_id = make_actor().organization_id
    async with knowledge.ingestion.database.transaction(organization_id) as session:
        await session.execute(sa.text(BREAKS["stale_models"]), {"document_id": document_id})

    assert (await checked(knowledge, "beto")).faults == dict.fromkeys(FAULTS, 0)


async def test_the_check_of_all_adds_up_and_is_shown_as_a_metric(knowledge: Knowledge) -> None:
    await indexed(knowledge)
    await knowledge.submit_text(TEXT, person="beto")
    await knowledge.work()

    found = await check_all(knowledge.ingestion.database, "a-newer-model")

    assert (found.documents, found.chunks, found.stale_models) == (2, 2, 2)
    assert INDEX_FAULTS.labels("stale_models")._value.get() == 2
