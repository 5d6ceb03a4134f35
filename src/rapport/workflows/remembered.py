"""Answers that are kept until the data behind them change.

A dashboard asks the same dozen questions for everybody who opens it. The key holds the versions of
the lake's tables, the newest decision on identity and what the company stated, so an answer can be
old only where the data
are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import func, select

from rapport.engines.lake import Lake
from rapport.vocabulary.lake_tables import FROM_JOURNAL
from rapport.vocabulary.ledger_tables import membership
from rapport.workflows.company import Company, read_choice

T = TypeVar("T")

#: Answers per company: some hundred filters of a dozen cards, a few kB each.
MOST = 1_000


class _Memory:
    def __init__(self) -> None:
        self.kept: OrderedDict[bytes, Any] = OrderedDict()
        self.under_way: dict[bytes, threading.Lock] = {}
        self.lock = threading.Lock()


_memories: WeakKeyDictionary[Lake, _Memory] = WeakKeyDictionary()
_new_memory = threading.Lock()


def data_version(company: Company) -> str:
    """A mark that changes whenever an answer may."""
    with company.ledger.read() as connection:
        decided = connection.scalar(select(func.max(membership.c.decision_id)))
        stated = msgspec.json.encode(read_choice(connection, "stated_figures"))
    mark = blake2b(stated, digest_size=8).hexdigest()
    tables = company.lake.version(*FROM_JOURNAL, "membership", "customers")
    return f"{tables},{decided},{mark}"


def remembered(company: Company, version: str, key: Any, make: Callable[[], T]) -> T:
    """What ``make`` gives for ``key`` on the data of ``version``, made at most once.

    Who asks for what somebody else is making waits for it.

    Parameters
    ----------
    version : str
        From `data_version`, read before the data are.
    key : Any
        What the answer depends on besides the data: something msgspec can write.
    """
    with _new_memory:
        memory = _memories.setdefault(company.lake, _Memory())
    name = msgspec.msgpack.encode([version, key], order="deterministic", enc_hook=repr)
    with memory.lock:
        own = memory.under_way.setdefault(name, threading.Lock())
    with own:
        with memory.lock:
            if name in memory.kept:
                memory.kept.move_to_end(name)
                found: T = memory.kept[name]
                return found
        try:
            made = make()
        finally:
            with memory.lock:
                memory.under_way.pop(name, None)
        with memory.lock:
            memory.kept[name] = made
            while len(memory.kept) > MOST:
                memory.kept.popitem(last=False)
        return made


def forget(company: Company) -> None:
    """Let go of every answer, as a fresh start does: for measurements."""
    with _new_memory:
        _memories.pop(company.lake, None)
