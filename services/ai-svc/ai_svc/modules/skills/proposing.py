"""Skills that change something: they only propose it. The person confirms what they were shown."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, model_validator

from ai_svc.marking import cleaned, marked
from ai_svc.modules.proposals.service import Wish, propose
from ai_svc.modules.skills import crm
from ai_svc.modules.skills.skill import Arguments, Declined, Skill, SkillContext, SkillResult
from ai_svc.modules.skills.tickets import Priority, WhichTicket, ticket_of
from shared_schemas.permissions import Permission

MOST_PROPOSALS: Final = 5
"""Of one run: nobody confirms more with care."""
_TOO_MANY: Final = "Já há propostas demais nesta conversa. Confirme ou recuse as que estão abertas."
_OTHERS: Final = (
    "Para chegar a esta proposta, a assistente também leu dados de outros clientes. Confira o texto"
    " antes de confirmar."
)
_TOLD: Final = (
    "Proposta criada. Nada foi alterado ainda: a pessoa precisa confirmar. Não diga que já foi"
    " feito.\n"
)
Words = Annotated[str, Field(min_length=1, max_length=10_000)]
_PRIORITIES: Final = {
    "low": "baixa",
    "normal": "normal",
    "high": "alta",
    "urgent": "urgente",
    None: "nenhuma",
}


class RequestType(StrEnum):
    """The rights of LGPD Art. 18, with the opposition of its § 2."""

    CONFIRMATION = "confirmation"
    ACCESS = "access"
    CORRECTION = "correction"
    ANONYMIZATION = "anonymization"
    BLOCKING = "blocking"
    ERASURE = "erasure"
    PORTABILITY = "portability"
    SHARING = "sharing"
    CONSENT_CONSEQUENCES = "consent_consequences"
    REVOCATION = "revocation"
    OPPOSITION = "opposition"


_RIGHTS: Final[Mapping[RequestType, str]] = {
    RequestType.CONFIRMATION: "confirmação de tratamento",
    RequestType.ACCESS: "acesso aos dados",
    RequestType.CORRECTION: "correção de dados",
    RequestType.ANONYMIZATION: "anonimização",
    RequestType.BLOCKING: "bloqueio",
    RequestType.ERASURE: "eliminação",
    RequestType.PORTABILITY: "portabilidade",
    RequestType.SHARING: "informação sobre compartilhamento",
    RequestType.CONSENT_CONSEQUENCES: "consequências de negar o consentimento",
    RequestType.REVOCATION: "revogação do consentimento",
    RequestType.OPPOSITION: "oposição ao tratamento",
}


class DraftReplyArguments(WhichTicket):
    """A reply that a person will send, or not."""

    body: Words = Field(description="O texto da resposta ao cliente, em português")


class ProposeTriageArguments(WhichTicket):
    """What a ticket should be given. At least one."""

    priority: Priority | None = Field(default=None, description="A nova prioridade")
    category: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="O nome da nova categoria, como a organização a chama"
    )
    team: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="O nome da equipe que deve cuidar do chamado"
    )

    @model_validator(mode="after")
    def _something(self) -> "ProposeTriageArguments":
        if self.priority is None and self.category is None and self.team is None:
            raise ValueError("Informe a prioridade, a categoria ou a equipe.")
        return self


class CreateTicketArguments(Arguments):
    """A new ticket of a client."""

    client_id: UUID = Field(description="O id do cliente")
    subject: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="O assunto, em poucas palavras"
    )
    description: Words = Field(description="O que aconteceu e o que se pede")
    priority: Priority = Field(default=Priority.NORMAL, description="A prioridade")


class OpenPrivacyRequestArguments(Arguments):
    """What a data subject asks for."""

    client_id: UUID = Field(description="O id do cliente titular dos dados")
    type: RequestType = Field(description="O direito do titular (LGPD, art. 18)")
    description: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        default=None, description="O pedido, nas palavras do titular"
    )


async def draft_reply(context: SkillContext, given: DraftReplyArguments) -> SkillResult:
    """Raises Declined."""
    ticket = await ticket_of(context, given)
    arguments = {"ticket_id": ticket["id"], "body": _visible(given.body)}
    summary = f"Guardar um rascunho de resposta no chamado nº {ticket['number']}"
    return await _proposed(context, "draft_reply", arguments, summary, ticket["client_id"])


async def propose_triage(context: SkillContext, given: ProposeTriageArguments) -> SkillResult:
    """Raises Declined, also where the ticket has all of it already."""
    ticket = await ticket_of(context, given)
    changes: dict[str, str] = {}
    said: list[str] = []
    if given.priority is not None and given.priority != ticket["priority"]:
        changes["priority"] = given.priority.value
        before = _PRIORITIES.get(ticket["priority"], ticket["priority"])
        said.append(f"prioridade {before} → {_PRIORITIES[given.priority.value]}")
    for field, kind, path, name in (
        ("category_id", "categoria", "/api/v1/categories", given.category),
        ("team_id", "equipe", "/api/v1/teams", given.team),
    ):
        if name is None:
            continue
        row = await _named(context, path, kind, name)
        if row["id"] != ticket[field]:
            changes[field] = row["id"]
            said.append(f"{kind} → {cleaned(row['name'])}")
    if not changes:
        raise Declined("O chamado já está assim. Não há o que propor.")
    return await _proposed(
        context,
        "propose_triage",
        {"ticket_id": ticket["id"], **changes},
        f"Alterar o chamado nº {ticket['number']}: {'; '.join(said)}",
        ticket["client_id"],
        basis={name: ticket[name] for name in changes},
    )


async def create_ticket(context: SkillContext, given: CreateTicketArguments) -> SkillResult:
    """Raises Declined."""
    await crm.admit(context, given.client_id)
    client = await crm.read(context, f"/api/v1/clients/{given.client_id}")
    arguments = {
        "client_id": str(given.client_id),
        "subject": _visible(given.subject),
        "description": _visible(given.description),
        "priority": given.priority.value,
    }
    summary = f"Abrir um chamado para {cleaned(client['name'])}: {cleaned(given.subject)}"
    return await _proposed(context, "create_ticket", arguments, summary, client["id"])


async def open_privacy_request(
    context: SkillContext, given: OpenPrivacyRequestArguments
) -> SkillResult:
    """Also for a client whose data is blocked or may not be used: the right stays. Raises
    Declined."""
    if context.client_id is not None and not await crm.is_same(context, given.client_id):
        raise Declined(crm.NOT_THIS_CLIENT)
    client = await crm.read(context, f"/api/v1/clients/{given.client_id}")
    arguments = {"client_id": str(given.client_id), "type": given.type.value}
    if given.description is not None:
        arguments["description"] = _visible(given.description)
    summary = f"Abrir um pedido de titular ({_RIGHTS[given.type]}) de {cleaned(client['name'])}"
    return await _proposed(context, "open_privacy_request", arguments, summary, client["id"])


async def _proposed(
    context: SkillContext,
    skill: str,
    arguments: Mapping[str, Any],
    summary: str,
    client_id: str,
    *,
    basis: Mapping[str, Any] | None = None,
) -> SkillResult:
    carried = context.carried
    if len(carried.proposal_ids) >= MOST_PROPOSALS:
        raise Declined(_TOO_MANY)
    carried.of_client(UUID(client_id))
    read = await propose(
        context.workshop.database,
        context.actor,
        Wish(
            skill=skill,
            arguments=arguments,
            summary=summary,
            client_ids=carried.client_ids,
            run_id=context.run_id,
            conversation_id=context.conversation_id,
            message_id=context.message_id,
            caution=_OTHERS if len(carried.client_ids) > 1 else None,
            basis=basis or {},
        ),
    )
    if read.id not in carried.proposal_ids:
        carried.proposal_ids.append(read.id)
    data = {"proposal_id": str(read.id), "summary": summary, "arguments": dict(arguments)}
    return SkillResult(
        ok=True, data=data, told=_TOLD + marked("proposta", summary, read.id), proposal=read
    )


def _visible(text: str) -> str:
    """What the person will read is all there is. Raises Declined where that is nothing."""
    shown = cleaned(text).strip()
    if not shown:
        raise Declined("O texto está vazio.")
    return shown


async def _named(context: SkillContext, path: str, kind: str, name: str) -> Mapping[str, Any]:
    rows = await crm.read_all(context, path)
    wanted = name.casefold()
    found = [each for each in rows if each["name"].casefold() == wanted]
    if len(found) == 1:
        only: Mapping[str, Any] = found[0]
        return only
    if found:
        raise Declined(f"Há mais de uma {kind} com este nome. Escolha na tela do chamado.")
    names = [cleaned(each["name"], longest=100) for each in rows[:30]]
    raise Declined(f"Não há {kind} com este nome.", choices=names)


_WRITES: Final = frozenset({Permission.TICKETS_READ, Permission.TICKETS_WRITE})
DRAFT_REPLY: Final = Skill(
    name="draft_reply",
    label="Preparando um rascunho",
    description=(
        "Propõe guardar um rascunho de resposta num chamado. O rascunho nunca é enviado sozinho:"
        " uma pessoa confirma, revisa e envia."
    ),
    arguments=DraftReplyArguments,
    permissions=_WRITES | {Permission.TICKETS_CONTENT},
    run=draft_reply,
    proposes=True,
)
PROPOSE_TRIAGE: Final = Skill(
    name="propose_triage",
    label="Propondo a triagem",
    description="Propõe mudar a prioridade, a categoria ou a equipe de um chamado.",
    arguments=ProposeTriageArguments,
    permissions=_WRITES | {Permission.TICKETS_CONTENT},
    run=propose_triage,
    proposes=True,
)
CREATE_TICKET: Final = Skill(
    name="create_ticket",
    label="Propondo um chamado",
    description="Propõe abrir um chamado para um cliente.",
    arguments=CreateTicketArguments,
    permissions=_WRITES | {Permission.CLIENTS_READ},
    run=create_ticket,
    proposes=True,
)
OPEN_PRIVACY_REQUEST: Final = Skill(
    name="open_privacy_request",
    label="Propondo um pedido de titular",
    description="Propõe abrir um pedido de um titular de dados, como acesso ou eliminação (LGPD).",
    arguments=OpenPrivacyRequestArguments,
    permissions=frozenset({Permission.CLIENTS_READ, Permission.PRIVACY_EXECUTE}),
    run=open_privacy_request,
    proposes=True,
)
