"""The ledger: transactions on SQLite or PostgreSQL, chosen by URL, behind one interface."""

from __future__ import annotations

from rapport.engines.ledger.among import among
from rapport.engines.ledger.base import JournalEntry, Ledger
from rapport.errors import InvalidSettings, MissingExtra

__all__ = ["JournalEntry", "Ledger", "among", "open_ledger"]


def open_ledger(url: str, *, migrate: bool = True) -> Ledger:
    """The ledger at ``url``, brought to this version's schema.

    Parameters
    ----------
    url : str
        ``sqlite:///path/ledger.sqlite`` or ``postgresql+psycopg://user@host/database``.
    migrate : bool
        Create or upgrade the tables first; False expects them to be there.

    Raises
    ------
    InvalidSettings
        If the URL names another kind of database.
    MissingExtra
        If PostgreSQL is named and its driver is not installed.
    """
    # Only what stands before "://" is quoted: a slip without it may begin with a password.
    kind = url.partition("://")[0].partition("+")[0] if "://" in url else "unknown"
    if kind == "sqlite":
        from rapport.engines.ledger.sqlite import SqliteLedger  # noqa: PLC0415

        ledger: Ledger = SqliteLedger(url)
    elif kind == "postgresql":
        try:
            from rapport.engines.ledger.postgres import PostgresLedger  # noqa: PLC0415
        except ImportError as missing:
            raise MissingExtra("A ledger on PostgreSQL", "postgres") from missing
        ledger = PostgresLedger(url)
    else:
        raise InvalidSettings(
            f"RAPPORT_LEDGER_URL names a database of kind {kind!r}; known are sqlite and postgresql"
        )
    if migrate:
        ledger.migrate()
    return ledger
