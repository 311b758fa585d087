"""One thing of every kind that a path or a body of core-api can name, in one organization.

`MAKERS` is the registry: who adds a route with a new path parameter, or a body with a new `*_id`,
adds how to make such a thing.
"""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from core_api_accountability import (
    hear_block,
    hear_triage,
    incident,
    organization_of,
    propose,
    transfer,
)
from core_api_factories import (
    Person,
    PersonOf,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)

from chassis.data.columns import utc_now
from chassis.data.database import Database
from shared_schemas.ids import new_id

PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
"""The smallest PNG: one dot."""


class Inventory:
    """The things of one organization, made by its administrator."""

    def __init__(self, admin: Person, colleague: PersonOf, label: str, database: Database) -> None:
        """`colleague`: what the token says of them → somebody else of the organization.

        `database`: for what no request makes, but an event.
        """
        self.admin = admin
        self.database = database
        self._colleague = colleague
        self._label = label
        self._made = 0
        self._ids: dict[str, str] = {}

    @property
    def ids(self) -> frozenset[str]:
        """Everything made so far."""
        return frozenset(self._ids.values())

    async def id(self, name: str) -> str:
        """The one thing called `name`: always the same, so that children belong to parents."""
        if name not in self._ids:
            self._ids[name] = await self.another(name)
        return self._ids[name]

    async def another(self, name: str) -> str:
        """One more of its kind."""
        if name not in MAKERS:
            raise LookupError(
                f"nobody knows how to make a {name!r}: add it to MAKERS in {__name__}.py"
            )
        self._made += 1
        return await MAKERS[name](self)

    def unique(self, text: str) -> str:
        """`text` with what no other thing has, in neither organization."""
        return f"{text}-{self._label}-{self._made}"

    async def made(self, path: str, json: Any) -> str:
        """The id of what a POST has made."""
        return str((await self.admin.made(f"/api/v1{path}", json))["id"])

    async def newcomer(self) -> str:
        """The id of a member who logs in for the first time."""
        return str((await self._colleague(sub=str(new_id())).seen("/api/v1/me"))["id"])


async def _client(things: Inventory) -> str:
    return str((await make_client(things.admin, external_id=things.unique("MATRIX")))["id"])


async def _ticket(things: Inventory) -> str:
    return str((await make_ticket(things.admin, await things.id("client_id")))["id"])


async def _message(things: Inventory) -> str:
    ticket_id = await things.id("ticket_id")
    return await things.made(
        f"/tickets/{ticket_id}/messages", {"kind": "note", "body": "Ligar amanhã."}
    )


async def _revision(things: Inventory) -> str:
    path = f"{await things.id('ticket_id')}/messages/{await things.id('message_id')}"
    answer = await things.admin.patch(f"/api/v1/tickets/{path}", {"body": things.unique("Ligar")})
    assert answer.is_success, answer.text
    return str(answer.json()["data"]["version"])


async def _other_ticket(things: Inventory) -> str:
    return await _ticket(things)


async def _watcher(things: Inventory) -> str:
    path = f"/api/v1/tickets/{await things.id('ticket_id')}/watchers"
    member_id = await things.another("member_id")
    answer = await things.admin.post(path, {"member_id": member_id})
    assert answer.is_success, answer.text
    return member_id


async def _link(things: Inventory) -> str:
    path = f"/tickets/{await things.id('ticket_id')}/links"
    other = await things.another("other_ticket_id")
    return await things.made(path, {"kind": "related", "ticket_id": other})


async def _purpose_code(things: Inventory) -> str:
    code = things.unique("finalidade")
    return str((await make_purpose(things.admin, code=code))["code"])


async def _consent(things: Inventory) -> str:
    code = await things.id("purpose_code")
    consent = await make_consent(things.admin, await things.id("client_id"), purpose_code=code)
    return str(consent["id"])


async def _notice(things: Inventory) -> str:
    code = await things.id("purpose_code")
    notice = {
        "notice_text": things.unique("Usamos seu e-mail para enviar avisos"),
        "locale": "pt-BR",
    }
    answer = await things.admin.made(f"/api/v1/consent-purposes/{code}/notices", notice)
    return str(answer["version"])


async def _renewal(things: Inventory) -> str:
    """A consent that is to be renewed."""
    code = await things.id("purpose_code")
    client = await make_client(things.admin)
    consent = await make_consent(things.admin, client["id"], purpose_code=code)
    notice = {"notice_text": things.unique("Usamos seu e-mail"), "is_material": True}
    await things.admin.made(f"/api/v1/consent-purposes/{code}/notices", notice)
    return str(consent["id"])


async def _no_token(things: Inventory) -> str:
    """Nobody in the matrix holds a signed link."""
    return things.unique("no-link")


async def _member(things: Inventory) -> str:
    return await things.newcomer()


async def _company(things: Inventory) -> str:
    return str((await make_client(things.admin, kind="company", name="Padaria Prado"))["id"])


async def _note(things: Inventory) -> str:
    client_id = await things.id("client_id")
    return await things.made(f"/clients/{client_id}/notes", {"body": "Prefere ligações."})


async def _relation(things: Inventory) -> str:
    person, company = await things.id("client_id"), await things.another("company_id")
    return await things.made(f"/clients/{person}/relations", {"client_id": company})


async def _merge(things: Inventory) -> str:
    survivor, other = [(await make_client(things.admin))["id"] for _ in range(2)]
    return await things.made(f"/clients/{survivor}/merge", {"other_id": other})


async def _duplicate(things: Inventory) -> str:
    email = f"{things.unique('gemeas')}@exemplo.com.br"
    await make_client(things.admin, email=email)
    return str((await make_client(things.admin, email=email))["id"])


async def _field(things: Inventory) -> str:
    key = things.unique("campo").replace("-", "_")
    field = {"entity": "client", "key": key, "label": "Nível", "type": "choice"}
    return await things.made("/custom-fields", {**field, "choices": ["ouro"], "required": False})


async def _attachment(things: Inventory) -> str:
    path = f"/api/v1/tickets/{await things.id('ticket_id')}/attachments"
    answer = await things.admin.post(path, files={"file": (things.unique("ponto"), PICTURE)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def _category(things: Inventory) -> str:
    return await things.made("/categories", {"name": things.unique("Certidões")})


async def _team(things: Inventory) -> str:
    return await things.made("/teams", {"name": things.unique("Tributos"), "mode": "manual"})


async def _team_member(things: Inventory) -> str:
    team_id, member_id = await things.id("team_id"), await things.another("member_id")
    path = f"/api/v1/teams/{team_id}/members/{member_id}"
    answer = await things.admin.call("PUT", path, json={"capacity": 5})
    assert answer.is_success, answer.text
    return member_id


async def _absence(things: Inventory) -> str:
    return await things.made(
        "/absences", {"starts_at": "2031-01-02T03:00:00Z", "ends_at": "2031-01-04T03:00:00Z"}
    )


async def _skill_rule(things: Inventory) -> str:
    return await things.made("/skill-rules", {"tag": things.unique("iptu"), "skills": ["iptu"]})


async def _view(things: Inventory) -> str:
    given = {"name": things.unique("Abertos"), "filter": {"status": ["open"]}, "shared": True}
    return await things.made("/views", given)


async def _canned_reply(things: Inventory) -> str:
    given = {"name": things.unique("Oi"), "body": "Olá, {{cliente.nome}}!", "shared": True}
    return await things.made("/canned-replies", given)


async def _macro(things: Inventory) -> str:
    action = {"type": "set_priority", "priority": "high"}
    given = {"name": things.unique("Urgir"), "actions": [action], "shared": True}
    return await things.made("/macros", given)


async def _calendar(things: Inventory) -> str:
    monday = [{"opens": "08:00", "closes": "12:00"}]
    given = {"name": things.unique("Sede"), "week": {"monday": monday}}
    return await things.made("/sla-calendars", given)


async def _policy(things: Inventory) -> str:
    given = {"name": things.unique("Urgentes"), "first_response_minutes": 30}
    return await things.made(
        "/sla-policies", {**given, "calendar_id": await things.id("calendar_id")}
    )


async def _client_import(things: Inventory) -> str:
    content = f"codigo,nome\n{things.unique('C')},Júlia\n".encode()
    answer = await things.admin.post(
        "/api/v1/client-imports",
        files={"file": ("clientes.csv", content)},
        data={"plan": '{"dry_run": true}'},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])


async def _import_run(things: Inventory) -> str:
    import_id = await things.id("import_id")
    return str((await things.admin.seen(f"/api/v1/client-imports/{import_id}"))["run"]["id"])


async def _block(things: Inventory) -> str:
    given = {"purpose_code": await things.id("purpose_code"), "reason": things.unique("Pedido")}
    client_id = str((await make_client(things.admin))["id"])
    return await things.made(f"/clients/{client_id}/processing-blocks", given)


async def _privacy_request(things: Inventory) -> str:
    given = {"client_id": await things.id("client_id"), "type": "access"}
    return await things.made("/privacy-requests", given)


async def _answered_request(things: Inventory) -> str:
    """Executed, and its copies made."""
    given = {"client_id": await things.id("client_id"), "type": "access", "form": "complete"}
    request_id = await things.made("/privacy-requests", given)
    path = f"/api/v1/privacy-requests/{request_id}"
    checked = {"level": "strong", "method": "in_person", "passed": True}
    await things.admin.made(f"{path}/identity-checks", checked)
    await things.admin.made(f"{path}/execute", {})
    await things.admin.made(f"{path}/subject-data/retry", {})
    return request_id


async def _answered_file(things: Inventory) -> str:
    request_id = await things.id("answered_request_id")
    state = await things.admin.seen(f"/api/v1/privacy-requests/{request_id}/subject-data")
    return str(state["files"][0]["id"])


async def _privacy_message(things: Inventory) -> str:
    path = f"/privacy-requests/{await things.id('request_id')}/messages"
    return await things.made(path, {"channel": "email", "body": things.unique("Recebido")})


async def _erasure(things: Inventory) -> str:
    client_id = str((await make_client(things.admin))["id"])
    request_id = await things.made("/privacy-requests", {"client_id": client_id, "type": "erasure"})
    path = f"/api/v1/privacy-requests/{request_id}"
    checked = {"level": "strong", "method": "in_person", "passed": True}
    await things.admin.made(f"{path}/identity-checks", checked)
    await things.admin.made(f"{path}/execute", {})
    (erasure,) = await things.admin.seen("/api/v1/erasures", client_id=client_id)
    return str(erasure["id"])


async def _hold(things: Inventory) -> str:
    client_id = str((await make_client(things.admin))["id"])
    day = (utc_now() + timedelta(days=30)).date().isoformat()
    given = {"reason": things.unique("Processo"), "review_on": day}
    return await things.made(f"/clients/{client_id}/legal-holds", given)


async def _retention_run(things: Inventory) -> str:
    answer = await things.admin.post("/api/v1/retention-runs")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])


async def _officer(things: Inventory) -> str:
    given = {
        "role": "substitute",
        "name": things.unique("Davi"),
        "email": "encarregado@exemplo.com.br",
        "act_reference": "Portaria 12/2026",
        "appointed_on": "2026-03-02",
        "starts_on": "2026-03-09",
        "ends_on": "2026-03-10",
    }
    return await things.made("/privacy-officers", given)


async def _transfer(things: Inventory) -> str:
    given = transfer(await things.id("purpose_code"), things.unique("provedor"))
    return await things.made("/international-transfers", given)


async def _recipient_notice(things: Inventory) -> str:
    admin = things.admin
    gets = {"name": things.unique("Gráfica"), "role": "operator", "what_for": "Imprimir"}
    code = things.unique("impressos")
    await make_purpose(admin, code=code, legal_basis="contract", recipients=[gets])
    client_id = str((await make_client(admin))["id"])
    await hear_block(things.database, await organization_of(admin), client_id, code)
    (notice,) = await admin.seen("/api/v1/recipient-notices", client_id=client_id)
    return str(notice["id"])


async def _mailed_notice(things: Inventory) -> str:
    path = f"/incidents/{await things.id('incident_id')}/notices"
    text = "Houve um incidente com os seus dados."
    given = {"audience": "subjects", "channel": "email", "protocol": "Envio", "text": text}
    return await things.made(path, given)


async def _delivery(things: Inventory) -> str:
    path = f"/privacy-requests/{await things.id('request_id')}/messages"
    given = {"channel": "email", "body": "Recebemos o seu pedido."}
    answer = await things.admin.made(f"/api/v1{path}", given)
    return str(answer["mail"]["id"])


async def _incident(things: Inventory) -> str:
    return await things.made("/incidents", incident(title=things.unique("Planilha")))


async def _incident_notice(things: Inventory) -> str:
    path = f"/incidents/{await things.id('incident_id')}/notices"
    given = {"audience": "anpd", "channel": "anpd_form", "protocol": things.unique("00261")}
    return await things.made(path, given | {"incomplete_because": "A apuração continua."})


async def _incident_subject(things: Inventory) -> str:
    client_id = str((await make_client(things.admin))["id"])
    await things.made(f"/incidents/{await things.id('incident_id')}/scope", {"everybody": True})
    return client_id


async def _decision(things: Inventory) -> str:
    ticket_id = str((await make_ticket(things.admin))["id"])
    await hear_triage(things.database, await organization_of(things.admin), ticket_id)
    (decision,) = await things.admin.seen("/api/v1/automated-decisions", ticket_id=ticket_id)
    return str(decision["id"])


async def _review(things: Inventory) -> str:
    decision_id = await things.another("decision_id")
    return await things.made(f"/automated-decisions/{decision_id}/reviews", {"channel": "phone"})


async def _triaged_ticket(things: Inventory) -> str:
    """One the assistant has proposed something for."""
    ticket_id = await _ticket(things)
    await propose(things.database, await organization_of(things.admin), ticket_id)
    return ticket_id


MAKERS: Final[dict[str, Callable[[Inventory], Awaitable[str]]]] = {
    "client_id": _client,
    "ticket_id": _ticket,
    "triaged_ticket_id": _triaged_ticket,
    "message_id": _message,
    "message_revision": _revision,
    "other_ticket_id": _other_ticket,
    "into_ticket_id": _other_ticket,
    "watcher_id": _watcher,
    "link_id": _link,
    "purpose_code": _purpose_code,
    "consent_id": _consent,
    "notice_version": _notice,
    "renewal_id": _renewal,
    "token": _no_token,
    "member_id": _member,
    "assignee_id": _member,
    "company_id": _company,
    "import_id": _client_import,
    "run_id": _import_run,
    "note_id": _note,
    "relation_id": _relation,
    "other_id": _client,
    "merge_id": _merge,
    "duplicate_id": _duplicate,
    "field_id": _field,
    "attachment_id": _attachment,
    "category_id": _category,
    "parent_category_id": _category,
    "team_id": _team,
    "team_member_id": _team_member,
    "absence_id": _absence,
    "rule_id": _skill_rule,
    "view_id": _view,
    "reply_id": _canned_reply,
    "canned_reply_id": _canned_reply,
    "macro_id": _macro,
    "calendar_id": _calendar,
    "policy_id": _policy,
    "block_id": _block,
    "retention_run_id": _retention_run,
    "request_id": _privacy_request,
    "erasure_id": _erasure,
    "hold_id": _hold,
    "officer_id": _officer,
    "transfer_id": _transfer,
    "recipient_notice_id": _recipient_notice,
    "delivery_id": _delivery,
    "incident_id": _incident,
    "incident_notice_id": _incident_notice,
    "notice_id": _mailed_notice,
    "incident_subject_id": _incident_subject,
    "decision_id": _decision,
    "review_id": _review,
    "owner_id": _member,
    "privacy_message_id": _privacy_message,
    "answered_request_id": _answered_request,
    "file_id": _answered_file,
}
"""Name of a path parameter or of a body's field → how one is made."""

ALIASES: Final = {
    "/consent-purposes/{code}": "purpose_code",
    "/teams/{team_id}/members/{member_id}": "team_member_id",
    "POST /clients/{client_id}/relations client_id": "company_id",
    "POST /categories parent_id": "parent_category_id",
    "/tickets/{ticket_id}/watchers/{member_id}": "watcher_id",
    "/privacy-requests/{request_id}/messages/{message_id}": "privacy_message_id",
    "/tickets/{ticket_id}/triage ticket_id": "triaged_ticket_id",
    "/tickets/{ticket_id}/triage/accept ticket_id": "triaged_ticket_id",
    "/tickets/{ticket_id}/triage/decline ticket_id": "triaged_ticket_id",
    "/privacy-requests/{request_id}/subject-data request_id": "answered_request_id",
    "/privacy-requests/{request_id}/subject-data/retry request_id": "answered_request_id",
    "/privacy-requests/{request_id}/answer request_id": "answered_request_id",
    "/privacy-requests/{request_id}/answer.pdf request_id": "answered_request_id",
    "/privacy-requests/{request_id}/files/{file_id}/download request_id": "answered_request_id",
    "/privacy-requests/{request_id}/files/{file_id}/link request_id": "answered_request_id",
    "POST /tickets/{ticket_id}/links ticket_id": "other_ticket_id",
}
"""A path up to and including a parameter, a whole path and its parameter, or an operation and a
field of its body → its name here, where its own says too little."""
