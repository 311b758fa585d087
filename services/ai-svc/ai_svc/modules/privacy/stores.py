"""Every store that may hold something about a person: what it is called, and how to count it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import Answer, AnswerFeedback, CachedAnswer
from ai_svc.modules.batches.models import BatchItem
from ai_svc.modules.chat.models import Conversation, ConversationMessage, MessageFeedback
from ai_svc.modules.memory.models import Fact, FactCorrection
from ai_svc.modules.privacy.answers import about
from ai_svc.modules.privacy.conversations import (
    conversations_touched,
    facts_about,
    messages_about,
    proposals_about,
)
from ai_svc.modules.privacy.small_stores import projections_of, uploads_about
from ai_svc.modules.privacy.work import Subject
from ai_svc.modules.proposals.models import Proposal
from ai_svc.modules.triage.models import Triage
from ai_svc.modules.uploads.models import Upload, UploadPart
from ai_svc.tables import SYSTEM_TABLES
from knowledge.absence_tables import ClientAbsence
from knowledge.chunk_edit_tables import ChunkEdit
from knowledge.models import Chunk, Document, DocumentVersion, IngestionJob
from knowledge.sources.models import SourceItem
from shared_schemas.privacy import StoreAction

_PROOF: Final = (
    "LGPD, art. 16, I: cumprimento de obrigação legal. Só o identificador interno, sem dados "
    "pessoais, para comprovar a eliminação e não registrar nada de novo sobre a pessoa."
)


NAMED_TEXTS: Final = "named_texts"
"""Looked for in texts, and counted by whoever knows what the person is known by."""


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of rows or objects."""

    name: str
    label: str
    action: StoreAction = StoreAction.ERASE
    ground: str | None = None


STORES: Final = (
    Store("documents", "Documentos sobre a pessoa"),
    Store("document_versions", "Versões desses documentos, com o texto"),
    Store("objects", "Arquivos originais e partes de envios"),
    Store("chunks", "Trechos pesquisáveis e seus vetores"),
    Store("chunk_edits", "Correções feitas nesses trechos"),
    Store("ingestion_jobs", "Tarefas de processamento desses documentos"),
    Store("word_statistics", "Índice de palavras, que é refeito sem esses trechos"),
    Store(
        "source_items",
        "Endereços de onde os documentos foram lidos, trocados por um código",
        StoreAction.ANONYMISE,
    ),
    Store("answers", "Perguntas e respostas da assistente sobre a pessoa ou que citam documentos"),
    Store("answer_feedback", "Avaliações dessas respostas"),
    Store("cached_answers", "Respostas guardadas para serem repetidas"),
    Store(
        "conversations",
        "Conversas com a assistente sobre a pessoa, ou que perdem uma mensagem e o título",
    ),
    Store("conversation_messages", "Mensagens com dados da pessoa ou com documentos sobre ela"),
    Store("message_feedback", "Avaliações dessas mensagens"),
    Store("at_hand", "Essas conversas e respostas na memória rápida"),
    Store("proposals", "Propostas da assistente sobre a pessoa"),
    Store("memories", "Lembranças da assistente sobre a pessoa"),
    Store("memory_corrections", "Versões anteriores dessas lembranças"),
    Store(
        NAMED_TEXTS,
        "Textos que citam a pessoa sem vínculo, com uma marca no lugar do nome ou do número",
        StoreAction.ANONYMISE,
    ),
    Store("uploads", "Envios de arquivos em andamento"),
    Store("batch_items", "Itens de envios em lote"),
    Store("triages", "Chamados na triagem da assistente"),
    Store(
        "access_projections",
        "Cópias de consentimentos, uniões, bloqueios e correções",
    ),
    Store("kept_replies", "Respostas guardadas para pedidos repetidos"),
    Store(
        "client_absences",
        "Identificador interno da pessoa, para recusar novos registros",
        StoreAction.KEEP,
        _PROOF,
    ),
    Store(
        "deleted_documents",
        "Identificadores dos documentos eliminados",
        StoreAction.KEEP,
        _PROOF,
    ),
)


async def count(session: AsyncSession, subject: Subject) -> dict[str, int]:
    """How much of each there is now, in one statement; but for what is found in texts. What is to
    be kept: how much would be."""
    counts = [statement.scalar_subquery().label(name) for name, statement in _all(subject).items()]
    found = dict((await session.execute(sa.select(*counts))).mappings().one())
    found["objects"] += found.pop("upload_parts")
    found["access_projections"] = sum(found.pop(name) for name in projections_of(subject))
    found["at_hand"] = found["conversations"] + found.pop("runs")
    found["word_statistics"] = int(found["chunks"] > 0)
    found["client_absences"] = len(subject.client_ids)
    found["deleted_documents"] = found["documents"]
    return found


async def marked(session: AsyncSession, subject: Subject) -> int:
    """How many of the clients are kept, by their id, as erased."""
    return (
        await session.scalar(
            _number().where(
                ClientAbsence.organization_id == subject.organization_id,
                ClientAbsence.client_id.in_(subject.client_ids),
                ClientAbsence.erased_at.is_not(None),
            )
        )
        or 0
    )


def _all(subject: Subject) -> dict[str, sa.Select[Any]]:
    answers = sa.select(about(subject).subquery().c.id)
    jobs = IngestionJob.__table__.c
    uploads = sa.select(Upload.id).where(*uploads_about(subject))
    documents = subject.documents

    def rows_of(model: Any, column: Any, which: Any) -> sa.Select[Any]:
        mine = model.organization_id == subject.organization_id
        return _number().where(mine, column.in_(which))

    def of_client(model: Any) -> sa.Select[Any]:
        return rows_of(model, model.client_id, subject.client_ids)

    stored = rows_of(DocumentVersion, DocumentVersion.document_id, documents)
    return {
        "documents": of_client(Document),
        "document_versions": rows_of(DocumentVersion, DocumentVersion.document_id, documents),
        "objects": stored.where(DocumentVersion.storage_key.is_not(None)),
        "upload_parts": rows_of(UploadPart, UploadPart.upload_id, uploads),
        "chunks": rows_of(Chunk, Chunk.document_id, documents),
        "chunk_edits": rows_of(ChunkEdit, ChunkEdit.document_id, documents),
        "ingestion_jobs": _number().where(
            jobs.organization_id == subject.organization_id, jobs.document_id.in_(documents)
        ),
        "source_items": rows_of(SourceItem, SourceItem.document_id, documents),
        "answers": rows_of(Answer, Answer.id, answers),
        "answer_feedback": rows_of(AnswerFeedback, AnswerFeedback.answer_id, answers),
        "cached_answers": rows_of(CachedAnswer, CachedAnswer.answer_id, answers),
        **_said(subject, rows_of),
        "uploads": _number().where(*uploads_about(subject)),
        "batch_items": _batch_items(subject),
        "triages": of_client(Triage),
        "kept_replies": _replies(subject),
        **{
            name: _number().select_from(table).where(mine)
            for name, (table, mine) in projections_of(subject).items()
        },
    }


def _said(subject: Subject, rows_of: Callable[..., sa.Select[Any]]) -> dict[str, sa.Select[Any]]:
    """In conversations, and what came of it."""
    messages, facts = messages_about(subject), facts_about(subject)
    said = rows_of(ConversationMessage, ConversationMessage.id, messages)
    return {
        "conversations": rows_of(Conversation, Conversation.id, conversations_touched(subject)),
        "conversation_messages": said,
        "runs": said.where(ConversationMessage.run_id.is_not(None)),
        "message_feedback": rows_of(MessageFeedback, MessageFeedback.message_id, messages),
        "proposals": rows_of(Proposal, Proposal.id, proposals_about(subject)),
        "memories": rows_of(Fact, Fact.id, facts),
        "memory_corrections": rows_of(FactCorrection, FactCorrection.fact_id, facts),
    }


def _batch_items(subject: Subject) -> sa.Select[Any]:
    named = BatchItem.client_id.in_(subject.client_ids)
    became = BatchItem.document_id.in_(subject.documents)
    return _number().where(
        BatchItem.organization_id == subject.organization_id, sa.or_(named, became)
    )


def _replies(subject: Subject) -> sa.Select[Any]:
    """Those that name the person; that others name an answer or a document is found on the way."""
    kept = SYSTEM_TABLES.idempotency_keys.c
    names = sa.cast([str(each).encode() for each in subject.client_ids], ARRAY(sa.LargeBinary()))
    named = sa.func.unnest(names, type_=sa.LargeBinary()).column_valued("named")
    told = sa.exists(sa.select(named).where(sa.func.pg_catalog.position(kept.body, named) > 0))
    return _number().where(kept.organization_id == subject.organization_id, told)


def _number() -> sa.Select[Any]:
    return sa.select(sa.func.count())
