"""The complete declaration and the portable copy as data: their schema is served and documented.

Fields are only ever added; a breaking change is another `SCHEMA_ID`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared_schemas.privacy import Record

SCHEMA_ID: Final = "urn:cogep:subject-data:1"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class DocumentKind(StrEnum):
    """What was asked for."""

    ACCESS = "access"
    PORTABILITY = "portability"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Controller(_Part):
    """Quem decide sobre os dados."""

    name: str = Field(description="Nome da organização")
    tax_id: str | None = Field(description="CNPJ")
    contact: str | None = Field(description="Canal de atendimento a titulares")
    officers: list[str] = Field(description="Encarregado, e substituto, com seus contatos")


class RecipientTold(_Part):
    """Alguém com quem dados são compartilhados."""

    name: str = Field(description="Quem recebe")
    role: str = Field(description="Em que papel")
    what_for: str = Field(description="Para quê")


class TransferTold(_Part):
    """Uma transferência para outro país."""

    recipient: str = Field(description="Quem recebe")
    country: str = Field(description="País, ISO 3166-1")
    safeguard: str = Field(description="O que permite a transferência (art. 33)")


class PurposeTold(_Part):
    """Uma finalidade do registro da organização."""

    code: str = Field(description="Código da finalidade")
    name: str = Field(description="Nome")
    description: str = Field(description="Para que os dados são usados")
    legal_basis: str = Field(description="Base legal, em palavras")
    data_categories: list[str] = Field(description="Categorias de dados")
    retention: str = Field(description="Por quanto tempo, e o que acontece depois")
    recipients: list[RecipientTold] = Field(description="Com quem são compartilhados")
    transfers: list[TransferTold] = Field(description="Para que países vão")
    assistant_may_use: bool = Field(description="Se o assistente automático pode usá-los")
    uses_your_data: bool = Field(description="Se dados desta pessoa são ou foram usados para ela")
    your_decision: str = Field(description="O que esta pessoa decidiu")


class SectionTold(_Part):
    """Registros de um tipo."""

    service: str = Field(description="Parte do sistema que os guarda")
    name: str = Field(description="Nome da seção, estável")
    label: str = Field(description="Título")
    origin: str = Field(description="De onde vêm (art. 19, II)")
    criteria: str = Field(description="Critérios de uso (art. 19, II)")
    purpose_codes: list[str] = Field(description="Finalidades a que servem")
    fields: dict[str, str] = Field(description="Título de cada campo")
    records: list[Record] = Field(
        description="Instantes em ISO 8601 UTC; campos sem título são do próprio registro"
    )


class SubjectDataDocument(_Part):
    """Cópia dos dados pessoais de um titular (LGPD, arts. 18 e 19)."""

    format: Literal["urn:cogep:subject-data:1"] = Field(description="Este formato e sua versão")
    kind: DocumentKind = Field(description="Acesso (art. 19, II) ou portabilidade (art. 18, V)")
    request_id: UUID = Field(description="Pedido do titular")
    made_at: datetime = Field(description="Quando a cópia foi feita")
    controller: Controller
    services: list[str] = Field(description="Partes do sistema que responderam")
    purposes: list[PurposeTold]
    sections: list[SectionTold]

    def counts(self) -> dict[str, int]:
        """Records by `service.section`: what a receipt says."""
        return {f"{each.service}.{each.name}": len(each.records) for each in self.sections}


def document_schema() -> Mapping[str, Any]:
    """JSON Schema (draft 2020-12) of every document of this version."""
    schema = SubjectDataDocument.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, **schema}


class AnswerPart(_Part):
    """A heading with what stands below it."""

    heading: str = Field(examples=["O que guardamos"])
    paragraphs: list[str] = Field(default=[])
    items: list[str] = Field(default=[], examples=[["Cadastro: 1 registro"]])


class Answer(_Part):
    """What was said at once, in plain words."""

    title: str = Field(examples=["Confirmação de tratamento de dados pessoais"])
    controller: str = Field(examples=["Prefeitura de Aurora"])
    made_at: datetime
    paragraphs: list[str]
    parts: list[AnswerPart]
