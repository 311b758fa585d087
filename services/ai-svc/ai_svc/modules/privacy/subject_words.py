"""What was said about a person in conversations, proposed and remembered, as they are told."""

import json
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.models import ConversationMessage, MessageFeedback, Speaker
from ai_svc.modules.memory.models import Fact, FactClient, FactCorrection, FactSource
from ai_svc.modules.privacy.conversations import facts_about, messages_about, proposals_about
from ai_svc.modules.privacy.subject_pages import Page, Section, after_key
from ai_svc.modules.privacy.work import Subject
from ai_svc.modules.proposals.models import Proposal, ProposalStatus
from shared_schemas.privacy import DataSection, Record

_SPEAKERS: Final = {Speaker.USER: "membro da equipe", Speaker.ASSISTANT: "assistente"}
_DECIDED: Final = {
    ProposalStatus.PENDING: "aguardando decisão",
    ProposalStatus.EXECUTING: "em execução",
    ProposalStatus.CONFIRMED: "confirmada",
    ProposalStatus.FAILED: "não pôde ser executada",
    ProposalStatus.DECLINED: "recusada",
}
_TOLD: Final = {
    FactSource.SAID: "pedido de um membro da equipe",
    FactSource.CONFIRMED: "proposta confirmada por um membro da equipe",
    FactSource.MODEL: "escolha automática a partir das palavras de um membro da equipe",
}
_MESSAGES: Final = DataSection(
    name="assistant_messages",
    label="Conversas da equipe com a assistente",
    origin="Escritas por membros da organização e pela assistente quando trataram da pessoa.",
    criteria=(
        "As respostas são automáticas, a partir de documentos e do cadastro. Ficam pelo prazo de "
        "retenção das conversas ou até a eliminação dos dados."
    ),
    portable=False,
    field_labels={
        "message_id": "Identificador da mensagem",
        "conversation_id": "Conversa",
        "author": "Quem escreveu",
        "text": "Mensagem",
        "model": "Modelo",
        "prompt_version": "Versão das instruções",
        "comments": "Comentários sobre a mensagem",
        "corrections": "Correções sugeridas",
        "said_at": "Escrita em",
    },
)
_PROPOSALS: Final = DataSection(
    name="assistant_proposals",
    label="Propostas da assistente",
    origin="Feitas pela assistente a pedido de um membro da equipe, que decide sobre elas.",
    criteria="Nada é feito sem confirmação. Ficam por tempo limitado ou até a eliminação.",
    portable=False,
    field_labels={
        "proposal_id": "Identificador da proposta",
        "action": "Ação",
        "summary": "Resumo",
        "arguments": "Dados da proposta",
        "status": "Situação",
        "proposed_at": "Proposta em",
    },
)
_MEMORIES: Final = DataSection(
    name="assistant_memories",
    label="Lembranças da assistente",
    origin="Ditas por membros da equipe para a assistente lembrar.",
    criteria=(
        "Só são usadas nas perguntas de quem as disse, enquanto a finalidade permite. Ficam por "
        "tempo limitado ou até a eliminação dos dados."
    ),
    portable=False,
    field_labels={
        "memory_id": "Identificador da lembrança",
        "text": "Lembrança",
        "source": "Origem",
        "confidence": "Confiança",
        "purpose_codes": "Finalidades",
        "earlier_texts": "Textos anteriores",
        "told_at": "Dita em",
        "kept_until": "Guardada até",
    },
)


async def _messages(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    def said(column: Any) -> Any:
        return _all_of(
            column,
            MessageFeedback.id,
            MessageFeedback.organization_id == ConversationMessage.organization_id,
            MessageFeedback.message_id == ConversationMessage.id,
            column.is_not(None),
        )

    message = ConversationMessage
    statement = sa.select(message, said(MessageFeedback.comment), said(MessageFeedback.correction))
    mine = statement.where(
        message.organization_id == subject.organization_id, message.id.in_(messages_about(subject))
    )
    rows = await after_key(session, mine, message, after, limit)
    records: list[Record] = [
        {
            "message_id": str(each.id),
            "conversation_id": str(each.conversation_id),
            "author": _SPEAKERS[each.role],
            "text": each.content,
            "model": each.model,
            "prompt_version": each.prompt_version,
            "comments": list(comments or ()),
            "corrections": list(corrections or ()),
            "said_at": each.created_at.isoformat(),
        }
        for each, comments, corrections in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


async def _proposals(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    statement = sa.select(Proposal).where(
        Proposal.organization_id == subject.organization_id,
        Proposal.id.in_(proposals_about(subject)),
    )
    rows = await after_key(session, statement, Proposal, after, limit)
    records: list[Record] = [
        {
            "proposal_id": str(each.id),
            "action": each.skill,
            "summary": each.summary,
            "arguments": json.dumps(each.arguments, ensure_ascii=False, sort_keys=True),
            "status": _DECIDED[each.status],
            "proposed_at": each.created_at.isoformat(),
        }
        for (each,) in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


async def _memories(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    def linked(model: Any, column: Any, order: Any, *which: Any) -> Any:
        mine = model.organization_id == Fact.organization_id, model.fact_id == Fact.id
        return _all_of(column, order, *mine, *which)

    code, named = FactClient.purpose_code, FactClient.client_id.in_(subject.client_ids)

    statement = sa.select(
        Fact,
        linked(FactClient, code, code, named),
        linked(FactCorrection, FactCorrection.text, FactCorrection.version),
    ).where(Fact.organization_id == subject.organization_id, Fact.id.in_(facts_about(subject)))
    rows = await after_key(session, statement, Fact, after, limit)
    records: list[Record] = [
        {
            "memory_id": str(fact.id),
            "text": fact.text,
            "source": _TOLD[fact.source],
            "confidence": round(fact.confidence, 3),
            "purpose_codes": sorted(set(purpose_codes or ())),
            "earlier_texts": list(earlier or ()),
            "told_at": fact.created_at.isoformat(),
            "kept_until": fact.expires_at.isoformat(),
        }
        for fact, purpose_codes, earlier in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


def _all_of(column: Any, order: Any, *which: Any) -> Any:
    """Of the row at hand, in one array."""
    ordered = aggregate_order_by(column, order)
    found = sa.select(sa.func.array_agg(ordered)).where(*which)
    return found.correlate(ConversationMessage, Fact).scalar_subquery()


SAID: Final[tuple[Section, ...]] = (
    (_MESSAGES, _messages, 100),
    (_PROPOSALS, _proposals, 1_000),
    (_MEMORIES, _memories, 1_000),
)
