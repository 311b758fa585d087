"""What can be said at once, in plain Portuguese: the simplified answer (LGPD Art. 19 I), with whom
data was shared (Art. 18 VII), and what follows from not consenting (Art. 18 VIII)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.consents.told_purposes import ToldPurpose, told_purposes
from core_api.modules.privacy.execution import RequestType
from core_api.modules.subject_data.documents import Answer, AnswerPart, Controller, PurposeTold
from core_api.modules.subject_data.gathering import (
    controller_of,
    own_counts,
    told_purpose,
    transfers_to,
)
from core_api.subject_sections import Subject

LOCAL: Final = ZoneInfo("America/Sao_Paulo")
RIGHTS: Final = (
    "Você pode pedir, de graça, correção, bloqueio, anonimização ou exclusão de dados, "
    "portabilidade, informação sobre compartilhamento e revogação do consentimento (art. 18). "
    "Também pode reclamar à Autoridade Nacional de Proteção de Dados (www.gov.br/anpd)."
)
_NOT_SHARED: Final = (
    "Pelo registro de finalidades, seus dados não são compartilhados com terceiros."
)
_ALWAYS: Final = (
    "Autorizar ou recusar é uma escolha sua, gratuita. Você pode mudar de ideia quando quiser, e a "
    "mudança vale na hora. Recusar não prejudica o atendimento dos usos que não dependem de "
    "autorização."
)


async def answer_to(
    session: AsyncSession, subject: Subject, kind: RequestType, copies_until: datetime | None
) -> Answer:
    """For one type of request; `copies_until`: when the files it promises are due, if it promises
    any. A fixed number of statements."""
    purposes = await told_purposes(session, subject.organization_id, subject.family)
    controller = await controller_of(session, subject.organization_id)
    if kind is RequestType.CONSENT_CONSEQUENCES:
        return _answer(_TITLES[kind], controller, *_consequences(purposes))
    if kind is RequestType.SHARING:
        registered = await transfers_to(session, subject.organization_id, purposes)
        told = [told_purpose(purpose, registered[purpose.code]) for purpose in purposes]
        return _answer(_TITLES[kind], controller, *_sharing(told))
    counts = await own_counts(session, subject)
    promise = "" if copies_until is None else _PROMISES[kind].format(day=day_of(copies_until))
    return _answer(_TITLES[kind], controller, *_confirmation(controller, purposes, counts, promise))


def day_of(at: datetime) -> str:
    """As people in Brazil write a date."""
    return at.astimezone(LOCAL).strftime("%d/%m/%Y")


def sharing_parts(purposes: Sequence[PurposeTold]) -> list[AnswerPart]:
    """Recipients and transfers, purpose by purpose; those who share with nobody are left out."""
    return [
        AnswerPart(
            heading=purpose.name,
            items=[
                *(f"{each.name}, {each.role}: {each.what_for}" for each in purpose.recipients),
                *(
                    f"Vai para o exterior: {each.recipient}, {each.country}, com base em: "
                    f"{each.safeguard}"
                    for each in purpose.transfers
                ),
            ],
        )
        for purpose in purposes
        if purpose.uses_your_data and (purpose.recipients or purpose.transfers)
    ]


def _confirmation(
    controller: Controller,
    purposes: Sequence[ToldPurpose],
    counts: Mapping[str, int],
    promise: str,
) -> tuple[list[str], list[AnswerPart]]:
    paragraphs = [f"Sim: {controller.name} trata dados pessoais seus.{promise}", RIGHTS]
    used = [purpose for purpose in purposes if purpose.uses_data]
    parts = [
        AnswerPart(
            heading="O que guardamos",
            items=[
                f"{label}: {'1 registro' if count == 1 else f'{count} registros'}"
                for label, count in counts.items()
            ],
        ),
        AnswerPart(
            heading="Para quê",
            items=[f"{each.name}. Base legal: {each.basis}." for each in used],
            paragraphs=[] if used else ["Nenhuma finalidade em uso alcança seus dados hoje."],
        ),
        AnswerPart(
            heading="De onde vêm",
            paragraphs=[
                "De você, de quem representa você e do que nossa equipe registrou no atendimento."
            ],
        ),
    ]
    return paragraphs, parts


def _sharing(purposes: Sequence[PurposeTold]) -> tuple[list[str], list[AnswerPart]]:
    parts = sharing_parts(purposes)
    if not parts:
        return [_NOT_SHARED, RIGHTS], []
    said = "Estas são as pessoas e empresas com quem seus dados são compartilhados, por finalidade."
    return [said, RIGHTS], parts


def _consequences(purposes: Sequence[ToldPurpose]) -> tuple[list[str], list[AnswerPart]]:
    asked = [purpose for purpose in purposes if purpose.legal_basis == "consent"]
    others = [purpose for purpose in purposes if purpose.legal_basis != "consent"]
    parts = [
        AnswerPart(
            heading=purpose.name,
            paragraphs=[
                purpose.description,
                f"Se você não autorizar: este uso não acontece. {_kept(purpose)}",
                purpose.decision,
            ],
        )
        for purpose in asked
    ]
    if others:
        parts.append(
            AnswerPart(
                heading="Usos que não dependem da sua autorização",
                paragraphs=["Têm outra base na lei e continuam se você recusar os demais."],
                items=[f"{each.name}. Base legal: {each.basis}." for each in others],
            )
        )
    return ([_ALWAYS] if parts else ["Nenhuma finalidade depende da sua autorização."]), parts


def _kept(purpose: ToldPurpose) -> str:
    if purpose.status is None:
        return "Nenhum dado seu é usado para isso."
    return f"O que já foi usado antes continua válido. Guarda dos dados: {purpose.retention}."


def _answer(
    title: str, controller: Controller, paragraphs: list[str], parts: list[AnswerPart]
) -> Answer:
    if who := controller.officers or list(filter(None, [controller.contact])):
        parts = [*parts, AnswerPart(heading="Com quem falar sobre seus dados", paragraphs=who)]
    return Answer(
        title=title,
        controller=controller.name,
        made_at=utc_now().replace(microsecond=0),
        paragraphs=paragraphs,
        parts=parts,
    )


_DECLARATION: Final = " A declaração completa fica pronta até {day}."
_PROMISES: Final[Mapping[RequestType, str]] = MappingProxyType(
    {
        RequestType.CONFIRMATION: _DECLARATION,
        RequestType.ACCESS: _DECLARATION,
        RequestType.PORTABILITY: " O arquivo com a cópia dos dados fica pronto até {day}.",
    }
)
_TITLES: Final[Mapping[RequestType, str]] = MappingProxyType(
    {
        RequestType.SHARING: "Com quem seus dados são compartilhados",
        RequestType.CONSENT_CONSEQUENCES: "O que acontece se você não autorizar",
        RequestType.CONFIRMATION: "Confirmação de tratamento de dados pessoais",
        RequestType.ACCESS: "Acesso aos seus dados pessoais: resposta imediata",
        RequestType.PORTABILITY: "Portabilidade dos seus dados pessoais",
    }
)
