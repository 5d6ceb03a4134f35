"""One kind of file, one module with a ``CONNECTOR``; this tuple is all there is to register."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from rapport.collect.connector import Connector
from rapport.errors import InvalidMapping

CONNECTORS: tuple[str, ...] = (
    "rapport.collect.connectors.calls",
    "rapport.collect.connectors.contacts",
    "rapport.collect.connectors.messages",
    "rapport.collect.connectors.orders",
    "rapport.collect.connectors.rates",
    "rapport.collect.connectors.reviews",
    "rapport.collect.connectors.segment",
    "rapport.collect.connectors.surveys",
    "rapport.collect.connectors.tickets",
    "rapport.collect.connectors.visits",
)

#: The kinds of files, by the names of their modules.
KINDS: tuple[str, ...] = tuple(name.rpartition(".")[2] for name in CONNECTORS)


@cache
def connector_of(kind: str) -> Connector:
    """The connector of a kind of file.

    Raises
    ------
    InvalidMapping
        Listing the kinds.
    """
    if kind not in KINDS:
        raise InvalidMapping(f"kind {kind!r} is not known; known are {', '.join(KINDS)}")
    connector: Connector = import_module(CONNECTORS[KINDS.index(kind)]).CONNECTOR
    return connector
