"""Every table that may hold something of a person is in a store, or named here with its reason."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import asyncpg

from core_api.erasure_stores import ERASURE_STORES_IN_ORDER
from core_api.modules.erasure.running import LAST_STORE
from core_api.subject_stores import KeptRows, RowStore
from devstack.testing import DatabaseUrls
from shared_schemas.privacy import StoreAction

# Tables whose rows lead, by foreign keys of any length, to a client.
REACHING: Final = """
WITH RECURSIVE reaching AS (
  SELECT 'crm.clients'::regclass::oid AS id
  UNION
  SELECT k.conrelid FROM pg_constraint k JOIN reaching r ON k.confrelid = r.id
  WHERE k.contype = 'f' AND k.connamespace = 'crm'::regnamespace
)
SELECT c.relname FROM reaching JOIN pg_class c ON c.oid = reaching.id ORDER BY 1
"""
# Tables with a column that may name one without a foreign key, or hold somebody's words.
NAMING: Final = """
SELECT DISTINCT table_name FROM information_schema.columns
WHERE table_schema = 'crm'
  AND column_name IN ('client_id', 'client_ids', 'about', 'subject_id', 'ticket_id', 'word',
                      'envelope', 'cells', 'sample')
ORDER BY 1
"""
BY_ANOTHER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_import_errors": "client_imports",
        "client_import_runs": "client_imports",
    }
)
"""Tables that a store named after another one takes care of."""
NOBODYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accountability_deadlines": "its subject is a duty of the organization's",
        "sla_recomputations": "its subject is a policy or a calendar",
        "retention_runs": "counts of a run",
    }
)
"""Tables whose columns only look like it."""


async def test_no_table_that_refers_to_a_client_is_forgotten(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.superuser)
    tables = {row[0] for query in (REACHING, NAMING) for row in await connection.fetch(query)}
    await connection.close()
    covered = {
        store.table.name if isinstance(store, RowStore | KeptRows) else store.name
        for store in ERASURE_STORES_IN_ORDER
    }

    assert {"tickets", "consents", "attachments", "sla_timers"} <= tables
    forgotten = tables - covered - BY_ANOTHER.keys() - NOBODYS.keys()
    assert sorted(forgotten) == []
    assert set(BY_ANOTHER.values()) <= covered


def test_stores_have_names_of_their_own_and_say_what_they_are() -> None:
    names = [store.name for store in ERASURE_STORES_IN_ORDER]

    assert len(set(names)) == len(names)
    for store in ERASURE_STORES_IN_ORDER:
        assert store.label[0].isupper(), store.name
        assert (store.ground is not None) == (store.action is StoreAction.KEEP), store.name


def test_the_key_that_opens_the_others_is_the_last_to_go() -> None:
    assert LAST_STORE.name == ERASURE_STORES_IN_ORDER[-1].name == "subject_keys"
