"""One kind of file, one module with a ``CONNECTOR``; adding the module is all there is to do."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from rapport.collect.connector import Connector
from rapport.errors import InvalidMapping

#: The kinds of files, by the names of their modules.
KINDS: tuple[str, ...] = tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


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
    connector: Connector = import_module(f"{__name__}.{kind}").CONNECTOR
    return connector
