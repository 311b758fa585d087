"""What incidents hold of a person: that their data was affected, as an id."""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.incidents.models import IncidentSubject
from core_api.subject_stores import KeptRows, Store, of_clients

_SUBJECTS: Final = cast("sa.Table", IncidentSubject.__table__)

INCIDENT_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="incident_subjects",
        label="Incidentes que afetaram os dados (identificadores e datas)",
        ground="Res. CD/ANPD 15/2024, art. 10: registro mantido por no mínimo cinco anos",
        table=_SUBJECTS,
        where=of_clients(_SUBJECTS.c.client_id),
    ),
)
"""Kept for five years at least."""
