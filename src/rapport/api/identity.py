"""Who is who: suggestions and verdicts, second opinions, health, shared values, and rules."""

from __future__ import annotations

from typing import Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.api.customers import Rearranged, rearranged
from rapport.errors import NotFound
from rapport.unify.identity_rules import IdentityRules
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import split_at
from rapport.workflows.identity_approval import (
    Approvals,
    Limits,
    Proposed,
    approvals,
    approve,
    change_approval_limits,
    refuse,
)
from rapport.workflows.identity_health import (
    BlockedNow,
    Health,
    block_stated,
    identity_health,
    unblock,
)
from rapport.workflows.identity_review import (
    LIST,
    Line,
    Review,
    Said,
    judge,
    list_suggestions,
    put_off_suggestion,
    review_queue,
)
from rapport.workflows.identity_rules import (
    RulesView,
    ask_what_if,
    change_rules,
    rules_view,
    undo_rules,
)

_REVIEW = {"permission": "customers.merge"}
_SET = {"permission": "settings.write"}
_AnyRequest = Request[Any, Any, Any]


class Verdict(Struct, frozen=True, kw_only=True):
    """What is said of a suggestion."""

    verdict: Literal["same", "different", "later"]
    reason: str = ""


class Opinion(Struct, frozen=True, kw_only=True):
    """Why a proposal is approved or refused."""

    reason: str = ""


class Refused(Struct, frozen=True, kw_only=True):
    """``withdrawn`` where it was one's own."""

    status: Literal["refused", "withdrawn"]


class SharedToBlock(Struct, frozen=True, kw_only=True):
    """A value, normalised, that is nobody's."""

    kind: str
    value: str
    reason: str = ""


class ToUnblock(Struct, frozen=True, kw_only=True):
    """The ``ref`` of a value among those blocked."""

    ref: str


class Asked(Struct, frozen=True, kw_only=True):
    """The number of a trial that the worker makes; ask for it until its state is ``done``."""

    trial: int


class NewRules(Struct, frozen=True, kw_only=True):
    """Rules that are to hold, and why."""

    rules: IdentityRules
    reason: str = ""


class Cut(Struct, frozen=True, kw_only=True):
    """The records (`atom_id`, as text) at whose link a person is split."""

    a: str
    b: str
    reason: str = ""


def _reveal(request: _AnyRequest) -> bool:
    return bool(request.user.may("customers.contact"))


def _atom(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else -1


@get("/api/v1/identity/suggestions", sync_to_thread=True, opt=_REVIEW)
def get_suggestions(
    company: NamedDependency[Company],
    show: FromQuery[str] = "open",
    limit: FromQuery[int] = LIST,
) -> list[Line]:
    """Pairs of people who may be one, the likeliest and most valuable first."""
    return list_suggestions(company, state=show, limit=limit)


@get("/api/v1/identity/suggestions/{key:str}", sync_to_thread=True, opt=_REVIEW)
def get_suggestion(
    request: _AnyRequest, company: NamedDependency[Company], key: FromPath[str]
) -> Review:
    """Two people beside each other, and what speaks for and against their being one."""
    found = review_queue(company, key=key, reveal=_reveal(request)).review
    if found is None:
        raise NotFound("There is no such suggestion")
    return found


@post("/api/v1/identity/suggestions/{key:str}", sync_to_thread=True, opt=_REVIEW, status_code=200)
def post_verdict(
    request: _AnyRequest,
    company: NamedDependency[Company],
    key: FromPath[str],
    data: JSONBody[Verdict],
) -> Said:
    """Say that the two are one person, that they are not, or that it waits."""
    author = request.user.email
    if data.verdict == "later":
        after = put_off_suggestion(company, key, author=author)
        return Said(decision_id=None, proposal=None, next=after)
    return judge(company, key, same=data.verdict == "same", author=author, reason=data.reason)


@post("/api/v1/customers/{profile_id:str}/split", sync_to_thread=True, opt=_REVIEW, status_code=200)
def post_split(
    request: _AnyRequest,
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Cut],
) -> Response[Rearranged | Proposed]:
    """Part a person at a link of the explanation; what is large is only proposed (202)."""
    return rearranged(
        split_at(
            company, profile_id, _atom(data.a), _atom(data.b), author=request.user.email,
            reason=data.reason,
        )
    )  # fmt: skip


@get("/api/v1/identity/approvals", sync_to_thread=True, opt=_REVIEW)
def get_approvals(company: NamedDependency[Company]) -> Approvals:
    """What waits for a second person, and what was decided last."""
    return approvals(company)


@post(
    "/api/v1/identity/approvals/{proposal_id:int}/approve",
    sync_to_thread=True,
    opt=_REVIEW,
    status_code=200,
)
def post_approve(
    request: _AnyRequest,
    company: NamedDependency[Company],
    proposal_id: FromPath[int],
    data: JSONBody[Opinion],
) -> Response[Rearranged | Proposed]:
    """Let a colleague's proposal take effect; one's own is not approved (403)."""
    return rearranged(approve(company, proposal_id, author=request.user.email, reason=data.reason))


@post(
    "/api/v1/identity/approvals/{proposal_id:int}/refuse",
    sync_to_thread=True,
    opt=_REVIEW,
    status_code=200,
)
def post_refuse(
    request: _AnyRequest,
    company: NamedDependency[Company],
    proposal_id: FromPath[int],
    data: JSONBody[Opinion],
) -> Refused:
    """Let a proposal fall, or withdraw one's own."""
    status = refuse(company, proposal_id, author=request.user.email, reason=data.reason)
    return Refused(status=status)


@post("/api/v1/identity/limits", sync_to_thread=True, opt=_SET, status_code=200)
def post_limits(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[Limits]
) -> Limits:
    """What one person may decide alone."""
    return change_approval_limits(company, data, author=request.user.email)


@get("/api/v1/identity/health", sync_to_thread=True, opt=_REVIEW)
def get_health(request: _AnyRequest, company: NamedDependency[Company]) -> Health:
    """Match rates, sizes, shared values, drift, and how far matching can be believed."""
    return identity_health(company, reveal=_reveal(request))


@post("/api/v1/identity/blocked", sync_to_thread=True, opt=_REVIEW, status_code=200)
def post_block(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[SharedToBlock]
) -> BlockedNow:
    """Say that a value is nobody's; people whom only it held together come apart."""
    return block_stated(
        company, data.kind, data.value, author=request.user.email, reason=data.reason
    )


@post("/api/v1/identity/unblocked", sync_to_thread=True, opt=_REVIEW, status_code=200)
def post_unblock(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[ToUnblock]
) -> BlockedNow:
    """Let a value count again."""
    return unblock(company, data.ref, author=request.user.email)


@get("/api/v1/identity/rules", sync_to_thread=True, opt=_REVIEW)
def get_rules(company: NamedDependency[Company], trial: FromQuery[int | None] = None) -> RulesView:
    """The rules in force and a trial of others: the one asked for, or the newest."""
    return rules_view(company, job_id=trial)


@post("/api/v1/identity/what-if", sync_to_thread=True, opt=_REVIEW, status_code=202)
def post_what_if(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[IdentityRules]
) -> Asked:
    """Try other rules on the records as they are; nothing is written."""
    return Asked(trial=ask_what_if(company, data, author=request.user.email))


@post("/api/v1/identity/rules", sync_to_thread=True, opt=_SET, status_code=200)
def post_rules(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[NewRules]
) -> IdentityRules:
    """Let other rules hold; the worker brings the people up to date with them."""
    return change_rules(company, data.rules, author=request.user.email, reason=data.reason)


@post("/api/v1/identity/rules/undo", sync_to_thread=True, opt=_SET, status_code=200)
def post_rules_undo(request: _AnyRequest, company: NamedDependency[Company]) -> IdentityRules:
    """Let the rules hold again that held before the last change."""
    return undo_rules(company, author=request.user.email)


routes = (
    get_suggestions,
    get_suggestion,
    post_verdict,
    post_split,
    get_approvals,
    post_approve,
    post_refuse,
    post_limits,
    get_health,
    post_block,
    post_unblock,
    get_rules,
    post_what_if,
    post_rules,
    post_rules_undo,
)
