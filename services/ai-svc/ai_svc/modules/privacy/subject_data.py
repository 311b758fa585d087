"""What ai-svc keeps about a person, in their own words and everybody's: page after page.

A cursor names the section and the last record of it. Documents come with their texts, so a page
has few of them.
"""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import Answer, AnswerFeedback
from ai_svc.modules.privacy.answers import about
from ai_svc.modules.privacy.small_stores import uploads_about
from ai_svc.modules.privacy.subject_pages import Page, Section, after_key
from ai_svc.modules.privacy.subject_words import SAID
from ai_svc.modules.privacy.work import Subject
from ai_svc.modules.triage.models import Triage, TriageStatus
from ai_svc.modules.uploads.models import Upload
from chassis.web.errors import InvalidInput
from knowledge.models import Document, DocumentStatus, DocumentVersion, LegalBasis
from shared_schemas.privacy import DataSection, Record, SubjectData

_TEXTS_AT_ONCE: Final = 20
_ASSISTANT: Final = "Registrado pela assistente quando alguém da equipe perguntou sobre a pessoa."
_WAITING: Final = "aguardando"
_STATUSES: Final = {
    DocumentStatus.PENDING: _WAITING,
    DocumentStatus.PROCESSING: "em preparação",
    DocumentStatus.INDEXED: "pronto para perguntas",
    DocumentStatus.FAILED: "não pôde ser lido",
    DocumentStatus.CANCELLED: "cancelado",
}
_BASES: Final = {
    LegalBasis.CONSENT: "consentimento",
    LegalBasis.LEGAL_OBLIGATION: "obrigação legal ou regulatória",
    LegalBasis.PUBLIC_POLICY: "execução de políticas públicas",
    LegalBasis.RESEARCH: "estudos por órgão de pesquisa",
    LegalBasis.CONTRACT: "execução de contrato",
    LegalBasis.EXERCISE_OF_RIGHTS: "exercício regular de direitos em processo",
    LegalBasis.PROTECTION_OF_LIFE: "proteção da vida",
    LegalBasis.HEALTH_PROTECTION: "tutela da saúde",
    LegalBasis.LEGITIMATE_INTEREST: "legítimo interesse",
    LegalBasis.CREDIT_PROTECTION: "proteção do crédito",
}
_DOCUMENTS: Final = DataSection(
    name="assistant_documents",
    label="Documentos na base de conhecimento",
    origin="Enviados por membros da organização, como arquivo, texto ou endereço na internet.",
    criteria=(
        "Só são usados em perguntas sobre a pessoa, enquanto a finalidade permite. Ficam até serem "
        "excluídos ou até a eliminação dos dados."
    ),
    field_labels={
        "document_id": "Identificador do documento",
        "title": "Título",
        "version": "Versão",
        "source": "Arquivo ou endereço",
        "status": "Situação",
        "purpose_code": "Finalidade",
        "legal_basis": "Base legal",
        "tags": "Etiquetas",
        "submitted_at": "Enviado em",
        "text": "Texto",
    },
)
_ANSWERS: Final = DataSection(
    name="assistant_answers",
    label="Perguntas à assistente e respostas",
    origin=_ASSISTANT,
    criteria=(
        "Respostas automáticas, escritas a partir dos documentos citados. Ficam pelo prazo de "
        "retenção das respostas ou até a eliminação dos dados."
    ),
    portable=False,
    field_labels={
        "answer_id": "Identificador da resposta",
        "question": "Pergunta",
        "answer": "Resposta",
        "abstained": "Sem resposta nos documentos",
        "confidence": "Confiança",
        "model": "Modelo",
        "prompt_version": "Versão das instruções",
        "comments": "Comentários sobre a resposta",
        "corrections": "Correções sugeridas",
        "asked_at": "Perguntado em",
    },
)
_UPLOADS: Final = DataSection(
    name="assistant_uploads",
    label="Envios de arquivos em andamento",
    origin="Iniciados por membros da organização.",
    criteria="São descartados se não forem concluídos em um dia.",
    portable=False,
    field_labels={
        "file_name": "Arquivo",
        "size_bytes": "Tamanho em bytes",
        "received_bytes": "Bytes recebidos",
        "begun_at": "Iniciado em",
    },
)
_TRIAGED: Final = {
    TriageStatus.WAITING: _WAITING,
    TriageStatus.PROPOSED: "com sugestão para a equipe",
    TriageStatus.APPLIED: "com sugestão aplicada automaticamente",
    TriageStatus.PASSED_OVER: "sem triagem",
}
_TRIAGES: Final = DataSection(
    name="assistant_triages",
    label="Chamados na triagem da assistente",
    origin="Chamados abertos pela pessoa ou em nome dela.",
    criteria="A assistente só guarda qual chamado é; o conteúdo fica no atendimento.",
    portable=False,
    field_labels={"ticket_id": "Chamado", "status": "Situação", "opened_at": "Aberto em"},
)


async def read(
    session: AsyncSession, subject: Subject, cursor: str | None, limit: int
) -> SubjectData:
    """One page: sections that are over are followed by the next. Raises InvalidInput."""
    place, after = _position(cursor)
    found: list[DataSection] = []
    for section, read_page, most in _SECTIONS[place:]:
        wanted = min(most, limit)
        page = await read_page(session, subject, after, wanted)
        found.append(section.model_copy(update={"records": page.records}))
        limit -= len(page.records)
        if len(page.records) == wanted:
            return SubjectData(service="ai-svc", sections=found, next_cursor=f"{place}:{page.last}")
        place, after = place + 1, ""
    return SubjectData(service="ai-svc", sections=found)


def _position(cursor: str | None) -> tuple[int, str]:
    if cursor is None:
        return 0, ""
    place, _, after = cursor.partition(":")
    try:
        number = int(place)
        if after:
            UUID(after.partition("/")[0])
            int(after.partition("/")[2] or 0)
    except ValueError:
        raise InvalidInput.on("body.cursor", "Cursor inválido.") from None
    if not 0 <= number < len(_SECTIONS):
        raise InvalidInput.on("body.cursor", "Cursor inválido.")
    return number, after


async def _documents(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    """Every version: what was said before is kept as well."""
    statement = (
        sa.select(
            Document.id,
            Document.title,
            Document.status,
            Document.purpose_code,
            Document.legal_basis,
            Document.tags,
            DocumentVersion.number,
            DocumentVersion.source_uri,
            DocumentVersion.content,
            DocumentVersion.created_at,
        )
        .join(
            DocumentVersion,
            sa.and_(
                DocumentVersion.organization_id == Document.organization_id,
                DocumentVersion.document_id == Document.id,
            ),
        )
        .where(Document.id.in_(subject.documents))
        .order_by(Document.id, DocumentVersion.number)
        .limit(limit)
    )
    if after:
        document_id, _, number = after.partition("/")
        here = sa.tuple_(Document.id, DocumentVersion.number)
        statement = statement.where(here > sa.tuple_(UUID(document_id), int(number or 0)))
    rows = (await session.execute(statement)).all()
    records: list[Record] = [
        {
            "document_id": str(row.id),
            "title": row.title,
            "version": row.number,
            "source": row.source_uri,
            "status": _STATUSES[row.status],
            "purpose_code": row.purpose_code,
            "legal_basis": _BASES[row.legal_basis],
            "tags": list(row.tags),
            "submitted_at": row.created_at.isoformat(),
            "text": row.content,
        }
        for row in rows
    ]
    return Page(records, f"{rows[-1].id}/{rows[-1].number}" if rows else "")


async def _answers(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    def said(column: Any) -> Any:
        ordered = aggregate_order_by(column, AnswerFeedback.id)
        return (
            sa.select(sa.func.array_agg(ordered))
            .where(
                AnswerFeedback.organization_id == Answer.organization_id,
                AnswerFeedback.answer_id == Answer.id,
                column.is_not(None),
            )
            .correlate(Answer)
            .scalar_subquery()
        )

    mine = Answer.id.in_(sa.select(about(subject).subquery().c.id))
    columns = (
        Answer,
        said(AnswerFeedback.comment).label("comments"),
        said(AnswerFeedback.corrected_answer).label("corrections"),
    )
    rows = await after_key(session, sa.select(*columns).where(mine), Answer, after, limit)
    records: list[Record] = [
        {
            "answer_id": str(answer.id),
            "question": answer.question,
            "answer": answer.answer,
            "abstained": answer.abstained,
            "confidence": round(answer.confidence, 3),
            "model": answer.model,
            "prompt_version": answer.prompt_version,
            "comments": list(comments or ()),
            "corrections": list(corrections or ()),
            "asked_at": answer.created_at.isoformat(),
        }
        for answer, comments, corrections in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


async def _uploads(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    statement = sa.select(Upload).where(*uploads_about(subject))
    rows = await after_key(session, statement, Upload, after, limit)
    records: list[Record] = [
        {
            "file_name": upload.file_name,
            "size_bytes": upload.size_bytes,
            "received_bytes": upload.received_bytes,
            "begun_at": upload.created_at.isoformat(),
        }
        for (upload,) in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


async def _triages(session: AsyncSession, subject: Subject, after: str, limit: int) -> Page:
    statement = sa.select(Triage).where(
        Triage.organization_id == subject.organization_id,
        Triage.client_id.in_(subject.client_ids),
    )
    rows = await after_key(session, statement, Triage, after, limit)
    records: list[Record] = [
        {
            "ticket_id": str(triage.ticket_id),
            "status": _TRIAGED[triage.status],
            "opened_at": triage.opened_at.isoformat(),
        }
        for (triage,) in rows
    ]
    return Page(records, str(rows[-1][0].id) if rows else "")


_SECTIONS: Final[tuple[Section, ...]] = (
    (_DOCUMENTS, _documents, _TEXTS_AT_ONCE),
    (_ANSWERS, _answers, 1_000),
    (_UPLOADS, _uploads, 1_000),
    (_TRIAGES, _triages, 1_000),
    *SAID,
)
