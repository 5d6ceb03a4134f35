"""The company's own limits and merge line, where it chose others than the usual ones."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.vocabulary import ledger_tables as t

#: Name of the company's choice that keeps them.
IDENTITY_RULES = "identity_rules"


class IdentityRules(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the company decides otherwise.

    Attributes
    ----------
    merge : float or None
        Probability from which two records are joined; None leaves the model's own.
    limits : mapping of kind to int
        The greatest number of different values of an identifier that one person may hold.
    """

    merge: float | None = None
    limits: Mapping[str, int] = {}


def identity_rules(connection: Connection) -> IdentityRules:
    """The rules that hold now."""
    s = t.setting.c
    kept = connection.scalar(select(s.value).where(s.name == IDENTITY_RULES))
    return IdentityRules() if kept is None else msgspec.convert(kept["now"], IdentityRules)
