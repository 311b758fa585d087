"""Tickets, as core-api shows them to the asker."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from ai_svc.marking import cleaned, marked_facts
from ai_svc.modules.skills import crm
from ai_svc.modules.skills.skill import Arguments, Declined, Skill, SkillContext, SkillResult
from shared_schemas.permissions import Permission

TICKETS: Final = "/api/v1/tickets"
_LISTED: Final = (
    "id",
    "number",
    "client_id",
    "subject",
    "status",
    "priority",
    "category_id",
    "team_id",
    "assignee_id",
    "sla_due_at",
    "created_at",
)
_IN_FULL: Final = (*_LISTED, "description", "channel", "tags", "custom_fields", "resolved_at")
_SAID: Final = ("kind", "body", "created_at")
_MESSAGES: Final = 30
_WORDS: Final = 2_000
"""Characters of a message that a model reads."""
_UNKNOWN_NUMBER: Final = "Não há chamado com este número."


class Priority(StrEnum):
    """How urgent."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


class WhichTicket(Arguments):
    """A ticket, by its id or by the number people call it."""

    ticket_id: UUID | None = Field(default=None, description="O id do chamado")
    number: int | None = Field(
        default=None, ge=1, le=2_000_000_000, description="O número do chamado", examples=[42]
    )


class GetTicketArguments(WhichTicket):
    """Which ticket."""


class ListTicketsArguments(Arguments):
    """Which tickets. What is left out does not restrict."""

    query: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Palavras do assunto ou das mensagens", examples=["certidão"]
    )
    client_id: UUID | None = Field(default=None, description="Só deste cliente")
    status: Status | None = Field(default=None, description="Só nesta situação")
    priority: Priority | None = Field(default=None, description="Só com esta prioridade")
    mine: bool = Field(default=False, description="Só os atribuídos a quem pergunta")
    overdue: bool = Field(default=False, description="Só os com prazo vencido")
    limit: int = Field(default=10, ge=1, le=20, description="Quantos, no máximo")


async def get_ticket(context: SkillContext, given: GetTicketArguments) -> SkillResult:
    """With what was said about it, oldest first. Raises Declined."""
    ticket = await ticket_of(context, given)
    said = await crm.read_all(context, f"{TICKETS}/{ticket['id']}/messages")
    # A model needs how it began, and what was said last.
    shown = said if len(said) <= _MESSAGES else [*said[:5], *said[5 - _MESSAGES :]]
    facts = {
        **_facts(ticket, _IN_FULL),
        "messages": [
            {**{name: each[name] for name in _SAID}, "body": cleaned(each["body"], longest=_WORDS)}
            for each in shown
        ],
    }
    return SkillResult(ok=True, data=facts, told=marked_facts("chamado", facts, ticket["id"]))


async def list_tickets(context: SkillContext, given: ListTicketsArguments) -> SkillResult:
    """Raises Declined."""
    client_id = given.client_id or context.client_id
    if client_id is not None:
        await crm.admit(context, client_id)
    params: dict[str, str | int] = {"limit": given.limit}
    for name, value in (
        ("client_id", client_id),
        ("status", given.status),
        ("priority", given.priority),
        ("assignee_id", context.actor.user_id if given.mine else None),
        ("sla", "breached" if given.overdue else None),
        ("q", given.query),
    ):
        if value is not None:
            params[name] = str(value)
    found = await crm.read(context, f"{TICKETS}/search" if given.query else TICKETS, params)
    hidden = await crm.kept_back(context, {UUID(each["client_id"]) for each in found})
    facts = [_facts(each, _LISTED) for each in found if UUID(each["client_id"]) not in hidden]
    for each in facts:
        context.carried.of_client(UUID(each["client_id"]))
    told = "\n".join(marked_facts("chamado", each, each["id"]) for each in facts)
    return SkillResult(ok=True, data=facts, told=told or "Nenhum chamado foi encontrado.")


async def ticket_of(context: SkillContext, which: WhichTicket) -> Mapping[str, Any]:
    """As core-api gives it. Raises Declined."""
    ticket_id = which.ticket_id or await _numbered(context, which.number)
    ticket: Mapping[str, Any] = await crm.read(context, f"{TICKETS}/{ticket_id}")
    await crm.admit(context, UUID(ticket["client_id"]))
    return ticket


async def _numbered(context: SkillContext, number: int | None) -> UUID:
    if number is None:
        raise Declined("Diga de qual chamado se trata: o número ou o id.")
    found = await crm.read(context, f"{TICKETS}/search", {"q": f"#{number}", "limit": 5})
    for each in found:
        if each["number"] == number:
            return UUID(each["id"])
    raise Declined(_UNKNOWN_NUMBER)


def _facts(ticket: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: ticket[name] for name in names if ticket.get(name) not in (None, [], {})}


GET_TICKET: Final = Skill(
    name="get_ticket",
    label="Consultando o chamado",
    description="Mostra um chamado, pelo número ou pelo id, com as mensagens.",
    arguments=GetTicketArguments,
    permissions=frozenset({Permission.TICKETS_READ, Permission.TICKETS_CONTENT}),
    run=get_ticket,
)
LIST_TICKETS: Final = Skill(
    name="list_tickets",
    label="Listando chamados",
    description=(
        "Lista chamados por cliente, situação, prioridade ou palavras; também os de quem pergunta e"
        " os com prazo vencido."
    ),
    arguments=ListTicketsArguments,
    permissions=frozenset({Permission.TICKETS_READ}),
    run=list_tickets,
)
