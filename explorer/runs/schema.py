"""The store's tables, how its SQLite file is opened, and what its faults mean in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from explorer.errors import StoreError

SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0

Durability = Literal["NORMAL", "FULL"]
"""NORMAL: survives a killed process. FULL: survives a power cut, too, at the price of one fsync."""

metadata = MetaData()

meta = Table("meta", metadata, Column("key", String(40), primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("spec_json", Text, nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("desired", String(10), nullable=False, default="run"),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("attempt", Integer, nullable=False, default=0),
    Column("worker", Text),
    Column("token", String(40)),
    Column("lease_expires", Float),
    Column("overdue", Boolean, nullable=False, default=False),
    Column("error", Text),
    Column("result", JSON(none_as_null=True)),
    # Progress
    Column("step", Integer, nullable=False, default=0),
    Column("steps_total", Integer),
    Column("epoch", Float, nullable=False, default=0.0),
    Column("images_per_second", Float),
    Column("elapsed", Float, nullable=False, default=0.0),
    Column("eta", Float),
    Column("device", String(80)),
    # Readers' cursor: the last metric row's number, and how often metrics were cut back.
    Column("seq", Integer, nullable=False, default=0),
    Column("cuts", Integer, nullable=False, default=0),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run", String(8), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(120), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("epoch", Float, nullable=False),
    Column("value", Float),  # NULL is NaN, which SQLite cannot hold
    Column("time", Float, nullable=False),
    Column("seq", Integer, nullable=False),
    Index("metrics_in_order", "run", "seq"),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("run", String(8), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created", Float, nullable=False),
)


def open_engine(path: Path) -> Engine:
    """Opens the SQLite file, and creates it and its tables where missing. Raises StoreError where it can't be used."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_SECONDS}, pool_size=8, max_overflow=40
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Switching a new file to WAL and creating its tables is not safe against others who do the same.
        with FileLock(path.with_name(path.name + ".lock"), timeout=BUSY_SECONDS), transaction(engine, "FULL") as at:
            _create_or_check(at, path)
    except Timeout:
        engine.dispose()
        raise StoreError(f"the run store {path} is locked by another process: end it and try again") from None
    except OSError as error:
        engine.dispose()
        raise StoreError(
            f"the run store {path} can't be opened ({error.strerror or error}): make its folder writable, "
            "or set KERNELSCOPE_HOME to one that is"
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine, durability: Durability | None = None) -> Iterator[Connection]:
    """One transaction, for reading alone where no durability is given. Raises StoreError for a fault of the file."""
    try:
        with engine.connect() as connection:
            connection.execution_options(durability=durability)
            with connection.begin():
                yield connection
    except DBAPIError as error:
        raise _in_words(error.orig, engine) or error from None
    except sqlite3.Error as error:
        raise _in_words(error, engine) or error from None


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 begins no transactions of its own: _on_begin does
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _on_begin(connection: Connection) -> None:
    durability = connection.get_execution_options().get("durability")
    if durability is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA synchronous={durability}")
        # IMMEDIATE takes the write lock now, and waits for it; a read that turns into a write would fail instead.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create_or_check(connection: Connection, path: Path) -> None:
    found = set(inspect(connection).get_table_names())
    if not found:
        metadata.create_all(connection)
        connection.execute(insert(meta).values(key="schema_version", value=str(SCHEMA_VERSION)))
        return
    version = None
    if "meta" in found:
        version = connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
    if version is None or not version.isdecimal():
        raise StoreError(
            f"{path} is another program's database: move it away, or set KERNELSCOPE_HOME to another folder"
        )
    if int(version) > SCHEMA_VERSION:
        raise StoreError(
            f"the run store {path} is from a newer Kernelscope (form {version}; this one knows {SCHEMA_VERSION}): "
            "get the new version, or set KERNELSCOPE_HOME to another folder"
        )


_FAULTS = {
    sqlite3.SQLITE_NOTADB: "is not a database: move it away and a new one is made, or put a backup in its place",
    sqlite3.SQLITE_CORRUPT: "is damaged: move it away and a new one is made, or put a backup in its place",
    sqlite3.SQLITE_FULL: "can't grow, for the disk is full: free some space or delete old runs",
    sqlite3.SQLITE_BUSY: f"was busy for {BUSY_SECONDS:.0f} seconds: try again, with fewer runs at once",
    sqlite3.SQLITE_READONLY: "can't be written to: make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: make its folder readable and writable",
    sqlite3.SQLITE_IOERR: "can't be read or written: check the disk (network drives are not supported)",
}


def _in_words(fault: BaseException | None, engine: Engine) -> StoreError | None:
    """The sentence for a fault of the file; None for anything else, which is a bug and stays as it is."""
    code = getattr(fault, "sqlite_errorcode", None)
    words = None if code is None else _FAULTS.get(code & 0xFF)
    return (words and StoreError(f"the run store {engine.url.database} {words}")) or None
