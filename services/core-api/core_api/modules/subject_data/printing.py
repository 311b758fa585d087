"""Declarations and answers on paper."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core_api.modules.subject_data.answers import LOCAL, RIGHTS, day_of, sharing_parts
from core_api.modules.subject_data.documents import (
    Answer,
    PurposeTold,
    SectionTold,
    SubjectDataDocument,
)
from core_api.paper import Paper
from shared_schemas.privacy import Record, Scalar

MOST_RECORDS: Final = 500
"""Of one section. A person reads no more, and setting them would take minutes: the rest is in the
JSON file beside it."""
_TABLE_FIELDS: Final = 4
_TABLE_CHARACTERS: Final = 60
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NOTHING: Final = "(vazio)"
_NAMES_OF_SERVICES: Final = {"core-api": "Atendimento", "ai-svc": "Assistente e documentos"}


def print_answer(answer: Answer) -> bytes:
    """What was said at once. Takes CPU: in a thread."""
    paper = Paper(answer.title, author=answer.controller, footer=f"Em {day_of(answer.made_at)}")
    for paragraph in answer.paragraphs:
        paper.paragraph(paragraph)
    for part in answer.parts:
        paper.heading(part.heading, 2)
        for paragraph in part.paragraphs:
            paper.paragraph(paragraph)
        paper.bullets(part.items)
    return paper.bytes()


def print_declaration(document: SubjectDataDocument) -> bytes:
    """The complete declaration: origin, criteria, purposes, sharing, and every record (Art. 19
    II). Takes CPU: in a thread."""
    paper = Paper(
        "Declaração completa de dados pessoais",
        author=document.controller.name,
        footer=f"Pedido {document.request_id} · feita em {day_of(document.made_at)}",
    )
    _introduction(paper, document)
    _purposes(paper, document.purposes)
    _sharing(paper, document.purposes)
    filled = [section for section in document.sections if section.records]
    names = {purpose.code: purpose.name for purpose in document.purposes}
    for section in filled:
        _section(paper, section, names)
    empty = [section.label for section in document.sections if not section.records]
    if empty:
        paper.heading("O que procuramos e não existe")
        paper.bullets(empty)
    return paper.bytes()


def _introduction(paper: Paper, document: SubjectDataDocument) -> None:
    controller = document.controller
    paper.paragraph(
        f"Esta é a cópia completa dos dados pessoais que {controller.name} guarda sobre você, com "
        "a origem, os critérios e a finalidade de cada parte, como manda o art. 19, II, da Lei "
        f"13.709/2018 (LGPD). Foi feita em {_said(document.made_at)}."
    )
    paper.paragraph(RIGHTS)
    paper.heading("Quem trata os seus dados")
    pairs = [
        ("Controlador", controller.name),
        ("CNPJ", controller.tax_id),
        ("Atendimento a titulares", controller.contact),
        ("Encarregado", "\n".join(controller.officers)),
    ]
    paper.fields([(name, value) for name, value in pairs if value])
    paper.heading("Resumo")
    paper.table(
        ["O que", "Onde", "Registros"],
        [
            [section.label, _service(section.service), str(len(section.records))]
            for section in document.sections
            if section.records
        ],
        [6, 3, 1.5],
    )


def _purposes(paper: Paper, purposes: Sequence[PurposeTold]) -> None:
    paper.heading("Para que usamos seus dados")
    if not purposes:
        paper.paragraph("Nenhuma finalidade está registrada.")
    for purpose in purposes:
        paper.heading(purpose.name, 2)
        paper.fields(
            [
                ("Para quê", purpose.description),
                ("Base legal", purpose.legal_basis),
                ("Categorias de dados", ", ".join(purpose.data_categories) or "todas as seções"),
                ("Guarda", purpose.retention),
                ("Usada pelo assistente", _said(purpose.assistant_may_use)),
                ("Sua decisão", purpose.your_decision),
            ]
        )


def _sharing(paper: Paper, purposes: Sequence[PurposeTold]) -> None:
    paper.heading("Com quem compartilhamos")
    parts = sharing_parts(purposes)
    if not parts:
        paper.paragraph("Pelo registro de finalidades, com ninguém.")
    for part in parts:
        paper.heading(part.heading, 2)
        paper.bullets(part.items)


def _section(paper: Paper, section: SectionTold, purposes: dict[str, str]) -> None:
    paper.heading(section.label)
    served = [purposes.get(code, code) for code in section.purpose_codes]
    paper.fields(
        [
            ("Origem", section.origin),
            ("Critérios", section.criteria),
            ("Finalidades", "; ".join(served) or "as necessárias ao atendimento"),
        ]
    )
    shown = section.records[:MOST_RECORDS]
    names = list(dict.fromkeys(name for record in shown for name in record))
    if _is_tabular(shown, names):
        rows = [[_said(record.get(name)) for name in names] for record in shown]
        paper.table([section.fields.get(name, name) for name in names], rows)
    else:
        _blocks(paper, section, shown)
    if rest := len(section.records) - len(shown):
        paper.paragraph(f"Há mais {rest} registros: estão todos no arquivo JSON desta declaração.")


def _blocks(paper: Paper, section: SectionTold, shown: Sequence[Record]) -> None:
    for number, record in enumerate(shown, 1):
        if len(shown) > 1:
            paper.heading(f"{number} de {len(section.records)}", 3)
        paper.fields(
            [
                (section.fields.get(name, name), _said(value))
                for name, value in record.items()
                if value not in (None, "", [])
            ]
        )


def _is_tabular(records: Sequence[Record], names: Sequence[str]) -> bool:
    """Few and short fields read better side by side."""
    return (
        len(records) > 1
        and len(names) <= _TABLE_FIELDS
        and all(
            len(_said(value)) <= _TABLE_CHARACTERS
            for record in records
            for value in record.values()
        )
    )


def _said(value: Scalar | list[Scalar] | datetime) -> str:
    """As a person in Brazil reads it."""
    match value:
        case None | "" | []:
            return _NOTHING
        case bool():
            return "sim" if value else "não"
        case list():
            return "\n".join(_said(item) for item in value)
        case datetime():
            return value.astimezone(LOCAL).strftime("%d/%m/%Y às %H:%M")
        case str():
            return _instant(value) or value
        case float():
            return str(value).replace(".", ",")
    return str(value)


def _instant(text: str) -> str | None:
    """A text that is an instant, as people write it; somebody's words may only look like one."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return _said(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _service(name: str) -> str:
    return _NAMES_OF_SERVICES.get(name, name)
