"""Segments: the ready-made ones and the company's own, counted, listed and side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidInput
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.understand.answer import answer
from rapport.understand.knowledge import Knowledge
from rapport.understand.periods import add_units, local_day, midnight, unit_start
from rapport.understand.question import NamedRule, Question
from rapport.understand.rfm import RFM_SEGMENTS
from rapport.understand.segments.members import (
    SegmentOverview,
    count,
    distinct_values,
    overview,
    touchpoint_values,
)
from rapport.understand.segments.members import members as list_members
from rapport.understand.segments.rule import All, Rule, check, happenings
from rapport.workflows.accuracy import Accuracy, newest_accuracy
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.data_clock import data_until, end_of_today
from rapport.workflows.known import known
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.segment_definitions import NamedSegment, all_segments

EVERYBODY = All()
PAGE = 50
_CSV_PAGE = 500
TREND_MONTHS = 12

#: Columns of a members' list that may be sorted by.
SORTABLE = ("revenue", "order_count", "last_order_at", "last_nps", "probability_alive")


class SegmentRow(Struct, frozen=True, kw_only=True):
    """One segment beside the others, and its revenue of each of the last twelve whole months.

    Attributes
    ----------
    figures : SegmentOverview
        Without ``expected_value`` where the data do not show who leaves: a sum over customers for
        ever, those long gone included, says nothing of a segment.
    probability_alive_holds, expected_value_holds : bool or None
        Whether the model behind them held in its back-test; None where nothing is trained.
    """

    segment: NamedSegment
    figures: SegmentOverview
    trend: tuple[Decimal, ...]
    probability_alive_holds: bool | None = None
    expected_value_holds: bool | None = None


class Counted(Struct, frozen=True, kw_only=True):
    """How many belong, of how many customers."""

    members: int
    customers: int


class Member(Struct, frozen=True, kw_only=True):
    """One customer of a segment; the name comes from the ledger.

    ``…_holds`` say whether the model behind a score held in its back-test, alike for everybody;
    None where nothing is trained.
    """

    profile_id: str
    name: str | None
    city: str | None
    country: str | None
    order_count: int
    revenue: Decimal
    last_order_at: datetime | None
    last_nps: float | None
    probability_alive: float | None
    expected_value: float | None
    rfm_segment: str | None
    probability_alive_holds: bool | None = None
    expected_value_holds: bool | None = None


class MembersPage(Struct, frozen=True, kw_only=True):
    """Part of a segment's list; `counted` says how long the whole is.

    `accuracy` says how far to trust the scores in it; None where nothing is trained.
    """

    counted: Counted
    first: int
    members: tuple[Member, ...]
    accuracy: Accuracy | None = None


class Times(NamedTuple):
    """The moments that rules count from; see `understand.segments.compiled.compile_rules`.

    `at` is None where no rule asks what somebody did: then the answer is the same all day long.
    """

    now: datetime
    at: datetime | None


def times_of(company: Company, rules: Iterable[Rule]) -> Times:
    """The moments that these rules count from now."""
    until = data_until(company)
    return Times(
        now=end_of_today(until, company.choice("time_zone")),
        at=until if any(happenings(rule) for rule in rules) else None,
    )


def known_of(company: Company, version: str, times: Times) -> Knowledge | None:
    """Which touchpoints no longer hold, where a rule asks what somebody did."""
    if times.at is None:
        return None
    return known(company, version)


# ── side by side ───────────────────────────────────────────────────────────────────────────────


def segments_overview(company: Company) -> tuple[SegmentRow, ...]:
    """Every segment side by side: one pass over the customers and one over the orders."""
    return segment_rows(company, data_version(company))


def segment_rows(
    company: Company, version: str, *, only_rfm: bool = False
) -> tuple[SegmentRow, ...]:
    """Segments side by side; `version` is from `remembered.data_version`."""
    shown = [s for s in all_segments(company) if not only_rfm or s.key in RFM_SEGMENTS]
    rules = [(each.key, each.rule) for each in shown]
    times = times_of(company, (rule for _, rule in rules))
    known = known_of(company, version, times)
    figures = remembered(
        company,
        version,
        ["overview", *times, rules],
        lambda: overview(company.seen, rules, now=times.now, at=times.at, known=known),
    )
    trends = remembered(
        company,
        version,
        ["trends", *times, rules],
        lambda: _trends(company, shown, times, known, only_rfm),
    )
    nothing = (Decimal(0),) * TREND_MONTHS
    accuracy = newest_accuracy(company)
    alive_holds, value_holds = _holds(accuracy)
    if accuracy is not None and not accuracy.dropout_identified:
        figures = tuple(replace(own, expected_value=None) for own in figures)
    return tuple(
        SegmentRow(
            segment=each,
            figures=own,
            trend=trends.get(each.key, nothing),
            probability_alive_holds=alive_holds,
            expected_value_holds=value_holds,
        )
        for each, own in zip(shown, figures, strict=True)
    )


def _holds(accuracy: Accuracy | None) -> tuple[bool | None, bool | None]:
    """Whether ``probability_alive`` and ``expected_value`` held."""
    if accuracy is None:
        return None, None
    return accuracy.probability_alive.holds, accuracy.expected_value.holds


def _trends(
    company: Company,
    shown: Sequence[NamedSegment],
    times: Times,
    known: Knowledge | None,
    only_rfm: bool,
) -> dict[str, tuple[Decimal, ...]]:
    zone = company.choice("time_zone")
    end = unit_start(local_day(times.now - timedelta(seconds=1), zone), "month")
    splits: dict[str, Any] = {"dimensions": ("rfm_segment",)}
    if not only_rfm:
        splits = {
            "dimensions": ("segment",),
            "segments": tuple(NamedRule(key=each.key, rule=each.rule) for each in shown),
        }
    question = Question(
        metrics=("revenue",),
        start=midnight(add_units(end, "month", -TREND_MONTHS), zone),
        end=midnight(end, zone),
        grain="month",
        time_zone=zone,
        now=times.now,
        at=times.at,
        **splits,
    )
    found: dict[str, list[Decimal]] = {}
    for row in answer(company.seen, question, known=known).rows():
        found.setdefault(row[splits["dimensions"][0]], []).append(row["revenue"])
    return {key: tuple(values) for key, values in found.items()}


# ── members ────────────────────────────────────────────────────────────────────────────────────


def count_rule(company: Company, rule: Rule) -> Counted:
    """How many a rule describes.

    Raises
    ------
    InvalidInput
        If the rule is not valid, naming all that is wrong.
    """
    check(rule)
    version = data_version(company)

    def counted(asked: Rule) -> int:
        times = times_of(company, [asked])
        known = known_of(company, version, times)
        return remembered(
            company,
            version,
            ["count", *times, asked],
            lambda: count(company.seen, asked, now=times.now, at=times.at, known=known),
        )

    return Counted(members=counted(rule), customers=counted(EVERYBODY))


def segment_members(
    company: Company,
    rule: Rule,
    *,
    page: int = 1,
    size: int = PAGE,
    order: str = "revenue",
    descending: bool = True,
) -> MembersPage:
    """One page of the customers that a rule describes, with their names."""
    if order not in SORTABLE:
        raise InvalidInput(f"Members sort by one of {', '.join(SORTABLE)}, not by {order!r}")
    if not 1 <= page <= 1_000_000 or not 1 <= size <= _CSV_PAGE:
        raise InvalidInput(f"Pages count from 1 and hold up to {_CSV_PAGE}; not {page} of {size}")
    offset = (page - 1) * size
    times = times_of(company, [rule])
    table = list_members(
        company.seen,
        rule,
        now=times.now,
        at=times.at,
        known=known_of(company, data_version(company), times),
        limit=size,
        offset=offset,
        order=order,
        descending=descending,
    )
    rows = table.to_pylist()
    with company.ledger.read() as connection:
        names = names_of(connection, [row["profile_id"] for row in rows])
    accuracy = newest_accuracy(company)
    alive_holds, value_holds = _holds(accuracy)
    fields = set(Member.__struct_fields__) & set(table.column_names) - {"name"}
    return MembersPage(
        counted=count_rule(company, rule),
        first=offset + 1,
        members=tuple(
            Member(
                name=names.get(row["profile_id"]),
                **{field: row[field] for field in fields},
                probability_alive_holds=alive_holds,
                expected_value_holds=value_holds,
            )
            for row in rows
        ),
        accuracy=accuracy,
    )


def members_csv(company: Company, rule: Rule) -> Iterator[bytes]:
    """All members as CSV in UTF-8, page by page; no cell can start a formula."""
    yield b"\xef\xbb\xbf" + _line(Member.__struct_fields__)  # the mark by which Excel knows UTF-8
    page = 1
    while True:
        found = segment_members(company, rule, page=page, size=_CSV_PAGE)
        yield b"".join(
            _line(_cell(getattr(member, name)) for name in Member.__struct_fields__)
            for member in found.members
        )
        if len(found.members) < _CSV_PAGE:
            return
        page += 1


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return safe_cell(value) if isinstance(value, str) else str(value)


def _line(cells: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(list(cells))
    return text.getvalue().encode("utf-8")


def text_choices(company: Company, column: str) -> list[tuple[str, int]]:
    """The commonest values of a text column, with how many customers have each."""
    return remembered(
        company,
        data_version(company),
        ["choices", column],
        lambda: distinct_values(company.seen, column, limit=60),
    )


def touchpoint_choices(company: Company, column: str) -> list[tuple[str, int]]:
    """The commonest values for a filter on touchpoints, with how many have each."""
    return remembered(
        company,
        company.lake.version("touchpoints", "order_items"),
        ["touchpoint choices", column],
        lambda: touchpoint_values(company.seen, column, limit=60),
    )
