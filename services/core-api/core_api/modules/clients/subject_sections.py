"""What clients tell the person they are about: registration, notes, relations."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.security.sealing import SealBroken, Vault
from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.contacts.normalising import phone_display
from core_api.modules.clients.models import Client, ClientKind, ClientNote, ClientRelation
from core_api.modules.fields.service import FieldEntity, labels_of
from core_api.subject_sections import (
    MADE_BY_US,
    PROVIDED,
    Rows,
    SectionSource,
    Subject,
    Told,
    each,
    moment,
)
from core_api.workplace import vault_of
from shared_schemas.privacy import Record

log = structlog.get_logger(__name__)

_KINDS: Final[Mapping[ClientKind, str]] = MappingProxyType(
    {ClientKind.PERSON: "pessoa", ClientKind.COMPANY: "empresa"}
)
_ADDRESS: Final = ("street", "number", "complement", "district", "city", "uf", "cep")


def _registrations(subject: Subject) -> Rows:
    columns = (column for column in Client.__table__.c if column.name != "document")
    return (
        sa.select(*columns)
        .where(Client.organization_id == subject.organization_id, Client.id.in_(subject.family))
        .order_by(Client.created_at, Client.id)
    )


async def _tell_registrations(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    labels = await labels_of(session, subject.organization_id, FieldEntity.CLIENT)
    vault = vault_of(session)
    used = {key for row in rows for key in row.custom_fields}
    return Told(
        [_registration(row, vault) for row in rows],
        {f"custom_{key}": labels.get(key, key) for key in sorted(used)},
    )


def _registration(row: Any, vault: Vault) -> Record:
    return {
        "id": str(row.id),
        "kind": _KINDS[row.kind],
        "name": row.name,
        "document": _document(row, vault),
        "external_id": row.external_id,
        "emails": [_labelled(entry["address"], entry) for entry in row.emails],
        "phones": [_labelled(phone_display(entry["number"]), entry) for entry in row.phones],
        "addresses": [_labelled(_address(entry), entry) for entry in row.addresses],
        "tags": list(row.tags),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "merged": row.merged_into_id is not None,
        "deleted_at": moment(row.deleted_at),
        **{f"custom_{key}": value for key, value in row.custom_fields.items()},
    }


def _document(row: Any, vault: Vault) -> str | None:
    try:
        number = documents.opened(vault, row)
    except SealBroken:
        # Damaged: all the rest is still owed to the person.
        log.exception("sealed_document_does_not_open", client_id=str(row.id))
        return None
    return None if number is None else tax_ids.formatted(number)


def _labelled(text: str, entry: Mapping[str, Any]) -> str:
    return f"{text} ({entry['label']})" if entry.get("label") else text


def _address(entry: Mapping[str, Any]) -> str:
    return ", ".join(str(entry[part]) for part in _ADDRESS if entry.get(part))


def _notes(subject: Subject) -> Rows:
    return (
        sa.select(ClientNote.id, ClientNote.body, ClientNote.created_at, ClientNote.updated_at)
        .where(
            ClientNote.organization_id == subject.organization_id,
            ClientNote.client_id.in_(subject.family),
        )
        .order_by(ClientNote.created_at, ClientNote.id)
    )


def _note(row: Any) -> Record:
    return {
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "text": row.body,
    }


def _relations(subject: Subject) -> Rows:
    """A company is named; another person is not: that is their data, not the subject's."""
    mine_is_person = ClientRelation.person_id.in_(subject.family)
    company = aliased(Client)
    named = sa.and_(
        company.organization_id == ClientRelation.organization_id,
        company.id == ClientRelation.company_id,
    )
    return (
        sa.select(
            ClientRelation.id,
            ClientRelation.role,
            ClientRelation.created_at,
            sa.case((mine_is_person, company.name), else_=None).label("company"),
        )
        .join(company, named)
        .where(
            ClientRelation.organization_id == subject.organization_id,
            sa.or_(mine_is_person, ClientRelation.company_id.in_(subject.family)),
        )
        .order_by(ClientRelation.created_at, ClientRelation.id)
    )


def _relation(row: Any) -> Record:
    return {
        "with_whom": row.company or "pessoa ligada à empresa (nome omitido: é dado dela)",
        "role": row.role,
        "created_at": moment(row.created_at),
    }


CLIENT_SECTIONS: Final = (
    SectionSource(
        name="registration",
        label="Cadastro",
        origin=PROVIDED,
        criteria="Usamos para identificar você e falar com você. Fica guardado enquanto houver "
        "atendimento ou uma finalidade que o exija; depois é apagado ou anonimizado.",
        categories=frozenset(
            {"cadastro", "identificacao", "contato", "endereco", "documento", "dados cadastrais"}
        ),
        tables=frozenset({"clients"}),
        fields={
            "id": "Identificador no sistema",
            "kind": "Tipo",
            "name": "Nome",
            "document": "CPF ou CNPJ",
            "external_id": "Código em outro sistema",
            "emails": "E-mails",
            "phones": "Telefones",
            "addresses": "Endereços",
            "tags": "Etiquetas",
            "created_at": "Cadastrado em",
            "updated_at": "Alterado em",
            "merged": "Unido a outro cadastro seu",
            "deleted_at": "Retirado de uso em",
        },
        select=_registrations,
        tell=_tell_registrations,
    ),
    SectionSource(
        name="client_notes",
        label="Anotações da equipe sobre você",
        origin=MADE_BY_US,
        criteria="Ajudam a equipe a atender você melhor. Quem escreveu não é informado: é dado "
        "pessoal do atendente.",
        categories=frozenset({"atendimento", "anotacoes"}),
        tables=frozenset({"client_notes"}),
        portable=False,
        fields={"created_at": "Escrita em", "updated_at": "Alterada em", "text": "Texto"},
        select=_notes,
        tell=each(_note),
    ),
    SectionSource(
        name="relations",
        label="Vínculos com empresas",
        origin=PROVIDED,
        criteria="Mostram por qual empresa você fala, ou quem fala por ela.",
        categories=frozenset({"cadastro", "vinculos"}),
        tables=frozenset({"client_relations"}),
        fields={"with_whom": "Com quem", "role": "Papel", "created_at": "Registrado em"},
        select=_relations,
        tell=each(_relation),
    ),
)
"""The kinds of this context."""
