"""What every silo reads (the world) and what it hands back (files, records, texts)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rapport.demo.people import People
from rapport.demo.purchases import CampaignArms, Lifetimes, Orders
from rapport.demo.story import Story

#: person index, source, identifier kind, namespace, value
Record = tuple[int, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """How an order was paid over the bank."""

    iban: str
    reference: str  # the structured communication, twelve digits
    structured: bool  # the payer copied it; others type the number of the order
    mandate: bool  # collected by us, and the payer may have it given back


@dataclass(frozen=True, kw_only=True)
class World:
    """The company as it really is."""

    story: Story
    people: People
    arms: CampaignArms
    orders: Orders  # of known people, also beyond the story's end
    strangers: Orders  # anonymous receipts
    lifetimes: Lifetimes
    order_ids: list[str]  # of `orders`
    webshop_buyer: list[tuple[str, str]]  # of `orders`: (user id or "", e-mail), ("", "") in shops
    transfers: dict[int, Transfer]  # of `orders`, those that the bank knows
    folder: Path
    seed: int

    def rng(self, silo: str) -> np.random.Generator:
        """The silo's own chance: adding one silo leaves the others as they were."""
        return np.random.default_rng([self.seed, *silo.encode()])

    def troubles(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How often something went wrong for each person: who is bothered much, writes much."""
        bad = self.is_written() & (self.orders.event > 0)
        result: np.ndarray[tuple[int], np.dtype[np.int64]] = np.bincount(
            self.orders.person[bad], minlength=self.people.count
        )
        return result

    def is_written(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of `orders` lie in the exported period."""
        result: np.ndarray[tuple[int], np.dtype[np.bool_]] = self.orders.day < self.story.days
        return result


@dataclass(frozen=True, kw_only=True)
class WrittenText:
    """The truth about one text."""

    source: str
    touchpoint_id: str
    person: int  # −1: a stranger
    language: str
    polarity: int
    topic: str


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """One export file: rows as they stand in it, and those meant to be refused."""

    path: str  # inside the folder, with "/"
    source: str
    rows: int
    bad_rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Written:
    """What one silo wrote.

    `revenue` is in hundredths by (source, currency), completed orders less refunds; `orders`
    counts completed ones by source; `touchpoints` those a complete import yields, by source.
    """

    files: tuple[WrittenFile, ...]
    records: tuple[Record, ...] = ()
    texts: tuple[WrittenText, ...] = ()
    orders: Counter[str] = field(default_factory=Counter)
    refunds: Counter[str] = field(default_factory=Counter)
    cancelled: Counter[str] = field(default_factory=Counter)
    revenue: Counter[tuple[str, str]] = field(default_factory=Counter)
    touchpoints: Counter[str] = field(default_factory=Counter)
    #: Name, source, kind, namespace and value of records of companies and suppliers.
    others: tuple[tuple[str, str, str, str, str], ...] = ()
    bad_rows: tuple[tuple[str, int, str], ...] = ()  # file, line (header is 1), refusal reason


Silo = Callable[[World], Written]


def unique_records(records: Iterable[Record]) -> tuple[Record, ...]:
    """Each record once, sorted."""
    return tuple(sorted(set(records)))
