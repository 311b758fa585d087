"""What the audit log tells a person: how their registration changed, from what to what."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit.models import CLIENT_CHANGES, AuditEvent
from core_api.modules.audit.service import opened_values
from core_api.modules.audit.timeline_source import FIELD_NAMES, TITLES
from core_api.subject_sections import (
    Rows,
    SectionSource,
    Subject,
    Told,
    moment,
)
from shared_schemas.privacy import Record, Scalar

_OTHERS: Final = frozenset({"company_id", "person_id"})
"""Ids of other clients."""
_ENTRY: Final[Mapping[str, str]] = MappingProxyType({"emails": "address", "phones": "number"})


def _changes(subject: Subject) -> Rows:
    names = ("id", "occurred_at", "action", "changed", "values")
    return (
        sa.select(*(AuditEvent.__table__.c[name] for name in names))
        .where(
            AuditEvent.organization_id == subject.organization_id,
            AuditEvent.about.in_(subject.family),
            CLIENT_CHANGES,
        )
        .order_by(AuditEvent.occurred_at, AuditEvent.id)
    )


async def _tell(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    values = await opened_values(session, subject.organization_id, rows)
    return Told([_record(row, opened) for row, opened in zip(rows, values, strict=True)])


def _record(row: Any, opened: Mapping[str, Mapping[str, Any]]) -> Record:
    shown = {name: pair for name, pair in opened.items() if name not in _OTHERS}
    return {
        "changed_at": moment(row.occurred_at),
        "what": TITLES[row.action],
        "changed": [FIELD_NAMES.get(name, name) for name in row.changed],
        "from": [line for name, pair in shown.items() if (line := _line(name, pair.get("from")))],
        "to": [line for name, pair in shown.items() if (line := _line(name, pair.get("to")))],
    }


def _line(name: str, value: Any) -> str:
    """`e-mail: julia@exemplo.com.br`; nothing where there was nothing."""
    if value in (None, "", [], {}):
        return ""
    return f"{FIELD_NAMES.get(name, name)}: {_text(name, value)}"


def _text(name: str, value: Any) -> Scalar:
    if name in _ENTRY and isinstance(value, list):
        return ", ".join(str(entry.get(_ENTRY[name], "")) for entry in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


AUDIT_SECTIONS: Final = (
    SectionSource(
        name="changes",
        label="Alterações do seu cadastro",
        origin="Registradas pelo sistema quando alguém alterou seus dados.",
        criteria="Provam o que foi alterado e quando. Quem alterou não é informado: é dado "
        "pessoal do atendente.",
        categories=frozenset({"cadastro", "historico", "seguranca"}),
        tables=frozenset({"audit_events"}),
        portable=False,
        fields={
            "changed_at": "Quando",
            "what": "O que aconteceu",
            "changed": "Campos",
            "from": "Antes",
            "to": "Depois",
        },
        select=_changes,
        tell=_tell,
    ),
)
"""The kind of this context."""
