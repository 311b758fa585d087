"""Records of processing and impact reports as documents: PDF, and rows of CSV."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from core_api.csv_export import Cell
from core_api.modules.ropa.models import Conclusion
from core_api.modules.ropa.schemas import (
    HighRisk,
    ImpactSheet,
    ProcessingRecord,
    ProcessingRecords,
)
from core_api.paper import Paper
from core_api.privacy_wording import day, joined, moment

HEADER: Final = (
    "Código",
    "Finalidade",
    "Descrição",
    "Base legal",
    "Categorias de dados",
    "Categorias de titulares",
    "Prazo de guarda",
    "Compartilhamento",
    "Transferências internacionais",
    "Medidas de segurança",
    "Uso pelo assistente",
    "Versão do aviso",
    "Avaliação de impacto",
    "Registrada em",
    "Pendências",
    "Controlador",
    "Encarregado ou canal",
)
CONCLUSIONS: Final = {
    Conclusion.ACCEPTABLE: "O tratamento é aceitável.",
    Conclusion.ACCEPTABLE_WITH_MEASURES: "O tratamento é aceitável com as medidas descritas.",
    Conclusion.NOT_ACCEPTABLE: "O tratamento não deve prosseguir como está.",
}
HIGH_RISK: Final = {
    HighRisk.SENSITIVE_DATA: "dados sensíveis",
    HighRisk.VULNERABLE_SUBJECTS: "crianças, adolescentes, idosos ou outros vulneráveis",
    HighRisk.LARGE_SCALE: "larga escala",
    HighRisk.AUTOMATED_DECISIONS: "uso pelo assistente, com decisões automatizadas",
    HighRisk.EMERGING_TECHNOLOGY: "tecnologia emergente (inteligência artificial)",
    HighRisk.INTERNATIONAL_TRANSFER: "transferência internacional",
    HighRisk.LEGITIMATE_INTEREST: "base legal de legítimo interesse",
}
_ROPA: Final = "Registro das operações de tratamento de dados pessoais"
_RIPD: Final = "Relatório de impacto à proteção de dados pessoais: ficha de dados"


def records_paper(given: ProcessingRecords) -> bytes:
    """The whole record, a page or more. Takes its time: call it in a thread."""
    generated = moment(given.generated_at)
    paper = Paper(_ROPA, author=given.controller, footer=f"Gerado em {generated}")
    paper.paragraph("Conforme o art. 37 da Lei 13.709/2018 (LGPD).")
    paper.fields(
        [
            ("Controlador", given.controller),
            ("Encarregado ou canal", given.officer),
            ("Agente de pequeno porte", "sim" if given.is_small_agent else "não"),
            ("Operações registradas", str(len(given.records))),
        ]
    )
    for record in given.records:
        paper.heading(record.purpose)
        paper.fields(_fields(record))
    return paper.bytes()


def sheet_paper(sheet: ImpactSheet) -> bytes:
    """The data sheet of one purpose."""
    record = sheet.record
    paper = Paper(
        _RIPD, author=sheet.controller, footer=f"{record.purpose} ({record.purpose_code})"
    )
    paper.paragraph("Conforme os arts. 5º, XVII, e 38 da Lei 13.709/2018 (LGPD).")
    paper.heading("Tratamento")
    paper.fields(
        [
            ("Controlador", sheet.controller),
            ("Encarregado ou canal", sheet.officer),
            *_fields(record),
            ("Titulares alcançados", str(sheet.subjects)),
        ]
    )
    paper.heading("Indicadores de alto risco")
    paper.bullets([HIGH_RISK[risk] for risk in sheet.high_risk] or ["Nenhum pelo registro."])
    _set_assessment(paper, sheet)
    if sheet.missing:
        paper.heading("Pendências")
        paper.bullets(sheet.missing)
    return paper.bytes()


def _set_assessment(paper: Paper, sheet: ImpactSheet) -> None:
    assessment = sheet.assessment
    if assessment is None:
        return
    paper.heading("Avaliação")
    paper.fields(
        [
            ("Necessidade", assessment.necessity),
            ("Proporcionalidade", assessment.proportionality),
            ("Metodologia", assessment.methodology),
            ("Partes consultadas", assessment.consulted or "Não informado"),
            ("Medidas e salvaguardas", assessment.measures),
            ("Conclusão", CONCLUSIONS[assessment.conclusion]),
            ("Avaliada em", day(assessment.assessed_on)),
            ("Próxima revisão", day(assessment.review_on)),
        ]
    )
    paper.heading("Riscos", 2)
    paper.table(
        ("Ameaça", "Probabilidade", "Impacto", "Medidas", "Residual"),
        [
            (risk.threat, str(risk.likelihood), str(risk.impact), risk.measures, str(risk.residual))
            for risk in assessment.risks
        ],
        (3, 1.2, 1, 4, 1),
    )


async def record_rows(given: ProcessingRecords) -> AsyncIterator[Sequence[Cell]]:
    """Of the CSV, one for each activity."""
    for record in given.records:
        yield (
            record.purpose_code,
            record.purpose,
            record.description,
            record.legal_basis,
            joined(record.data_categories),
            joined(record.subject_categories),
            record.retention,
            joined(record.recipients, none="Nenhum"),
            joined(record.transfers, none="Nenhuma"),
            record.security_measures,
            "sim" if record.assistant_may_use else "não",
            record.notice_version,
            record.impact_assessment,
            day(record.registered_on),
            joined(record.missing, none="Nenhuma"),
            given.controller,
            given.officer,
        )


def _fields(record: ProcessingRecord) -> list[tuple[str, str]]:
    return [
        ("Código", record.purpose_code),
        ("Finalidade", record.description),
        ("Base legal", record.legal_basis),
        ("Categorias de dados", joined(record.data_categories)),
        ("Categorias de titulares", joined(record.subject_categories)),
        ("Prazo de guarda", record.retention),
        ("Compartilhamento", joined(record.recipients, none="Nenhum")),
        ("Transferências internacionais", joined(record.transfers, none="Nenhuma")),
        ("Medidas de segurança", record.security_measures),
        ("Uso pelo assistente", "sim" if record.assistant_may_use else "não"),
        ("Versão do aviso", str(record.notice_version)),
        ("Avaliação de impacto", record.impact_assessment),
        ("Pendências", joined(record.missing, none="Nenhuma")),
    ]
