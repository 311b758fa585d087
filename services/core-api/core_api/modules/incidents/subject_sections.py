"""What incidents tell a person: those of which they were told that their data was affected."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.incidents.models import Incident, IncidentChannel, IncidentSubject
from core_api.subject_sections import (
    MADE_BY_US,
    Rows,
    SectionSource,
    Subject,
    each,
    moment,
)
from shared_schemas.privacy import Record

_CHANNELS: Final[Mapping[IncidentChannel, str]] = MappingProxyType(
    {
        IncidentChannel.ANPD_FORM: "formulário da ANPD",
        IncidentChannel.EMAIL: "e-mail",
        IncidentChannel.LETTER: "carta",
        IncidentChannel.PHONE: "telefone",
        IncidentChannel.MESSAGE: "mensagem",
        IncidentChannel.IN_PERSON: "presencial",
        IncidentChannel.PUBLIC: "aviso público",
    }
)


def _incidents(subject: Subject) -> Rows:
    """What is still looked into is told by the notice, when it is known (Art. 48)."""
    incident = sa.and_(
        Incident.organization_id == IncidentSubject.organization_id,
        Incident.id == IncidentSubject.incident_id,
    )
    return (
        sa.select(
            IncidentSubject.incident_id.label("id"),
            IncidentSubject.told_at,
            IncidentSubject.channel,
            Incident.occurred_at,
            Incident.data_categories,
            Incident.mitigation,
        )
        .join(Incident, incident)
        .where(
            IncidentSubject.organization_id == subject.organization_id,
            IncidentSubject.client_id.in_(subject.family),
            IncidentSubject.told_at.is_not(None),
        )
        .order_by(IncidentSubject.told_at, IncidentSubject.incident_id)
    )


def _incident(row: Any) -> Record:
    return {
        "occurred_at": moment(row.occurred_at),
        "data_categories": list(row.data_categories),
        "mitigation": row.mitigation,
        "told_at": moment(row.told_at),
        "channel": None if row.channel is None else _CHANNELS[row.channel],
    }


INCIDENT_SECTIONS: Final = (
    SectionSource(
        name="incidents",
        label="Incidentes de segurança que afetaram seus dados",
        origin=MADE_BY_US,
        criteria="Você é avisado do que possa trazer risco ou dano relevante (art. 48).",
        categories=frozenset({"seguranca", "incidentes"}),
        tables=frozenset({"incident_subjects"}),
        portable=False,
        fields={
            "occurred_at": "Quando aconteceu",
            "data_categories": "Dados afetados",
            "mitigation": "O que você pode fazer",
            "told_at": "Avisado em",
            "channel": "Por onde",
        },
        select=_incidents,
        tell=each(_incident),
    ),
)
"""The kind of this context."""
