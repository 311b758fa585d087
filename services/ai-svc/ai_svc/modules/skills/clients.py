"""Clients, as core-api shows them to the asker, and what they have agreed to."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from ai_svc.marking import marked_facts
from ai_svc.modules.skills import crm
from ai_svc.modules.skills.skill import Arguments, Declined, Skill, SkillContext, SkillResult
from shared_schemas.permissions import Permission

_SHOWN: Final = ("id", "kind", "name", "email", "phone_display", "document", "tags", "external_id")
_IN_FULL: Final = (*_SHOWN, "addresses", "custom_fields", "processing_blocked", "created_at")
_DECISION: Final = ("purpose_code", "status", "decided_at", "expires_at", "channel", "renewal_due")
_CPF: Final = re.compile(r"\d{3}\.?(\d{3})\.?(\d{3})-?\d{2}")
_CNPJ: Final = re.compile(r"\w{2}\.?(\w{3})\.?(\w{3})/?(\w{4})-?\d{2}")
_PURPOSE: Final = r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$"


class FindClientsArguments(Arguments):
    """Whom to look for."""

    query: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Parte do nome, do e-mail, do telefone ou do código; ou o CPF ou CNPJ inteiro",
        examples=["julia prado"],
    )
    limit: int = Field(default=5, ge=1, le=10, description="Quantos, no máximo")


class GetClientArguments(Arguments):
    """Which client."""

    client_id: UUID = Field(description="O id do cliente, como find_clients o devolve")


class CheckConsentArguments(Arguments):
    """Whose consent, and for what."""

    client_id: UUID = Field(description="O id do cliente")
    purpose_code: Annotated[str, Field(max_length=64, pattern=_PURPOSE)] | None = Field(
        default=None,
        description="O código da finalidade; sem ele, todas as decisões do cliente",
        examples=["novidades-por-email"],
    )


async def find_clients(context: SkillContext, given: FindClientsArguments) -> SkillResult:
    """Raises Declined."""
    if context.client_id is not None:
        raise Declined(crm.NOT_THIS_CLIENT)
    params: dict[str, str | int] = {"q": given.query, "limit": given.limit}
    found = await crm.read(context, "/api/v1/clients/search", params)
    hidden = await crm.kept_back(context, {UUID(each["id"]) for each in found})
    facts = [_facts(each, _SHOWN) for each in found if UUID(each["id"]) not in hidden]
    for each in facts:
        context.carried.of_client(UUID(each["id"]))
    told = "\n".join(marked_facts("cliente", each, each["id"]) for each in facts)
    return SkillResult(ok=True, data=facts, told=told or "Nenhum cliente foi encontrado.")


async def get_client(context: SkillContext, given: GetClientArguments) -> SkillResult:
    """Raises Declined."""
    await crm.admit(context, given.client_id)
    client = await crm.read(context, f"/api/v1/clients/{given.client_id}")
    if client["processing_blocked"] == "wholly":
        raise Declined(crm.NOT_TO_BE_USED)
    facts = _facts(client, _IN_FULL)
    return SkillResult(ok=True, data=facts, told=marked_facts("cliente", facts, facts["id"]))


async def check_consent(context: SkillContext, given: CheckConsentArguments) -> SkillResult:
    """Whether the data may be used for the purpose now; without one, what was decided of each.

    Also of a client whose data may not be used: that is the answer then. Raises Declined.
    """
    if context.client_id is not None and not await crm.is_same(context, given.client_id):
        raise Declined(crm.NOT_THIS_CLIENT)
    path = f"/api/v1/clients/{given.client_id}"
    if given.purpose_code is not None:
        facts: Any = await crm.read(context, f"{path}/legal-basis/{given.purpose_code}")
    else:
        decisions = await crm.read(context, f"{path}/consents", {"limit": 50})
        latest: dict[str, Any] = {}
        for each in decisions:  # the latest comes first, and counts
            latest.setdefault(each["purpose_code"], {name: each[name] for name in _DECISION})
        facts = list(latest.values())
    context.carried.of_client(given.client_id)
    told = marked_facts("consentimento", facts, given.client_id)
    return SkillResult(ok=True, data=facts, told=told)


def _facts(client: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What is not there is left out. Nobody needs a whole CPF in a conversation."""
    facts = {name: client[name] for name in names if client.get(name) not in (None, [], {})}
    if "document" in facts:
        facts["document"] = masked(facts["document"])
    return facts


def masked(document: str) -> str:
    """As core-api masks it, where it has not."""
    if person := _CPF.fullmatch(document):
        return f"***.{person[1]}.{person[2]}-**"
    if company := _CNPJ.fullmatch(document):
        return f"**.{company[1]}.{company[2]}/{company[3]}-**"
    return document if "*" in document else "***"


FIND_CLIENTS: Final = Skill(
    name="find_clients",
    label="Procurando clientes",
    description="Procura clientes por nome, e-mail, telefone ou código, ou por CPF ou CNPJ.",
    arguments=FindClientsArguments,
    permissions=frozenset({Permission.CLIENTS_READ}),
    run=find_clients,
)
GET_CLIENT: Final = Skill(
    name="get_client",
    label="Consultando o cliente",
    description="Mostra o cadastro de um cliente, como quem pergunta pode vê-lo.",
    arguments=GetClientArguments,
    permissions=frozenset({Permission.CLIENTS_READ}),
    run=get_client,
)
CHECK_CONSENT: Final = Skill(
    name="check_consent",
    label="Verificando consentimentos",
    description=(
        "Diz se os dados de um cliente podem ser usados para uma finalidade agora, ou o que o"
        " cliente decidiu sobre cada uma."
    ),
    arguments=CheckConsentArguments,
    permissions=frozenset({Permission.CLIENTS_READ, Permission.CONSENTS_READ}),
    run=check_consent,
)
