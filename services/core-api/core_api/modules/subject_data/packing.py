"""The portable copy: JSON, its schema, and a CSV file per section, zipped (LGPD Art. 18 V)."""

import csv
import io
import json
import zipfile
from typing import Final

from core_api.csv_export import neutralize
from core_api.modules.subject_data.documents import (
    SectionTold,
    SubjectDataDocument,
    document_schema,
)
from shared_schemas.privacy import Scalar

DATA: Final = "dados.json"
SCHEMA: Final = "esquema.json"
README: Final = "LEIA-ME.txt"
_BOM: Final = "\ufeff"
_TEXT: Final = """Cópia portável dos seus dados pessoais (Lei 13.709/2018, art. 18, V)

Quem entrega: {controller}
Pedido: {request}
Feita em: {made_at} (UTC)

{data}      todos os dados, para programas
{schema}    o formato do arquivo acima (JSON Schema)
csv/        os mesmos dados, um arquivo por seção, para planilhas: UTF-8, separado por ponto e
            vírgula; listas usam " | "; um apóstrofo antes de =, +, - ou @ impede que a planilha
            calcule o texto

Contém o que você forneceu e o que resultou do seu atendimento. Não contém anotações internas,
que você recebe se pedir acesso aos dados (art. 18, II).
"""


def json_of(document: SubjectDataDocument) -> bytes:
    """Indented: people open it, too."""
    return document.model_dump_json(indent=2).encode()


def zip_of(document: SubjectDataDocument) -> bytes:
    """Everything in one file. Takes CPU: in a thread."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(README, _readme(document))
        archive.writestr(DATA, json_of(document))
        schema = json.dumps(document_schema(), ensure_ascii=False, indent=2)
        archive.writestr(SCHEMA, schema)
        for section in document.sections:
            if section.records:
                name = f"csv/{section.service}-{section.name}.csv"
                archive.writestr(name, _csv(section))
    return target.getvalue()


def _readme(document: SubjectDataDocument) -> str:
    return _TEXT.format(
        controller=document.controller.name,
        request=document.request_id,
        made_at=document.made_at.strftime("%d/%m/%Y %H:%M"),
        data=DATA,
        schema=SCHEMA,
    )


def _csv(section: SectionTold) -> str:
    names = list(dict.fromkeys(name for record in section.records for name in record))
    target = io.StringIO(_BOM)
    target.seek(0, io.SEEK_END)
    writer = csv.writer(target, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(names)
    for record in section.records:
        writer.writerow([_cell(record.get(name)) for name in names])
    return target.getvalue()


def _cell(value: Scalar | list[Scalar]) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return neutralize(" | ".join(_cell(item) for item in value))
    return neutralize(value) if isinstance(value, str) else str(value)
