"""What notices to recipients hold of a person: that somebody was told, in ids and dates."""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.recipients.models import RecipientNotice
from core_api.subject_stores import KeptRows, Store, of_clients

_NOTICES: Final = cast("sa.Table", RecipientNotice.__table__)

RECIPIENT_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="recipient_notices",
        label="Comunicações a quem recebeu os dados (identificadores e datas)",
        ground="LGPD, art. 6º, X, e art. 18, § 6º: prova da comunicação aos destinatários",
        table=_NOTICES,
        where=of_clients(_NOTICES.c.client_id),
    ),
)
"""Told before the data goes, proven after."""
