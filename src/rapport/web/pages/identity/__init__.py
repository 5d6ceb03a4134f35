"""Who is who: pairs to review, second opinions, health, and what another rule would change."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect
from msgspec import Struct

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.identity_rules import IdentityRules
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.identity.approvals import approvals_page
from rapport.web.pages.identity.health import health_page
from rapport.web.pages.identity.review import address, review_page
from rapport.web.pages.identity.rules import KINDS, rules_page, trial_card
from rapport.web.parts.buttons import post_button
from rapport.web.parts.cards import Tone
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import undo
from rapport.workflows.identity_approval import (
    Limits,
    approvals,
    approve,
    change_approval_limits,
    refuse,
)
from rapport.workflows.identity_health import block, identity_health, measure_identity, unblock
from rapport.workflows.identity_review import (
    judge,
    put_off_suggestion,
    review_queue,
    waiting_counts,
)
from rapport.workflows.identity_rules import ask_what_if, change_rules, rules_view, undo_rules

_REVIEW = {"permission": "customers.merge"}
_SET = {"permission": "settings.write"}
_AnyRequest = Request[Any, Any, Any]
#: What a write leaves to say to the page that follows it.
_DONE: dict[str, Tone] = {
    "same": "good", "different": "good", "later": "neutral", "undone": "good",
    "proposed": "caution", "alone": "bad", "gone": "caution", "approved": "good",
    "refused": "neutral", "withdrawn": "neutral", "limits": "good", "blocked": "good",
    "unblocked": "good", "measured": "good", "switched": "good", "restored": "good",
}  # fmt: skip


class IdentityForm(Struct, frozen=True, kw_only=True, rename={"csrf_token": "_csrf_token"}):
    """What the small forms send; each sends its part."""

    pair: str = ""
    state: str = ""
    verdict: str = ""
    reason: str = ""
    decision: str = ""
    records: str = ""
    value: str = ""
    ref: str = ""
    trial: str = ""
    csrf_token: str = ""


Sent = Annotated[IdentityForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise InvalidInput(f"The form does not say which {what} it means; reload it")
    return int(text)


def _typed(text: str, what: str) -> int:
    """A number that somebody typed, of which the message repeats what cannot be read."""
    number = text.strip()
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        raise InvalidInput(f"The {what} is a whole number such as 50, not {text[:20]!r}")
    return int(number)


def _said(context: PageContext, done: str, action: h.Child = None) -> PageContext:
    if done not in _DONE:
        return context
    line = flash(context.t(f"identity.done.{done}"), tone=_DONE[done], action=action)
    return msgspec.structs.replace(context, flash=(line,))


# ── reviewing ──────────────────────────────────────────────────────────────────────────────────


@get("/identity", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def identity_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[str] = "open",
    pair: FromQuery[str] = "",
    done: FromQuery[str] = "",
    decision: FromQuery[str] = "",
) -> Response[Any]:
    """The pair that waits first, or the one that the address names."""
    user = _user(request)
    reveal = user.may("customers.contact")
    try:
        queue = review_queue(company, state=show, key=pair, reveal=reveal)
    except (Conflict, NotFound):
        queue = review_queue(company, state=show, reveal=reveal)
        done = done or "gone"
    context = context_of(request)
    action = None
    if done in ("same", "different") and decision.isascii() and decision.isdecimal():
        action = post_button(
            context,
            context.t("identity.undo"),
            action="/identity/undo",
            values={"decision": decision},
            icon_name="undo-2",
        )
    return html_response(review_page(_said(context, done, action), queue))


@post("/identity/verdict", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def verdict_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Same, different, or later; then the next one."""
    author = _user(request).email
    state = "later" if data.state == "later" else "open"
    try:
        if data.verdict == "later":
            after = put_off_suggestion(company, data.pair, author=author)
            return _to(state, after, done="later")
        if data.verdict not in ("same", "different"):
            raise InvalidInput("A pair is the same person, different people, or for later")
        said = judge(
            company, data.pair, same=data.verdict == "same", author=author, reason=data.reason
        )
    except (Conflict, NotFound):
        return _to(state, None, done="gone")
    if said.proposal is not None:
        return _to(state, said.next, done="proposed" if said.proposal.approvers else "alone")
    return _to(state, said.next, done=data.verdict, decision=str(said.decision_id))


def _to(state: str, key: str | None, **said: str) -> Redirect:
    return Redirect(address(state, key, **said), status_code=303)


@post("/identity/undo", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def undo_post(request: _AnyRequest, company: NamedDependency[Company], data: Sent) -> Response[Any]:
    """Take back what was just said."""
    undo(company, _number(data.decision, "decision"), author=_user(request).email)
    return Redirect("/identity?done=undone", status_code=303)


# ── second opinions ────────────────────────────────────────────────────────────────────────────


@get("/identity/approvals", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def approvals_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """What waits for a second person."""
    user = _user(request)
    return html_response(
        approvals_page(
            _said(context_of(request), done),
            approvals(company),
            waiting_counts(company),
            me=user.email,
            may_set=user.may("settings.write"),
        )
    )


@post(
    "/identity/approvals/{proposal_id:int}/approve",
    sync_to_thread=True,
    opt=_REVIEW,
    include_in_schema=False,
)
def approve_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    proposal_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Let it take effect."""
    approve(company, proposal_id, author=_user(request).email, reason=data.reason)
    return _back("approvals", "approved")


@post(
    "/identity/approvals/{proposal_id:int}/refuse",
    sync_to_thread=True,
    opt=_REVIEW,
    include_in_schema=False,
)
def refuse_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    proposal_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Let it fall, or withdraw one's own."""
    status = refuse(company, proposal_id, author=_user(request).email, reason=data.reason)
    return _back("approvals", status)


@post("/identity/limits", sync_to_thread=True, opt=_SET, include_in_schema=False)
def limits_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """What one person may decide alone."""
    limits = Limits(
        records=_typed(data.records, "limit of records"), value=_typed(data.value, "limit of value")
    )
    change_approval_limits(company, limits, author=_user(request).email)
    return _back("approvals", "limits")


def _back(tab: str, done: str) -> Redirect:
    return Redirect(f"/identity/{tab}?{urlencode({'done': done})}", status_code=303)


# ── health ─────────────────────────────────────────────────────────────────────────────────────


@get("/identity/health", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def health_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """The figures measured last; who may see addresses sees which values are shared."""
    shown = identity_health(company, reveal=_user(request).may("customers.contact"))
    return html_response(health_page(_said(context_of(request), done), shown))


@post("/identity/measure", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def measure_post(company: NamedDependency[Company], data: Sent) -> Response[Any]:
    """Measure now."""
    del data  # read, so that its token is checked
    measure_identity(company)
    return _back("health", "measured")


@post("/identity/values/block", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def block_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Let a value count for nobody."""
    block(company, data.ref, author=_user(request).email, reason=data.reason)
    return _back("health", "blocked")


@post("/identity/values/unblock", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def unblock_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Let a value count again."""
    unblock(company, data.ref, author=_user(request).email)
    return _back("health", "unblocked")


# ── rules ──────────────────────────────────────────────────────────────────────────────────────


@get("/identity/rules", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def rules_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """What holds, and what another rule would change."""
    return html_response(
        rules_page(
            _said(context_of(request), done),
            rules_view(company),
            waiting_counts(company),
            may_set=_user(request).may("settings.write"),
        )
    )


@get(
    "/identity/rules/trials/{job_id:int}",
    sync_to_thread=True,
    opt=_REVIEW,
    include_in_schema=False,
)
def trial_fragment(
    request: _AnyRequest, company: NamedDependency[Company], job_id: FromPath[int]
) -> Response[Any]:
    """How far a trial is, or what it found."""
    view = rules_view(company, job_id=job_id)
    shown = trial_card(context_of(request), view, may_set=_user(request).may("settings.write"))
    return html_response(h.fragment(shown))


@post("/identity/rules/try", sync_to_thread=True, opt=_REVIEW, include_in_schema=False)
def try_post(request: _AnyRequest, company: NamedDependency[Company], data: Typed) -> Response[Any]:
    """Try other rules in the background."""
    ask_what_if(company, _typed_rules(company, data), author=_user(request).email)
    return Redirect("/identity/rules", status_code=303)


def _typed_rules(company: Company, data: dict[str, str]) -> IdentityRules:
    """What the form says; fields that it does not show stay as they are."""
    now = rules_view(company).now
    limits = dict(now.limits) | {
        kind: _typed(data[f"limit.{kind}"], f"limit of {kind}")
        for kind in KINDS
        if data.get(f"limit.{kind}")
    }
    typed = data.get("merge", "").replace(",", ".")
    try:
        merge = float(typed) / 100 if typed else now.merge
    except ValueError:
        raise InvalidInput(
            f"The merge line is a percentage such as 95, not {typed[:20]!r}"
        ) from None
    return IdentityRules(merge=merge, limits=limits)


@post("/identity/rules/switch", sync_to_thread=True, opt=_SET, include_in_schema=False)
def switch_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Let the rules of a trial hold."""
    view = rules_view(company, job_id=_number(data.trial, "trial"))
    if view.trial is None or view.trial.effect is None:
        raise Conflict("That trial is not done; wait for what it finds")
    change_rules(company, view.trial.rules, author=_user(request).email, reason=data.reason)
    return _back("rules", "switched")


@post("/identity/rules/undo", sync_to_thread=True, opt=_SET, include_in_schema=False)
def rules_undo_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Let the rules before the last change hold again."""
    del data  # read, so that its token is checked
    undo_rules(company, author=_user(request).email)
    return _back("rules", "restored")


routes = (
    identity_get,
    verdict_post,
    undo_post,
    approvals_get,
    approve_post,
    refuse_post,
    limits_post,
    health_get,
    measure_post,
    block_post,
    unblock_post,
    rules_get,
    trial_fragment,
    try_post,
    switch_post,
    rules_undo_post,
)
