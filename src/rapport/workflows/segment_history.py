"""How segments came to be what they are: who entered and left and why, sizes, and overlap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import select

from rapport.engines.ledger import among
from rapport.errors import InvalidInput
from rapport.understand.periods import local_day
from rapport.understand.segments.members import overlap
from rapport.understand.segments.rule import Rule, check
from rapport.understand.segments.stored import (
    Cause,
    Day,
    Why,
    changes_of,
    days_of,
    segments_of,
)
from rapport.unify.stewardship import current_profile
from rapport.vocabulary.ledger_tables import profile
from rapport.workflows.company import Company
from rapport.workflows.data_clock import data_until
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.segment_definitions import NamedSegment, all_segments, find_segment
from rapport.workflows.segments import known_of, times_of

PAGE = 25
_MOST_DAYS = 731


class ChangeLine(Struct, frozen=True, kw_only=True):
    """Somebody entered or left a segment; `name` is None where it is not known."""

    segment: str
    profile_id: str
    name: str | None
    at: datetime
    entered: bool
    cause: Cause
    why: tuple[Why, ...]


class ChangesPage(Struct, frozen=True, kw_only=True):
    """Part of who entered and left, newest first."""

    total: int
    first: int
    changes: tuple[ChangeLine, ...]


class OverlapLine(Struct, frozen=True, kw_only=True):
    """How many of a segment are in another one too; `share` of the segment, 0 … 1."""

    segment: NamedSegment
    both: int
    size: int
    share: float


class OverlapView(Struct, frozen=True, kw_only=True):
    """How a segment overlaps with the others, the largest overlap first."""

    customers: int
    members: int
    others: tuple[OverlapLine, ...]


class CustomerSegments(Struct, frozen=True, kw_only=True):
    """The segments that somebody belongs to, since when, and how they came and went."""

    profile_id: str
    segments: dict[str, datetime]
    changes: ChangesPage


def segment_changes(
    company: Company, key: str, *, entered: bool | None = None, page: int = 1, size: int = PAGE
) -> ChangesPage:
    """Who entered and left a segment, when and why.

    Raises
    ------
    NotFound
        If there is no such segment.
    """
    find_segment(company, key)
    return _changes(company, key=key, entered=entered, page=page, size=size)


def _changes(
    company: Company,
    *,
    key: str | None = None,
    profile_ids: Sequence[str] | None = None,
    entered: bool | None = None,
    page: int = 1,
    size: int = PAGE,
) -> ChangesPage:
    if not 1 <= page <= 1_000_000 or not 1 <= size <= 500:
        raise InvalidInput(f"Pages count from 1 and hold up to 500; not {page} of {size}")
    offset = (page - 1) * size
    with company.ledger.read() as connection:
        found, total = changes_of(
            connection, segment_key=key, profile_ids=profile_ids, entered=entered,
            limit=size, offset=offset,
        )  # fmt: skip
        p = profile.c
        rows = connection.execute(
            select(p.profile_id, p.name).where(
                among(p.profile_id, sorted({each.profile_id for each in found}))
            )
        )
        names: dict[str, str | None] = {row.profile_id: row.name for row in rows}
    return ChangesPage(
        total=total,
        first=offset + 1,
        changes=tuple(
            ChangeLine(
                segment=each.segment_key,
                profile_id=each.profile_id,
                name=names.get(each.profile_id),
                at=each.at,
                entered=each.entered,
                cause=each.cause,
                why=each.why,
            )
            for each in found
        ),
    )


def segment_sizes(company: Company, key: str, *, days: int = 90) -> tuple[Day, ...]:
    """How many belonged at the end of each of the last days: every day, the quiet ones too."""
    if not 1 <= days <= _MOST_DAYS:
        raise InvalidInput(f"Sizes are kept by day: ask for 1 to {_MOST_DAYS} days, not {days}")
    find_segment(company, key)
    today = local_day(data_until(company), company.choice("time_zone"))
    since = today - timedelta(days=days - 1)
    with company.ledger.read() as connection:
        known = days_of(connection, key, since)
    found: list[Day] = []
    by_day = {each.day: each for each in known}
    last = known[0] if known and known[0].day < since else None
    for number in range(days):
        day = since + timedelta(days=number)
        here = by_day.get(day)
        if here is not None:
            last = here
            found.append(here)
        elif last is not None:
            found.append(Day(day=day, members=last.members, entered=0, left=0))
    return tuple(found)


def rule_overlap(company: Company, rule: Rule, *, but: str | None = None) -> OverlapView:
    """How many of those whom a rule describes are in each segment; ``but``: one to leave out.

    Raises
    ------
    InvalidInput
        If the rule is not valid, naming all that is wrong.
    """
    check(rule)
    others = [each for each in all_segments(company) if each.key != but]
    rules = [each.rule for each in others]
    times = times_of(company, [rule, *rules])
    version = data_version(company)
    known = known_of(company, version, times)
    found = remembered(
        company,
        version,
        ["overlap", *times, rule, rules],
        lambda: overlap(company.seen, rule, rules, now=times.now, at=times.at, known=known),
    )
    lines = [
        OverlapLine(
            segment=each,
            both=both,
            size=size,
            share=both / found.members if found.members else 0.0,
        )
        for each, (both, size) in zip(others, found.others, strict=True)
        if both
    ]
    lines.sort(key=lambda line: (-line.both, line.size))
    return OverlapView(customers=found.customers, members=found.members, others=tuple(lines))


def segment_overlap(company: Company, key: str) -> OverlapView:
    """How a segment overlaps with the others."""
    return rule_overlap(company, find_segment(company, key).rule, but=key)


def current_segments(
    company: Company, profile_id: str
) -> tuple[tuple[NamedSegment, datetime], ...]:
    """The segments that somebody belongs to, and since when; the newest first."""
    with company.ledger.read() as connection:
        since = segments_of(connection, [profile_id])
    found = [(each, since[each.key]) for each in all_segments(company) if each.key in since]
    return tuple(sorted(found, key=lambda pair: pair[1], reverse=True))


def customer_segments(company: Company, profile_id: str, *, page: int = 1) -> CustomerSegments:
    """The segments that somebody belongs to, and how they came and went.

    Raises
    ------
    NotFound
        If nobody is behind the profile.
    """
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        segments = segments_of(connection, [here])
    return CustomerSegments(
        profile_id=here,
        segments=segments,
        changes=_changes(company, profile_ids=[here], page=page),
    )
