"""What the audit log holds of a person, and how it goes: with their key, last of all.

The log itself stays whole: ids, names of fields, times and hashes.
"""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.audit.models import AuditEvent, SubjectKey
from core_api.subject_stores import KeptRows, RowStore, Store, of_clients

_KEYS: Final = cast("sa.Table", SubjectKey.__table__)
_EVENTS: Final = cast("sa.Table", AuditEvent.__table__)

AUDIT_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="audit_events",
        label="Registro de auditoria (identificadores; valores ilegíveis sem a chave do titular)",
        ground="LGPD, art. 6º, X, art. 16, I, e art. 37: prestação de contas do controlador",
        table=_EVENTS,
        where=lambda subject: _EVENTS.c.about.in_(subject.client_ids),
    ),
)
KEY_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="subject_keys",
        label="Chave do titular, que abre o que a auditoria e os pedidos guardam selado",
        table=_KEYS,
        where=of_clients(_KEYS.c.client_id),
    ),
)
"""After everything that is opened with it."""
