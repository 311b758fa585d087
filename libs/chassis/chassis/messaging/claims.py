"""The SQL of the job queue: one statement to claim, one to keep, one to fence."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import PGDialect

_PREPARER: Final = PGDialect().identifier_preparer  # type: ignore[no-untyped-call]  # SQLAlchemy left it out

_SPARE: Final = 16
"""Candidates looked at beyond the limit, for those that other workers take at the same moment."""

# Organizations with waiting jobs are found by a skip scan over the partial index, one probe each. A
# job's turn is its place in its organization's line plus what that organization has running: one of
# ten thousand jobs and one with a single job are served alike, and equal turns go to who has
# waited longest. Jobs whose lease ran out stand at the head of their line. Candidates are looked at
# unlocked; the last step locks exactly the wanted number and passes over what another worker took.
_CLAIM: Final = """
WITH RECURSIVE waiting AS (
    (SELECT organization_id FROM {queue} WHERE state = 'pending' ORDER BY organization_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.organization_id FROM {queue} q
            WHERE q.state = 'pending' AND q.organization_id > w.organization_id
            ORDER BY q.organization_id LIMIT 1)
    FROM waiting w WHERE w.organization_id IS NOT NULL
), due AS (
    SELECT id, organization_id, true AS abandoned, priority, run_at FROM {queue}
    WHERE state = 'processing' AND lease_expires_at < now()
    UNION ALL
    SELECT first.* FROM waiting w CROSS JOIN LATERAL (
        SELECT q.id, q.organization_id, false, q.priority, q.run_at FROM {queue} q
        WHERE q.state = 'pending' AND q.organization_id = w.organization_id AND q.run_at <= now()
        ORDER BY q.priority, q.run_at, q.id
        LIMIT (SELECT :limit + 1 + {spare} / count(*) FROM waiting)
    ) first
), running AS MATERIALIZED (
    SELECT organization_id, (
        SELECT count(*) FROM (
            SELECT FROM {queue} q
            WHERE q.state = 'processing' AND q.organization_id = found.organization_id
              AND q.lease_expires_at >= now()
            LIMIT 100
        ) busy
    ) AS jobs
    FROM (SELECT DISTINCT organization_id FROM due) found
), line AS (
    SELECT due.id, due.priority, due.run_at, running.jobs + row_number() OVER (
        PARTITION BY due.organization_id
        ORDER BY due.abandoned DESC, due.priority, due.run_at, due.id
    ) AS turn
    FROM due JOIN running USING (organization_id)
), candidates AS MATERIALIZED (
    SELECT * FROM line ORDER BY turn, priority, run_at, id LIMIT :limit + {spare}
), chosen AS (
    SELECT q.id, candidates.turn FROM candidates JOIN {queue} q USING (id)
    WHERE q.state = 'pending' OR (q.state = 'processing' AND q.lease_expires_at < now())
    ORDER BY candidates.turn, candidates.priority, candidates.run_at, q.id
    LIMIT :limit FOR UPDATE OF q SKIP LOCKED
)
UPDATE {queue} q
SET state = 'processing', attempts = q.attempts + 1, lease_token = q.lease_token + 1,
    leased_by = :worker, lease_expires_at = clock_timestamp() + :lease,
    updated_at = clock_timestamp()
FROM chosen WHERE q.id = chosen.id
RETURNING q.*, chosen.turn
"""

# A row locked by its own worker's transaction is passed over, not waited for: it is alive anyway.
_HEARTBEAT: Final = """
WITH held AS (
    SELECT * FROM unnest(:ids, :tokens) AS held (id, lease_token)
), free AS (
    SELECT q.id FROM {queue} q JOIN held USING (id, lease_token)
    WHERE q.state = 'processing' FOR UPDATE OF q SKIP LOCKED
), extended AS (
    UPDATE {queue} q SET lease_expires_at = clock_timestamp() + :lease
    FROM free WHERE q.id = free.id
)
SELECT q.id, q.lease_token FROM {queue} q JOIN held USING (id, lease_token)
WHERE q.state = 'processing'
"""

# Like a heartbeat, for one job: a report never waits for the transaction that ends the job.
_REPORT: Final = """
WITH free AS (
    SELECT id FROM {queue} WHERE id = :id AND lease_token = :token AND state = 'processing'
    FOR UPDATE SKIP LOCKED
), shown AS (
    UPDATE {queue} q SET stage = :stage, percent = :percent, updated_at = clock_timestamp(),
        lease_expires_at = clock_timestamp() + :lease
    FROM free WHERE q.id = free.id
)
SELECT id FROM {queue} WHERE id = :id AND lease_token = :token AND state = 'processing'
"""

_FENCE: Final = """
SELECT id FROM {queue}
WHERE id = :id AND lease_token = :token AND state = 'processing'
  AND lease_expires_at > clock_timestamp()
FOR UPDATE
"""

_DEPTH: Final = """
SELECT state, count(*) AS jobs, extract(epoch FROM now() - min(run_at)) AS seconds
FROM {queue} WHERE state IN ('pending', 'processing') GROUP BY state
"""

# Whether a claim that came back empty was only unlucky: others held all its candidates.
_OVERLOOKED: Final = """
SELECT id FROM {queue} WHERE state = 'pending' AND run_at <= now() LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_LEASE: Final = sa.bindparam("lease", type_=sa.Interval())


def completion(table: sa.Table) -> sa.Update:
    """Marks the job `completed_id`, held under `completed_token`, as succeeded; no row when it is
    not held any more. To be built once, by itself or as a part of a larger statement (`add_cte`).
    """
    columns = table.c
    held = (
        columns.id == sa.bindparam("completed_id", type_=sa.Uuid()),
        columns.lease_token == sa.bindparam("completed_token", type_=sa.BigInteger()),
        columns.state == sa.literal_column("'processing'"),
    )
    now = sa.func.clock_timestamp()
    values = {
        "state": sa.literal_column("'succeeded'"),
        "percent": sa.literal_column("100"),
        **dict.fromkeys(
            ("error_code", "error_message", "leased_by", "lease_expires_at"), sa.null()
        ),
        "finished_at": now,
        "updated_at": now,
    }
    return sa.update(table).where(*held).values(values).returning(columns.id)


class Statements:
    """The statements for one queue table."""

    def __init__(self, table: sa.Table) -> None:
        self.claim = _sql(_CLAIM, table).bindparams(
            sa.bindparam("limit", type_=sa.Integer()),
            sa.bindparam("worker", type_=sa.Text()),
            _LEASE,
        )
        self.heartbeat = _sql(_HEARTBEAT, table).bindparams(
            sa.bindparam("ids", type_=ARRAY(sa.Uuid())),
            sa.bindparam("tokens", type_=ARRAY(sa.BigInteger())),
            _LEASE,
        )
        self.report = _sql(_REPORT, table).bindparams(
            sa.bindparam("id", type_=sa.Uuid()),
            sa.bindparam("token", type_=sa.BigInteger()),
            sa.bindparam("stage", type_=sa.Text()),
            sa.bindparam("percent", type_=sa.SmallInteger()),
            _LEASE,
        )
        held = (sa.bindparam("id", type_=sa.Uuid()), sa.bindparam("token", type_=sa.BigInteger()))
        self.fence = _sql(_FENCE, table).bindparams(*held)
        self.complete = completion(table)
        self.overlooked = _sql(_OVERLOOKED, table)
        self.depth = _sql(_DEPTH, table)


def _sql(template: str, table: sa.Table) -> Any:
    # The only thing put into the text is the quoted name of a table from our own metadata.
    return sa.text(template.format(queue=_PREPARER.format_table(table), spare=_SPARE))
