"""What duplicates tell a person: that two registrations of theirs became one."""

from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.duplicates.models import ClientMerge
from core_api.subject_sections import (
    MADE_BY_US,
    Rows,
    SectionSource,
    Subject,
    each,
    moment,
)
from shared_schemas.privacy import Record


def _merges(subject: Subject) -> Rows:
    return (
        sa.select(ClientMerge.id, ClientMerge.created_at, ClientMerge.undone_at, ClientMerge.reason)
        .where(
            ClientMerge.organization_id == subject.organization_id,
            sa.or_(
                ClientMerge.survivor_id.in_(subject.family),
                ClientMerge.merged_id.in_(subject.family),
            ),
        )
        .order_by(ClientMerge.created_at, ClientMerge.id)
    )


def _merge(row: Any) -> Record:
    return {
        "merged_at": moment(row.created_at),
        "undone_at": moment(row.undone_at),
        "reason": row.reason,
    }


DUPLICATE_SECTIONS: Final = (
    SectionSource(
        name="merges",
        label="Cadastros repetidos que foram unidos",
        origin=MADE_BY_US,
        criteria="Evitam que você tenha mais de um cadastro.",
        categories=frozenset({"cadastro"}),
        tables=frozenset({"client_merges"}),
        portable=False,
        fields={"merged_at": "Unidos em", "undone_at": "Desfeito em", "reason": "Motivo"},
        select=_merges,
        tell=each(_merge),
    ),
)
"""The kind of this context."""
