"""Conflicts between silos: the work-list, settling, rules by attribute, and files for the silos."""

from __future__ import annotations

from typing import Any, cast

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Struct

from rapport.errors import InvalidInput, NotAllowed
from rapport.unify.value_rules import RuleKept, ValueRule
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.conflicts import ConflictQuestion, Conflicts, State, conflicts_view
from rapport.workflows.settle_conflicts import Right, reopen_conflict, settle_conflict
from rapport.workflows.tell_silos import Correction, corrections_download, corrections_for
from rapport.workflows.value_rules import (
    RulePreview,
    RulesView,
    Trusted,
    change_rule,
    preview_rule,
    rules_view,
    trust_of,
    undo_rule,
    with_measured_trust,
)

_READ = {"permission": "customers.read"}
_SETTLE = {"permission": "customers.merge"}
_AnyRequest = Request[Any, Any, Any]


class Settling(Struct, frozen=True, kw_only=True):
    """Which side is right: ``shown``, or ``other``, what the silo `loser` says."""

    profile_id: str
    kind: str
    name: str
    loser: str
    right: str
    item: str = ""
    reason: str = ""


class Reopening(Struct, frozen=True, kw_only=True):
    """What a colleague settled, to be taken back."""

    profile_id: str
    kind: str
    name: str
    item: str = ""


class Settled(Struct, frozen=True, kw_only=True):
    """The profile as it is now."""

    profile_id: str


class NewRule(Struct, frozen=True, kw_only=True):
    """A rule by which an attribute chooses.

    Criteria are asked in turn. `sources` are for ``preferred``; with `measured`, ``trusted`` and
    ``weighed`` take each silo's quality as it was measured last. With `dry_run` nothing changes.
    """

    by: tuple[str, ...]
    sources: tuple[str, ...] = ()
    measured: bool = False
    reason: str = ""
    dry_run: bool = False


class Undoing(Struct, frozen=True, kw_only=True):
    """Why a rule is taken back."""

    reason: str = ""


class RuleOf(Struct, frozen=True, kw_only=True):
    """How far each silo is trusted about an attribute."""

    name: str
    rule: ValueRule
    trust: tuple[Trusted, ...]


class Corrections(Struct, frozen=True, kw_only=True):
    """What a silo states otherwise than what is right."""

    silo: str
    corrections: tuple[Correction, ...]


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


@get("/api/v1/conflicts", sync_to_thread=True, opt=_READ, tags=["conflicts"])
def conflicts(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[str] = "open",
    tier: FromQuery[int | None] = None,
    kind: FromQuery[str] = "",
    name: FromQuery[str] = "",
    winner: FromQuery[str] = "",
    loser: FromQuery[str] = "",
    page: FromQuery[int] = 1,
) -> Conflicts:
    """Where silos contradict each other, the most harmful first, and how many of each kind."""
    question = ConflictQuestion(
        state=cast(State, show), tier=tier, kind=kind, name=name, winner=winner, loser=loser,
        page=page,
    )  # fmt: skip
    return conflicts_view(company, question, reveal=_user(request).may("customers.contact"))


@post(
    "/api/v1/conflicts/settle", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"],
    status_code=200,
)  # fmt: skip
def settle(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[Settling]
) -> Settled:
    """Say once what is right about one person."""
    here = settle_conflict(
        company,
        data.profile_id,
        kind=data.kind,
        name=data.name,
        item=data.item,
        loser=data.loser,
        right=cast(Right, data.right),
        author=_user(request).email,
        reason=data.reason,
    )
    return Settled(profile_id=here)


@post(
    "/api/v1/conflicts/reopen", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"],
    status_code=200,
)  # fmt: skip
def reopen(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[Reopening]
) -> Settled:
    """Take back what a colleague settled."""
    here = reopen_conflict(
        company, data.profile_id, kind=data.kind, name=data.name, item=data.item,
        author=_user(request).email,
    )  # fmt: skip
    return Settled(profile_id=here)


@get("/api/v1/value-rules", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"])
def value_rules(company: NamedDependency[Company]) -> RulesView:
    """By which rule each attribute chooses among the values that silos state, and who made it."""
    return rules_view(company)


@get("/api/v1/value-rules/{name:str}", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"])
def value_rule(company: NamedDependency[Company], name: FromPath[str]) -> RuleOf:
    """The rule of one attribute, and how far each silo is trusted about it."""
    rule = next((each.rule for each in rules_view(company).lines if each.name == name), None)
    if rule is None:
        raise InvalidInput(f"There is no rule for {name[:40]!r}; see /api/v1/value-rules")
    return RuleOf(name=name, rule=rule, trust=trust_of(company, name, rule))


@post(
    "/api/v1/value-rules/{name:str}", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"],
    status_code=200,
)  # fmt: skip
def put_value_rule(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    data: JSONBody[NewRule],
) -> RulePreview:
    """Let a rule hold, or only look at what it would change."""
    rule = ValueRule(by=data.by, sources=data.sources)
    if data.measured:
        rule = with_measured_trust(company, name, rule)
    if data.dry_run:
        return preview_rule(company, name, rule)
    return change_rule(company, name, rule, author=_user(request).email, reason=data.reason)


@post(
    "/api/v1/value-rules/{rule_id:int}/undo", sync_to_thread=True, opt=_SETTLE,
    tags=["conflicts"], status_code=200,
)  # fmt: skip
def undo_value_rule(
    request: _AnyRequest,
    company: NamedDependency[Company],
    rule_id: FromPath[int],
    data: JSONBody[Undoing],
) -> RuleKept:
    """Take a rule back; the one before it holds again."""
    return undo_rule(company, rule_id, author=_user(request).email, reason=data.reason)


@get("/api/v1/sources/{name:str}/corrections", sync_to_thread=True, opt=_SETTLE, tags=["conflicts"])
def corrections(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    everything: FromQuery[bool] = False,
) -> Corrections:
    """What a silo states otherwise than what is settled or proven."""
    _may_read_contacts(request)
    pieces = corrections_for(company, name, everything=everything)
    return Corrections(silo=name, corrections=tuple(each for piece in pieces for each in piece))


@get(
    "/api/v1/sources/{name:str}/corrections.csv",
    sync_to_thread=True, opt=_SETTLE, tags=["conflicts"],
)  # fmt: skip
def corrections_csv(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    everything: FromQuery[bool] = False,
) -> Stream:
    """The same as a file; no cell can start a formula."""
    _may_read_contacts(request)
    return Stream(
        corrections_download(company, name, everything=everything),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="corrections.csv"',
            "Cache-Control": "no-store",
        },
    )


def _may_read_contacts(request: _AnyRequest) -> None:
    if not _user(request).may("customers.contact"):
        raise NotAllowed("The answer holds e-mail addresses and phone numbers in full")


routes = (
    conflicts,
    settle,
    reopen,
    value_rules,
    value_rule,
    put_value_rule,
    undo_value_rule,
    corrections,
    corrections_csv,
)
