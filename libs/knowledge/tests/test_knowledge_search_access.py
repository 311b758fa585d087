"""Who may not read a document does not find it, whichever way a search looks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor

from knowledge.access import Reader
from knowledge.access_tables import ClientConsent, Purpose, TeamMember
from knowledge.embedders import Idf
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Chunk, Document
from knowledge.search import Expansion, Searcher, SearchFilters, SearchQuery, legs
from knowledge.search.statements import Statements, statements
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.permissions import Permission, Role

pytestmark = pytest.mark.committed

CLIENT, TEAM = new_id(), new_id()
VECTOR = np.zeros(1536, dtype=np.float32)
VECTOR[0] = 1


class Provider:
    """An embedder whose questions are near every chunk: only access tells them apart."""

    model = "provider-model"
    dimensions = 1536
    recipient = None

    async def embed(self, texts: Any) -> Any:
        """Not asked for."""
        raise NotImplementedError

    async def embed_query(self, text: str, *, idf: Idf | None = None) -> Any:  # noqa: ARG002 - the port's names
        """The vector of every chunk."""
        return VECTOR

    async def close(self) -> None:
        """Holds nothing open."""


Look = Callable[..., Any]


@pytest.fixture(params=["exact", "candidates", "vectors", "signatures"])
def look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Searches in one of the ways; vectors alone where the question has no word of the texts."""
    by_vectors = request.param in {"vectors", "signatures"}
    if request.param in {"candidates", "signatures"}:
        monkeypatch.setattr(legs, "EXACT_UP_TO", 0)
        monkeypatch.setattr(legs, "SIGNATURES_FROM", 0)

    async def search(knowledge: Knowledge, actor: Actor, **query: Any) -> set[UUID]:
        if by_vectors:
            await _embedded(knowledge, actor.organization_id)
        searcher = Searcher(
            database=knowledge.ingestion.database,
            statistics=StatisticsCache(),
            embedder=Provider() if by_vectors else knowledge.ingestion.embedder,
        )
        words = "assunto qualquer" if by_vectors else "férias"
        found = await searcher.find(actor, SearchQuery(words, **({"top_k": 50} | query)))
        return {passage.document_id for passage in found.passages}

    return search


async def _embedded(knowledge: Knowledge, organization_id: OrganizationId) -> None:
    async with knowledge.ingestion.database.transaction(organization_id) as tx:
        await tx.execute(sa.update(Chunk).values(embedding=VECTOR, embedding_model=Provider.model))


async def document(knowledge: Knowledge, text: str = "Férias.", **access: Any) -> UUID:
    """Indexed, and then for those the access says."""
    document_id = await knowledge.submit_text(text, person="ana")
    await knowledge.work()
    if access:
        await _write(knowledge, sa.update(Document).where(Document.id == document_id), access)
    return document_id


async def _write(knowledge: Knowledge, statement: Any, values: dict[str, Any]) -> None:
    async with knowledge.ingestion.database.transaction(make_actor().organization_id) as tx:
        await tx.execute(statement.values(**values))


def purpose(code: str, legal_basis: str) -> dict[str, Any]:
    """One that is in use."""
    return {
        "organization_id": make_actor().organization_id,
        "purpose_id": new_id(),
        "purpose_code": code,
        "legal_basis": legal_basis,
        "assistant_may_use": True,
        "archived": False,
        "material_version": 1,
        "version": 1,
    }


def somebody(*roles: Role, permissions: frozenset[Permission] | None = None) -> Actor:
    """Of aurora, who submitted nothing."""
    actor = replace(make_actor("bruno"), roles=frozenset(roles))
    return actor if permissions is None else replace(actor, permissions=permissions)


async def test_restricted_documents_are_for_their_roles_and_teams(
    knowledge: Knowledge, look: Look
) -> None:
    everybody = await document(knowledge)
    of_agents = await document(
        knowledge, "Férias 2.", visibility="restricted", allowed_roles=["agent"]
    )
    of_team = await document(
        knowledge, "Férias 3.", visibility="restricted", allowed_team_ids=[TEAM]
    )
    everything = {everybody, of_agents, of_team}

    assert await look(knowledge, somebody(Role.VIEWER)) == {everybody}
    assert await look(knowledge, somebody(Role.AGENT)) == {everybody, of_agents}
    assert await look(knowledge, make_actor("ana")) == everything
    member = somebody(Role.VIEWER)
    await _write(
        knowledge,
        sa.insert(TeamMember),
        {
            "organization_id": member.organization_id,
            "member_id": member.user_id,
            "team_id": TEAM,
            "is_member": True,
            "changed_at": sa.func.now(),
        },
    )
    assert await look(knowledge, member) == {everybody, of_team}


async def test_documents_of_a_client_need_the_client_and_the_basis(
    knowledge: Knowledge, look: Look
) -> None:
    of_client: dict[str, Any] = {"visibility": "client", "client_id": CLIENT}
    by_contract = await document(
        knowledge, **of_client, purpose_code="suporte", legal_basis="contract"
    )
    by_consent = await document(
        knowledge, "Férias 2.", **of_client, purpose_code="novidades", legal_basis="contract"
    )
    await _write(knowledge, sa.insert(Purpose), purpose("suporte", "contract"))
    await _write(knowledge, sa.insert(Purpose), purpose("novidades", "consent"))
    named = {"filters": SearchFilters(client_id=CLIENT)}
    agent = make_actor("bruno")

    assert await look(knowledge, agent) == set()
    assert await look(knowledge, make_actor("ana")) == set()
    assert await look(knowledge, agent, **named) == {by_contract}
    await _write(
        knowledge,
        sa.insert(ClientConsent),
        {
            "organization_id": agent.organization_id,
            "consent_id": new_id(),
            "client_id": CLIENT,
            "purpose_id": new_id(),
            "purpose_code": "novidades",
            "notice_version": 1,
            "decided_at": sa.func.now(),
        },
    )
    assert await look(knowledge, agent, **named) == {by_contract, by_consent}
    await _write(knowledge, sa.update(ClientConsent), {"expires_at": sa.func.now()})
    assert await look(knowledge, agent, **named) == {by_contract}
    await _write(
        knowledge, sa.update(ClientConsent), {"expires_at": None, "revoked_at": sa.func.now()}
    )
    assert await look(knowledge, agent, **named) == {by_contract}
    await _write(knowledge, sa.update(Purpose), {"archived": True})
    assert await look(knowledge, agent, **named) == set()
    without = somebody(Role.AGENT, permissions=frozenset({Permission.DOCUMENTS_READ}))
    assert await look(knowledge, without, **named) == set()
    assert await look(knowledge, agent, filters=SearchFilters(client_id=new_id())) == set()


async def test_what_may_not_be_read_pushes_nothing_out(
    knowledge: Knowledge, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        hidden = f"Férias férias {number}."
        await document(knowledge, hidden, visibility="restricted", allowed_roles=["dpo"])
    visible = await document(knowledge, "Férias e outros assuntos desta portaria.")
    # Less than there is of hidden documents, each of which would come first.
    for limit in ("MOST", "RESCORED"):
        monkeypatch.setattr(legs, limit, 2)

    assert await look(knowledge, somebody(Role.VIEWER), top_k=1) == {visible}


def test_statements_are_kept_for_who_may_read_the_same() -> None:
    reader = Reader(
        organization_id=make_actor().organization_id,
        user_id=make_actor().user_id,
        roles=frozenset({"agent"}),
        team_ids=frozenset({TEAM}),
        permissions=frozenset({Permission.DOCUMENTS_READ}),
    )
    others = (
        replace(reader, organization_id=make_actor("beto").organization_id),
        replace(reader, user_id=make_actor("bruno").user_id),
        replace(reader, roles=frozenset({"viewer"})),
        replace(reader, team_ids=frozenset()),
        replace(reader, permissions=frozenset()),
    )

    def built(reader: Reader, model: str | None = None, **filters: Any) -> Statements:
        return statements(reader, SearchFilters(**filters), model, with_vectors=False)

    kept = built(reader, tags=["férias"])
    assert built(replace(reader), tags=("férias",)) is kept
    assert kept.few is kept.few
    different = [
        built(reader),
        built(reader, "model", tags=["férias"]),
        built(reader, tags=["férias"], client_id=CLIENT),
        *(built(other, tags=["férias"]) for other in others),
    ]
    assert len({id(each) for each in (kept, *different)}) == 9
    assert len({str(each.few) + str(each.few.compile().params) for each in different}) == 8


async def test_switched_off_chunks_are_neither_found_nor_shown_around(
    knowledge: Knowledge, look: Look
) -> None:
    off = await document(knowledge, "Férias suspensas.")
    on = await document(knowledge, "Férias.")
    await _write(knowledge, sa.update(Chunk).where(Chunk.document_id == off), {"enabled": False})

    assert await look(knowledge, make_actor("ana")) == {on}
    assert await look(knowledge, make_actor("ana"), expansion=Expansion.NEIGHBOURS) == {on}


async def test_chunk_filters_hold_in_every_way(knowledge: Knowledge, look: Look) -> None:
    texts = (
        "# Benefícios\n\n## Férias\n\nFérias de trinta dias.",
        "# Benefícios gerais\n\nFérias.",
    )
    wanted, _ = [await knowledge.submit_text(text, chunking="heading") for text in texts]
    await knowledge.work()

    async def under(path: str) -> set[UUID]:
        return set(await look(knowledge, make_actor("ana"), filters=SearchFilters(heading=path)))

    assert await under("Benefícios") == {wanted}
    assert await under("Benefícios > Férias") == {wanted}
    assert await under("Benef") == set()
    formats = SearchFilters(formats=["application/pdf"])
    assert await look(knowledge, make_actor("ana"), filters=formats) == set()
