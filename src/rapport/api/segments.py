"""Segments: side by side, counted, listed, made and changed."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.segments.rule import Rule
from rapport.understand.segments.stored import Day
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.segment_definitions import (
    NamedSegment,
    delete_segment,
    find_segment,
    save_segment,
)
from rapport.workflows.segment_history import (
    ChangesPage,
    CustomerSegments,
    OverlapView,
    customer_segments,
    rule_overlap,
    segment_changes,
    segment_overlap,
    segment_sizes,
)
from rapport.workflows.segments import (
    Counted,
    MembersPage,
    SegmentRow,
    count_rule,
    segment_members,
    segments_overview,
)

_READ = {"permission": "segments.read"}
_WRITE = {"permission": "segments.write"}


class SegmentDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A segment to be kept."""

    name: str
    rule: Rule


class RuleToCount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule to be counted."""

    rule: Rule


@get("/api/v1/segments", sync_to_thread=True, opt=_READ, tags=["segments"])
def list_segments(company: NamedDependency[Company]) -> tuple[SegmentRow, ...]:
    """Every segment with its size, money, satisfaction and twelve months of revenue."""
    return segments_overview(company)


@post("/api/v1/segments/count", sync_to_thread=True, opt=_READ, status_code=200, tags=["segments"])
def count(company: NamedDependency[Company], data: Annotated[RuleToCount, Body()]) -> Counted:
    """How many customers a rule describes."""
    return count_rule(company, data.rule)


@post("/api/v1/segments", sync_to_thread=True, opt=_WRITE, tags=["segments"])
def make_segment(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[SegmentDraft, Body()],
) -> NamedSegment:
    """Keep a segment."""
    user: User = request.user
    key = save_segment(company, name=data.name, rule=data.rule, author=user.email)
    return find_segment(company, key)


@get("/api/v1/segments/{key:str}", sync_to_thread=True, opt=_READ, tags=["segments"])
def read_segment(company: NamedDependency[Company], key: FromPath[str]) -> NamedSegment:
    """One segment with its rule."""
    return find_segment(company, key)


@put("/api/v1/segments/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["segments"])
def change_segment(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[SegmentDraft, Body()],
) -> NamedSegment:
    """Change a segment of the company's own."""
    user: User = request.user
    if find_segment(company, key).ready_made:
        raise InvalidInput(f"{key} is no segment of your own; make one from its rule")
    save_segment(company, name=data.name, rule=data.rule, author=user.email, key=key)
    return find_segment(company, key)


@delete("/api/v1/segments/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["segments"])
def forget_segment(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> None:
    """Delete a segment of the company's own; its customers stay."""
    user: User = request.user
    delete_segment(company, key, author=user.email)


@get("/api/v1/segments/{key:str}/members", sync_to_thread=True, opt=_READ, tags=["segments"])
def read_members(
    company: NamedDependency[Company],
    key: FromPath[str],
    page: FromQuery[int] = 1,
    size: FromQuery[int] = 50,
    sort: FromQuery[str] = "-revenue",
) -> MembersPage:
    """One page of a segment's customers."""
    return segment_members(
        company,
        find_segment(company, key).rule,
        page=page,
        size=size,
        order=sort.removeprefix("-"),
        descending=sort.startswith("-"),
    )


@get("/api/v1/segments/{key:str}/changes", sync_to_thread=True, opt=_READ, tags=["segments"])
def read_changes(
    company: NamedDependency[Company],
    key: FromPath[str],
    entered: FromQuery[bool | None] = None,
    page: FromQuery[int] = 1,
    size: FromQuery[int] = 25,
) -> ChangesPage:
    """Who entered and left a segment, when, and which conditions changed; newest first."""
    return segment_changes(company, key, entered=entered, page=page, size=size)


@get("/api/v1/segments/{key:str}/sizes", sync_to_thread=True, opt=_READ, tags=["segments"])
def read_sizes(
    company: NamedDependency[Company], key: FromPath[str], days: FromQuery[int] = 90
) -> tuple[Day, ...]:
    """How many belonged at the end of each of the last days."""
    return segment_sizes(company, key, days=days)


@get("/api/v1/segments/{key:str}/overlap", sync_to_thread=True, opt=_READ, tags=["segments"])
def read_overlap(company: NamedDependency[Company], key: FromPath[str]) -> OverlapView:
    """How many of a segment are in each other one too."""
    return segment_overlap(company, key)


@post(
    "/api/v1/segments/overlap", sync_to_thread=True, opt=_READ, status_code=200, tags=["segments"]
)
def overlap(company: NamedDependency[Company], data: Annotated[RuleToCount, Body()]) -> OverlapView:
    """How many of those whom a rule describes are in each segment."""
    return rule_overlap(company, data.rule)


@get("/api/v1/customers/{profile_id:str}/segments", sync_to_thread=True, opt=_READ,
     tags=["segments"])  # fmt: skip
def read_customer_segments(
    company: NamedDependency[Company], profile_id: FromPath[str], page: FromQuery[int] = 1
) -> CustomerSegments:
    """The segments that somebody belongs to, since when, and how they came and went."""
    return customer_segments(company, profile_id, page=page)


routes = (
    read_changes,
    read_sizes,
    read_overlap,
    overlap,
    read_customer_segments,
    list_segments,
    count,
    make_segment,
    read_segment,
    change_segment,
    forget_segment,
    read_members,
)
