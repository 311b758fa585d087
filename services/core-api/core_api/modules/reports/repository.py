"""The reports of one organization, each one statement over its tickets or timers.

Plain SQL over tables of other contexts: a report only reads, and its statements are what their
covering indexes (`ix_tickets_opened`, `ix_tickets_resolved`, `ix_sla_timers_compliance`) were made
for. A ticket that was merged goes on in another one and is counted there.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.reports.groups import (
    FIXED,
    KEYS,
    NAMED_IN,
    NOBODYS,
    Group,
    Now,
    Slices,
)
from core_api.modules.reports.periods import Span
from core_api.modules.sla.service import COUNTED
from shared_schemas.ids import OrganizationId

DEFAULT_ZONE: Final = "America/Sao_Paulo"
_OPENED: Final = "t.created_at >= :begin AND t.created_at < :end AND t.merged_into_id IS NULL"
_RESOLVED: Final = (
    "t.resolved_at >= :begin AND t.resolved_at < :end AND t.resolved_at IS NOT NULL "
    "AND t.merged_into_id IS NULL"
)
_ZONE: Final = """
SELECT c.definition ->> 'time_zone' FROM crm.sla_policies p
JOIN crm.sla_calendars c ON c.organization_id = p.organization_id AND c.id = p.calendar_id
WHERE p.organization_id = :mine AND p.is_default AND p.deleted_at IS NULL
"""
_VOLUME: Final = """
SELECT i.number, (
  SELECT count(*) FROM crm.tickets t
  WHERE t.organization_id = :mine AND t.merged_into_id IS NULL
    AND t.created_at >= i.begins_at AND t.created_at < i.ends_at
) AS created, (
  SELECT count(*) FROM crm.tickets t
  WHERE t.organization_id = :mine AND t.merged_into_id IS NULL AND t.resolved_at IS NOT NULL
    AND t.resolved_at >= i.begins_at AND t.resolved_at < i.ends_at
) AS resolved
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
  WITH ORDINALITY AS i (begins_at, ends_at, number)
ORDER BY i.number
"""
_BACKLOG: Final = """
SELECT {key}::text AS key, count(*) AS tickets,
  count(*) FILTER (WHERE t.created_at > :now - interval '1 day') AS up_to_1_day,
  count(*) FILTER (WHERE t.created_at <= :now - interval '1 day'
                     AND t.created_at > :now - interval '3 days') AS up_to_3_days,
  count(*) FILTER (WHERE t.created_at <= :now - interval '3 days'
                     AND t.created_at > :now - interval '7 days') AS up_to_7_days,
  count(*) FILTER (WHERE t.created_at <= :now - interval '7 days'
                     AND t.created_at > :now - interval '30 days') AS up_to_30_days,
  count(*) FILTER (WHERE t.created_at <= :now - interval '30 days') AS older,
  min(t.created_at) AS oldest_created_at,
  percentile_cont(ARRAY[0.5, 0.9])
    WITHIN GROUP (ORDER BY date_part('epoch', :now - t.created_at)) AS ages
FROM crm.tickets t
WHERE t.organization_id = :mine AND t.status NOT IN ('resolved', 'closed')
  AND t.merged_into_id IS NULL
GROUP BY {key} ORDER BY tickets DESC, key
"""
_TIMES: Final = """
SELECT '{metric}' AS metric, key::text AS key, count(took) AS counted,
  percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY took) AS seconds,
  count(business) AS business_counted,
  percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY business) AS business_seconds
FROM (
  SELECT {key} AS key, date_part('epoch', t.{end} - t.created_at)::integer AS took,
    t.{metric}_business_seconds AS business
  FROM crm.tickets t
  WHERE t.organization_id = :mine AND {of_period} AND t.{end} >= t.created_at
) AS measured
GROUP BY measured.key
"""
_TIMES_OF_EACH: Final = """
SELECT '{metric}' AS metric, key::text AS key, cardinality(took) AS counted,
  (SELECT percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY one)
   FROM (SELECT unnest(took) AS one) AS every) AS seconds,
  coalesce(cardinality(business), 0) AS business_counted,
  (SELECT percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY one)
   FROM (SELECT unnest(business) AS one) AS every) AS business_seconds
FROM (
  SELECT {key} AS key, array_agg(date_part('epoch', t.{end} - t.created_at)::integer) AS took,
    array_agg(t.{metric}_business_seconds)
      FILTER (WHERE t.{metric}_business_seconds IS NOT NULL) AS business
  FROM crm.tickets t
  WHERE t.organization_id = :mine AND {of_period} AND t.{end} >= t.created_at
  GROUP BY {key}
) AS measured
"""
"""The same, gathered by hashing, a third cheaper than sorting half a million rows by an id; where
rows come in the order of their groups, or are few numbers, sorting is the cheaper one."""
_COMPLIANCE: Final = """
SELECT key::text AS key, metric,
  count(*) FILTER (WHERE breached_at IS NULL AND state = 'stopped') AS met,
  count(breached_at) AS breached,
  count(*) FILTER (WHERE breached_at IS NULL AND state <> 'stopped') AS pending
FROM (
  SELECT {key} AS key, s.metric, s.state, s.breached_at FROM crm.sla_timers s
  WHERE s.organization_id = :mine
    AND s.metric IN ('first_response', 'next_response', 'resolution')
    AND s.started_at >= :begin AND s.started_at < :end
    AND {counted}
) AS timed
GROUP BY timed.key, metric
"""
_COMPLIANCE_OVER_TIME: Final = """
SELECT i.number::text AS key, m.metric, counted.*
FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
  WITH ORDINALITY AS i (begins_at, ends_at, number)
CROSS JOIN unnest(ARRAY['first_response', 'next_response', 'resolution']) AS m (metric)
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE s.breached_at IS NULL AND s.state = 'stopped') AS met,
    count(s.breached_at) AS breached,
    count(*) FILTER (WHERE s.breached_at IS NULL AND s.state <> 'stopped') AS pending
  FROM crm.sla_timers s
  WHERE s.organization_id = :mine AND s.metric = m.metric
    AND s.started_at >= i.begins_at AND s.started_at < i.ends_at AND {counted}
) AS counted
WHERE counted.met + counted.breached + counted.pending > 0
"""
"""A range of the index for each row: half the price of asking every timer to which it belongs."""
_MEANS: Final = """
SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
  set_config('parallel_setup_cost', '100', true), set_config('parallel_tuple_cost', '{row}', true),
  set_config('plan_cache_mode', 'force_custom_plan', true)
"""
"""For one transaction. Sorting half a million rows on disk takes twice as long, and so does one
process; compiling the statement takes longer than it saves, and a plan for any period, to which
PostgreSQL turns at the sixth time, takes five times as long as one for this period."""
_CHEAP: Final = "0.001"
"""To hand a row from process to process: counts, which PostgreSQL takes for many more than there
are and then leaves to one process."""
_DEAR: Final = "0.1"
"""As usual: half of a union in each process is better than sorted rows from one to the other."""
_NAMES: Final = """
SELECT id::text AS key, name FROM {table}
WHERE organization_id = :mine AND id = ANY(CAST(:ids AS uuid[]))
"""


class Reports:
    """Everything that can be counted."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def time_zone(self) -> str:
        """That of the calendar most tickets are measured by."""
        return str(await self._session.scalar(*self._sent(_ZONE)) or DEFAULT_ZONE)

    async def volume(self, spans: Sequence[Span]) -> Sequence[sa.Row[Any]]:
        """Created and resolved, for each span in its order."""
        begins, ends = [list(edges) for edges in zip(*spans, strict=True)]
        return await self._rows(_VOLUME, begins=begins, ends=ends)

    async def backlog(self, now: datetime, group: Now) -> Sequence[sa.Row[Any]]:
        """What is unfinished, and for how long; the most first."""
        return await self._rows(_BACKLOG.format(key=KEYS[group]), now=now)

    async def times(self, slices: Slices) -> Sequence[sa.Row[Any]]:
        """Of tickets opened in the period until the first reply, of tickets resolved in it until
        the last resolution; by the calendar and, of those a service level measured, in business
        time. One statement, so that both are counted at once.

        A reply that a split has brought along is older than the ticket, and no response to it.
        """
        template = _TIMES_OF_EACH if slices.group in NAMED_IN else _TIMES
        first_responses = template.format(
            metric="first_response",
            key=slices.key("t.created_at"),
            end="first_replied_at",
            of_period=_OPENED,
        )
        resolutions = template.format(
            metric="resolution",
            key=slices.key("t.resolved_at"),
            end="resolved_at",
            of_period=_RESOLVED,
        )
        sql = f"{first_responses} UNION ALL {resolutions}"
        return await self._large(sql, _DEAR, **slices.parameters)

    async def compliance(self, slices: Slices) -> Sequence[sa.Row[Any]]:
        """Timers that started in the period: kept, broken, not yet decided.

        What was broken stays broken, also when the ticket is resolved without an answer.
        """
        template = _COMPLIANCE_OVER_TIME if slices.are_of_time else _COMPLIANCE
        sql = template.format(key=slices.key("s.started_at"), counted=COUNTED)
        return await self._large(sql, _CHEAP, **slices.parameters)

    async def names(
        self, group: Group | Now, keys: Sequence[str | None]
    ) -> Mapping[str | None, str]:
        """What people call the rows; what no longer exists has no name."""
        if group not in NAMED_IN:
            return FIXED
        ids = [key for key in keys if key is not None]
        found = await self._rows(_NAMES.format(table=NAMED_IN[group]), ids=ids) if ids else ()
        return {None: NOBODYS[group], **{row.key: row.name for row in found}}

    async def _large(self, sql: str, row: str, **parameters: Any) -> Sequence[sa.Row[Any]]:
        await self._session.execute(sa.text(_MEANS.format(row=row)))
        return await self._rows(sql, **parameters)

    async def _rows(self, sql: str, **parameters: Any) -> Sequence[sa.Row[Any]]:
        return (await self._session.execute(*self._sent(sql, **parameters))).all()

    def _sent(self, sql: str, **parameters: Any) -> tuple[sa.TextClause, Mapping[str, Any]]:
        given = {"mine": self._organization_id, **parameters}
        statement = sa.text(sql)
        used = {name: value for name, value in given.items() if re.search(f":{name}\\b", sql)}
        return statement.bindparams(
            *(sa.bindparam(name, type_=_TYPES[name]) for name in used)
        ), used


_INSTANT: Final = sa.DateTime(timezone=True)
_TYPES: Final[Mapping[str, Any]] = {
    "mine": sa.Uuid(),
    "begin": _INSTANT,
    "end": _INSTANT,
    "begins": sa.ARRAY(_INSTANT),
    "ends": sa.ARRAY(_INSTANT),
    "now": _INSTANT,
    "ids": sa.ARRAY(sa.Text()),
}
