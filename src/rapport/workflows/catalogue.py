"""What kinds of sources can be connected, for pages, the API and the command line."""

from __future__ import annotations

from msgspec import Struct

from rapport.collect.catalogue import count_by_tier, data_sources


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of source.

    Attributes
    ----------
    tier : str
        live-tested, contract-tested or dialect-compiled.
    ways : tuple of str
        How its data come: file, sdk, protocol, tracker, database, storage, service, mailbox, tap.
    """

    key: str
    label: str
    category: str
    tier: str
    ways: tuple[str, ...]


class Catalogue(Struct, frozen=True, kw_only=True):
    """Every kind of source once, by category and label, and how many there are of each tier."""

    sources: tuple[Kind, ...]
    counts: dict[str, int]


def catalogue() -> Catalogue:
    """What can be connected; nothing of it depends on a company's data."""
    return Catalogue(
        sources=tuple(
            Kind(
                key=each.key,
                label=each.label,
                category=each.category,
                tier=each.tier,
                ways=tuple(dict.fromkeys(way.how for way in each.ways)),
            )
            for each in data_sources()
        ),
        counts={str(tier): count for tier, count in count_by_tier().items()},
    )
