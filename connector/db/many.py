"""Many rows in one statement, by the driver's own means: COPY to add, arrays to change and to ask for.

SQLAlchemy's executemany costs a round through its compiler and the driver for each row; a batch of orders has thousands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Column, ColumnElement, Connection, String, Table, any_, literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from connector.db.engine import stepped_out

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column` is one of the values: one parameter however many there are, so that one prepared statement serves all."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def add(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, which all name the same columns. IntegrityError where one of them breaks a constraint."""
    if not rows:
        return
    names = tuple(rows[0])
    statement, shapes = _copy(table, names), _shapes(table, names)
    cursor = conn.connection.cursor()
    try:
        with stepped_out(conn), cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([shape(row[name]) if shape else row[name] for name, shape in shapes])
    except psycopg.Error as error:
        raise DBAPIError.instance(
            f"COPY {table.name}", None, error, psycopg.Error, hide_parameters=True, dialect=conn.dialect
        ) from error
    finally:
        cursor.close()


def change(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: str = "id") -> None:
    """Update the rows found by `key`; all name the same columns."""
    if not rows:
        return
    names = tuple(rows[0])
    shapes = _shapes(table, names)
    columns = tuple([shape(row[name]) if shape else row[name] for row in rows] for name, shape in shapes)
    conn.exec_driver_sql(_update(table, names, key), columns)


@cache
def _copy(table: Table, names: tuple[str, ...]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)


@cache
def _update(table: Table, names: tuple[str, ...], key: str) -> str:
    """Columns that are arrays or JSON themselves travel as text: an array of arrays would be flattened."""
    changed = ", ".join(f"{name} = CAST(n.{name} AS {_type(table.c[name])})" for name in names if name != key)
    arrays = ", ".join(f"CAST(%s AS {'text' if _travels_as_text(table.c[name]) else _type(table.c[name])}[])" for name in names)
    return f"UPDATE {table.name} SET {changed} FROM unnest({arrays}) AS n ({', '.join(names)}) WHERE {table.name}.{key} = n.{key}"  # noqa: S608 -- names of our own tables


def _type(column: Column[Any]) -> str:
    return str(column.type.compile(_DIALECT))


def _travels_as_text(column: Column[Any]) -> bool:
    return isinstance(column.type, JSONB | ARRAY)


@cache
def _shapes(table: Table, names: tuple[str, ...]) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """For each column how its value is turned into what the driver sends; None where that is the value itself."""
    return tuple((name, _shape(table.c[name])) for name in names)


def _shape(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, JSONB):
        return json.dumps
    if isinstance(column.type, ARRAY):
        return _texts if isinstance(column.type.item_type, String) else _numbers
    return None


def _texts(values: Sequence[str]) -> str:
    """An array of texts as PostgreSQL writes it; the driver's own way looks at each element with a regular expression."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"


def _numbers(values: Sequence[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
