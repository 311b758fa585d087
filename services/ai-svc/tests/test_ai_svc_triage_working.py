"""New tickets are triaged beside the real core-api: once, when they may be, whoever dies."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from ai_svc_erasing import Asking
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_triaging import Desk, Killed, Mortal, id_of, is_proposal
from ai_svc_with_core_api import Beside
from core_api_factories import make_client, make_consent

from ai_svc.modules.triage.proposing import judged
from knowledge.search import Found, Searcher, SearchQuery

pytestmark = pytest.mark.committed

FEES = """# Certidões

A segunda via da certidão de casamento fica pronta em dois dias úteis e custa R$ 32,00. O pedido é
feito no balcão da praça ou pelo portal.
"""
QUESTION = "Em quantos dias fica pronta a segunda via da certidão de casamento?"


@pytest.fixture
async def desk(both: Beside, superuser: asyncpg.Connection) -> Desk:
    """aurora's, where the assistant may use what clients say."""
    desk = Desk(both, superuser)
    await desk.allow()
    return desk


async def test_a_ticket_gets_category_priority_team_and_a_cited_draft(
    desk: Desk, ana: Person
) -> None:
    document_id = await ana.index(FEES, "Taxas e prazos")
    await ana.index(HOLIDAYS, "Manual do servidor")
    certificates, _taxes = await desk.category("Certidões"), await desk.category("IPTU")
    counter = await desk.team("Certidões e balcão")
    await desk.team("Fazenda")

    ticket = await desk.ticket("Certidão de casamento", f"É urgente! {QUESTION}")
    await desk.triage()

    shown = await desk.proposal(ticket)
    assert (shown["category_id"], shown["priority"], shown["team_id"]) == (
        certificates,
        "urgent",
        counter,
    )
    assert "dois dias úteis" in shown["draft"]
    (citation, *_) = shown["citations"]
    content = await ana.content(document_id)
    assert content[citation["char_start"] : citation["char_end"]] == citation["quote"]
    assert citation["document_id"] == str(document_id)
    assert "documents" in shown["criteria"]
    assert (await desk.states()) == [("proposed", None, "succeeded")]
    (told,) = await desk.told()
    assert (told["ticket_id"], told["decision_id"]) == (ticket["id"], shown["id"])
    assert (told["applied"], told["priority"]) == (False, "urgent")
    assert "casamento" not in str(told)


async def test_what_people_sorted_teaches_and_duplicates_are_found(desk: Desk) -> None:
    noise = await desk.category("Meio ambiente")
    await desk.category("Obras")
    team = await desk.team("Fiscalização")
    for number in range(3):
        await desk.ticket(
            f"Barulho de bar {number}",
            "O bar da esquina faz barulho com música alta de madrugada.",
            category_id=noise,
            team_id=team,
        )
    client = await make_client(desk.ana)
    said = "Música alta no bar, ninguém dorme com o barulho de madrugada."
    first = await desk.ticket("Barulho", said, client["id"])
    second = await desk.ticket("Barulho de novo", said, client["id"])
    await desk.triage()

    shown = await desk.proposal(second)

    assert (shown["category_id"], shown["team_id"]) == (noise, team)
    assert {"earlier-tickets", "category-teams"} <= set(shown["criteria"])
    assert [each["ticket_id"] for each in shown["duplicates"]] == [first["id"]]
    assert f"nº {first['number']}" in " ".join(shown["reasons"])


async def test_without_a_document_that_answers_there_is_no_draft(desk: Desk, ana: Person) -> None:
    await ana.index(HOLIDAYS, "Manual do servidor")
    ticket = await desk.ticket("Poste apagado", "A lâmpada do poste da minha rua queimou.")

    await desk.triage()

    shown = await desk.proposal(ticket)
    assert (shown["draft"], shown["citations"]) == (None, [])


async def test_restricted_documents_are_never_quoted(desk: Desk, ana: Person) -> None:
    await ana.index(FEES, "Só da chefia", visibility="restricted", allowed_roles=["agent"])
    ticket = await desk.ticket("Certidão", QUESTION)

    await desk.triage()

    assert (await desk.proposal(ticket))["draft"] is None


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[SearchQuery, Found]]:
    """What was looked for, and found."""
    noted: list[tuple[SearchQuery, Found]] = []
    find = Searcher.find

    async def noting(self: Searcher, actor: Any, query: SearchQuery) -> Found:
        found = await find(self, actor, query)
        noted.append((query, found))
        return found

    monkeypatch.setattr(Searcher, "find", noting)
    return noted


async def test_the_clients_own_documents_are_never_looked_into(
    desk: Desk, ana: Person, searched: list[tuple[SearchQuery, Found]]
) -> None:
    client = await make_client(desk.ana)
    about = {
        "visibility": "client",
        "client_id": client["id"],
        "purpose_code": "atendimento",
        "legal_basis": "contract",
    }
    await ana.index(FEES, "Sobre a pessoa", **about)
    ticket = await desk.ticket("Certidão", QUESTION, client["id"])

    await desk.triage()

    assert (await desk.proposal(ticket))["draft"] is None
    assert searched
    assert [found.passages for _query, found in searched] == [[] for _ in searched]


async def test_what_a_ticket_asks_is_searched_for_as_the_clients_words(
    desk: Desk, ana: Person, searched: list[tuple[SearchQuery, Found]]
) -> None:
    """Then it goes to no embedder or reranker elsewhere without a ground (see transfers)."""
    await ana.index(FEES, "Taxas e prazos")
    ticket = await desk.ticket("Certidão", QUESTION)

    await desk.triage()

    assert searched
    assert {str(query.filters.client_id) for query, _ in searched} == {ticket["client_id"]}


async def test_organizations_that_apply_have_it_applied_once(desk: Desk) -> None:
    taxes = await desk.category("IPTU")
    await desk.category("Certidões")
    answer = await desk.ana.patch(
        "/api/v1/triage-settings", {"mode": "apply", "least_confidence": 0.6}
    )
    assert answer.status_code == 200
    ticket = await desk.ticket("IPTU", "Onde imprimo o boleto do IPTU?")

    await desk.triage()

    now = await desk.ana.seen(f"/api/v1/tickets/{ticket['id']}")
    assert now["category_id"] == taxes
    assert (await desk.states()) == [("applied", None, "succeeded")]
    (told,) = await desk.told()
    assert told["applied"] is True
    (decision,) = await desk.ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])
    assert decision["outcome"]["category_id"] == taxes


@pytest.mark.parametrize("way", ["nothing", "refused", "blocked"])
async def test_whose_data_may_not_be_used_is_not_read(
    both: Beside, superuser: asyncpg.Connection, way: str
) -> None:
    desk = Desk(both, superuser)
    if way != "nothing":
        await desk.allow(legal_basis="consent" if way == "refused" else "contract")
    ticket = await desk.ticket("IPTU", "Onde imprimo?")
    path = f"/api/v1/clients/{ticket['client_id']}"
    if way == "refused":
        refused = {"purpose_code": "atendimento", "decision": "refused"}
        await make_consent(desk.ana, ticket["client_id"], **refused)
    if way == "blocked":
        davi = both.at_core_api("davi")
        await davi.made(f"{path}/processing-blocks", {"reason": "Pedido do titular"})

    await desk.triage()

    assert (await desk.states()) == [("passed_over", "not_allowed", "succeeded")]
    assert (await desk.proposals(), await desk.told()) == (0, [])
    asked = [path for _method, path in both.wire.asked]
    assert asked == ["/internal/v1/access-facts/of-clients"]


async def test_a_ticket_that_is_not_there_is_passed_over(desk: Desk) -> None:
    ticket = await desk.ticket("IPTU", "Onde imprimo?")
    gone = {**ticket, "id": "0192a000-0000-7000-8000-00000000dead"}
    await desk.waits(gone)
    await desk.ana.made(f"/api/v1/tickets/{ticket['id']}/resolve", {})

    await desk.triage()

    assert sorted(await desk.states()) == [
        ("passed_over", "done", "succeeded"),
        ("passed_over", "gone", "succeeded"),
    ]


async def test_duplicate_events_and_many_replicas_propose_once(desk: Desk) -> None:
    tickets = [await desk.ticket("IPTU", f"Onde imprimo o boleto {n}?") for n in range(6)]
    for ticket in tickets:
        await desk.waits(ticket)

    await asyncio.gather(*(desk.triager().drain_once(f"replica {n}") for n in range(3)))

    assert await desk.states() == [("proposed", None, "succeeded")] * 6
    assert await desk.proposals() == 6
    assert sorted(told["ticket_id"] for told in await desk.told()) == sorted(
        ticket["id"] for ticket in tickets
    )


async def test_core_api_down_is_waited_for(desk: Desk, both: Beside) -> None:
    ticket = await desk.ticket("IPTU", "Onde imprimo o boleto?")
    both.wire.before = lambda _: httpx.Response(503)
    (job,) = await desk.triager()._queue.claim("tests", 1)
    await desk.triager().work_off(job)

    (row,) = await desk.rows()
    assert (row["state"], row["error_code"], row["attempts"]) == ("pending", "TICKET_UNREAD", 1)

    both.wire.before = lambda _: None
    await desk.revived()
    await desk.triage()

    assert await desk.has_proposal(ticket)
    assert await desk.states() == [("proposed", None, "succeeded")]


async def test_an_answer_that_is_lost_proposes_and_tells_once(desk: Desk, both: Beside) -> None:
    ticket = await desk.ticket("IPTU", "Onde imprimo o boleto?")
    lost = iter([httpx.ReadError("gone")])
    both.wire.after = lambda request: next(lost, None) if is_proposal(request) else None
    (job,) = await desk.triager()._queue.claim("tests", 1)
    await desk.triager().work_off(job)
    assert (await desk.proposals(), await desk.told()) == (1, [])

    await desk.revived()
    await desk.triage()

    assert len(both.wire.writes()) == 1, "it is not proposed again, but read"
    assert await desk.proposals() == 1
    (told,) = await desk.told()
    assert told["decision_id"] == (await desk.proposal(ticket))["id"]


@pytest.mark.parametrize("before_commit", [True, False])
async def test_killed_at_the_end_it_is_told_once(desk: Desk, before_commit: bool) -> None:
    await desk.ticket("IPTU", "Onde imprimo o boleto?")
    queue = Mortal(desk.both.workshop.database, at=1, before_commit=before_commit)
    with pytest.raises(Killed):
        await desk.triager(queue=queue).drain_once("mortal")

    await desk.revived()
    await desk.triage()

    assert await desk.states() == [("proposed", None, "succeeded")]
    assert (await desk.proposals(), len(await desk.told())) == (1, 1)


@pytest.mark.parametrize("boundary", ["reading", "facts", "handing over"])
async def test_killed_on_the_way_another_replica_goes_on(
    desk: Desk, both: Beside, boundary: str
) -> None:
    ticket = await desk.ticket("IPTU", "Onde imprimo o boleto?")
    wanted = {"reading": "/triage/tickets/", "facts": "/of-clients", "handing over": "/proposals"}
    deaths = iter([Killed()])

    def killed(request: httpx.Request) -> Any:
        return next(deaths, None) if wanted[boundary] in request.url.path else None

    both.wire.after = killed
    with pytest.raises(Killed):
        await desk.triager().drain_once("mortal")
    assert [state for _, _, state in await desk.states()] == ["processing"]

    await desk.revived()
    await desk.triage()

    assert await desk.states() == [("proposed", None, "succeeded")]
    assert (await desk.proposals(), len(await desk.told())) == (1, 1)
    assert await desk.has_proposal(ticket)


async def test_a_replica_that_lost_its_lease_tells_nothing(desk: Desk) -> None:
    await desk.ticket("IPTU", "Onde imprimo o boleto?")
    slow = desk.triager()
    (job,) = await slow._queue.claim("slow", 1)
    await desk.revived()
    await desk.triage()

    await slow.work_off(job)

    assert (await desk.proposals(), len(await desk.told())) == (1, 1)


async def test_who_lost_the_lease_while_judging_hands_nothing_over(
    desk: Desk, both: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.ticket("IPTU", "Onde imprimo o boleto?")

    async def slowly(*given: Any) -> Any:
        await desk.superuser.execute("UPDATE ai.triages SET lease_token = lease_token + 1")
        return await judged(*given)

    monkeypatch.setattr("ai_svc.modules.triage.working.judged", slowly)
    (job,) = await desk.triager()._queue.claim("tests", 1)

    await desk.triager().work_off(job)

    assert both.wire.writes() == []
    assert (await desk.proposals(), await desk.told()) == (0, [])


async def test_who_is_erased_meanwhile_is_told_of_no_more(desk: Desk, asking: Asking) -> None:
    client = await make_client(desk.ana)
    ticket = await desk.ticket("IPTU", "Onde imprimo o boleto?", client["id"])
    (job,) = await desk.triager()._queue.claim("tests", 1)
    await asking.erase(id_of({"id": client["id"]}))

    await desk.triager().work_off(job)
    await desk.waits(ticket)

    assert (await desk.rows(), await desk.told(), await desk.proposals()) == ([], [], 0)


async def test_of_two_organizations_each_has_its_own(desk: Desk, both: Beside) -> None:
    """The job of one never reads or proposes in the other."""
    beto = both.at_core_api("beto")
    theirs = await make_client(beto)
    foreign: dict[str, Any] = await beto.made(
        "/api/v1/tickets",
        {"client_id": theirs["id"], "subject": "IPTU", "description": "Onde imprimo?"},
    )
    await desk.waits(foreign)  # by mistake, at aurora

    await desk.triage()

    assert await desk.states() == [("passed_over", "gone", "succeeded")]
    assert (await beto.get(f"/api/v1/tickets/{foreign['id']}/triage")).status_code == 404
