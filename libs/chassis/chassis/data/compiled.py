"""Statements that are compiled once: for the few that are executed most, compiling (or finding out
that it was done) and converting cost more than sending them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

Statement = sa.Select[*tuple[Any, ...]]
Parameters = Mapping[str, Any]
Convert = Callable[[Any], Any]
_REQUIRED: Final = object()


async def one_row(
    session: AsyncSession, statement: "CompiledStatement", parameters: Parameters
) -> SimpleNamespace:
    """The only row, in the session's transaction, whose objects it does not flush first. Errors are
    SQLAlchemy's."""
    found = await _executed(session, statement, parameters, lambda result: [result.one()])
    return statement.converted(found[0], in_session=True)


async def rows(
    session: AsyncSession, statement: "CompiledStatement", parameters: Parameters
) -> list[SimpleNamespace]:
    """Every row, as above."""
    found = await _executed(session, statement, parameters, lambda result: result.all())
    return [statement.converted(record, in_session=True) for record in found]


async def _executed(
    session: AsyncSession,
    statement: "CompiledStatement",
    parameters: Parameters,
    take: Callable[[sa.CursorResult[Any]], Sequence[sa.Row[Any]]],
) -> Sequence[sa.Row[Any]]:
    arguments = tuple(statement.arguments(parameters))

    def execute(begun: Session) -> Sequence[sa.Row[Any]]:
        return take(begun.connection().exec_driver_sql(statement.sql, arguments))

    return await session.run_sync(execute)


class CompiledStatement:
    """A statement as the driver wants it, and how to convert what goes in and comes out."""

    def __init__(self, statement: Statement) -> None:
        dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        compiled = statement.compile(dialect=dialect)
        columns = list(statement.selected_columns)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError("a list in the statement: its text would change from call to call")
        self.statement = statement  # kept alive: it is found by its identity
        self.sql = str(compiled)
        self._binds: list[tuple[str, Convert | None, Any]] = [
            (
                name,
                bind.type.dialect_impl(dialect).bind_processor(dialect),
                _REQUIRED if bind.required else bind.value,
            )
            for name, bind in ((name, compiled.binds[name]) for name in compiled.positiontup or ())
        ]
        self._columns = [
            (str(column.key), _from_driver(column.type, dialect)) for column in columns
        ]
        # There JSON was decoded by its OID.
        self._columns_in_session = [
            (name, None if convert is _from_json else convert) for name, convert in self._columns
        ]

    def arguments(self, parameters: Parameters) -> list[Any]:
        """In the order of the statement; KeyError names a parameter that was not given."""
        arguments = []
        for name, convert, default in self._binds:
            value = parameters[name] if default is _REQUIRED else parameters.get(name, default)
            arguments.append(value if convert is None else convert(value))
        return arguments

    def row(self, records: Sequence[Any]) -> SimpleNamespace | None:
        """The only record, converted."""
        if not records:
            return None
        if len(records) > 1:
            raise sa.exc.MultipleResultsFound("more than one row")
        return self.converted(records[0])

    def converted(self, record: Sequence[Any], *, in_session: bool = False) -> SimpleNamespace:
        """A record with its columns as attributes. `in_session`: it came through SQLAlchemy."""
        columns = self._columns_in_session if in_session else self._columns
        return SimpleNamespace(
            **{
                name: value if convert is None else convert(value)
                for (name, convert), value in zip(columns, record, strict=True)
            }
        )


def _from_driver(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Any:
    """What SQLAlchemy would do to the driver's value; None when nothing."""
    if isinstance(kind, sa.JSON):  # SQLAlchemy sets a codec on its own connections; here it is text
        return _from_json
    if isinstance(
        kind, sa.Numeric | sa.Float
    ):  # asks for the column's OID, only to find it is a Decimal
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
