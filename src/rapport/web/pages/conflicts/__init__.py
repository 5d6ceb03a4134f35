"""Conflicts between silos: the work-list, the rules that settle them, and files for the silos."""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, Stream
from msgspec import Struct

from rapport.errors import InvalidInput, NotAllowed, NotFound
from rapport.unify.value_rules import ValueRule
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.conflicts.listing import conflicts_page, reopen_button
from rapport.web.pages.conflicts.rules import SILOS, STEPS, rule_page, rules_page
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.conflicts import ConflictQuestion, State, conflicts_view
from rapport.workflows.settle_conflicts import Right, reopen_conflict, settle_conflict
from rapport.workflows.tell_silos import corrections_download, silos_to_tell
from rapport.workflows.value_rules import (
    change_rule,
    preview_rule,
    rule_that_prefers,
    rules_view,
    trust_of,
    undo_rule,
    with_measured_trust,
)

_READ = {"permission": "customers.read"}
_SETTLE = {"permission": "customers.merge"}
_AnyRequest = Request[Any, Any, Any]
_DONE = ("settled", "reopened", "switched", "withdrawn")


class ConflictForm(Struct, frozen=True, kw_only=True, rename={"csrf_token": "_csrf_token"}):
    """What the small forms send; each sends its part."""

    profile: str = ""
    kind: str = ""
    name: str = ""
    item: str = ""
    loser: str = ""
    right: str = ""
    reason: str = ""
    back: str = ""
    rule_id: str = ""
    csrf_token: str = ""


Sent = Annotated[ConflictForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


def _said(context: PageContext, done: str, action: h.Child = None) -> PageContext:
    if done not in _DONE:
        return context
    return msgspec.structs.replace(
        context, flash=(flash(context.t(f"conflicts.done.{done}"), action=action),)
    )


@get("/conflicts", sync_to_thread=True, opt=_READ, include_in_schema=False)
def conflicts_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[str] = "open",
    tier: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    name: FromQuery[str] = "",
    winner: FromQuery[str] = "",
    loser: FromQuery[str] = "",
    page: FromQuery[int] = 1,
    done: FromQuery[str] = "",
    undo: FromQuery[str] = "",
) -> Response[Any]:
    """The work-list; every choice stands in the address."""
    if tier and not (tier.isascii() and tier.isdecimal() and len(tier) == 1):
        raise InvalidInput(f"Harm has the tiers 1 to 4, not {tier[:20]!r}")
    question = ConflictQuestion(
        state=cast(State, show), tier=int(tier) if tier else None, kind=kind, name=name,
        winner=winner, loser=loser, page=page,
    )  # fmt: skip
    user = _user(request)
    found = conflicts_view(company, question, reveal=user.may("customers.contact"))
    may_settle = user.may("customers.merge")
    context = context_of(request)
    back = undo.split("\n") if undo and may_settle else []
    action = (
        reopen_button(context, back[0], back[1], back[2], back[3], context.t("conflicts.undo"))
        if len(back) == 4
        else None
    )
    return html_response(
        conflicts_page(
            _said(context, done, action),
            found,
            silos_to_tell(company) if may_settle else (),
            may_settle=may_settle,
        )
    )


@post("/conflicts/settle", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def settle_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Say what is right about one person."""
    here = settle_conflict(
        company,
        data.profile,
        kind=data.kind,
        name=data.name,
        item=data.item,
        loser=data.loser,
        right=cast(Right, data.right),
        author=_user(request).email,
        reason=data.reason,
    )
    undo = "\n".join((here, data.kind, data.name, data.item))
    return _back(data.back, done="settled", undo=undo)


def _back(back: str, **said: str) -> Redirect:
    """To the list as it was; never to another place that a form was made to name."""
    path = back if back == "/conflicts" or back.startswith("/conflicts?") else "/conflicts"
    joined = "&" if "?" in path else "?"
    return Redirect(f"{path}{joined}{urlencode(said)}", status_code=303)


@post("/conflicts/reopen", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def reopen_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Take back what a colleague settled."""
    reopen_conflict(
        company,
        data.profile,
        kind=data.kind,
        name=data.name,
        item=data.item,
        author=_user(request).email,
    )
    return _back(data.back, done="reopened")


# ── rules ──────────────────────────────────────────────────────────────────────────────────────


@get("/conflicts/rules", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def rules_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """All rules."""
    return html_response(rules_page(_said(context_of(request), done), rules_view(company)))


@get("/conflicts/rules/{name:str}", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def rule_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    better: FromQuery[str] = "",
    worse: FromQuery[str] = "",
) -> Response[Any]:
    """One rule, and what the one that the address names would change."""
    view = rules_view(company)
    line = next((each for each in view.lines if each.name == name), None)
    if line is None:
        raise NotFound(
            f"There is no rule for {name[:40]!r}; there are "
            f"{', '.join(each.name for each in view.lines)}"
        )
    asked, preview, context = line.rule, None, context_of(request)
    try:
        if better and worse:
            asked = rule_that_prefers(company, name, better, worse)
            preview = preview_rule(company, name, asked)
        elif request.query_params.get("preview"):
            asked = _rule(company, name, dict(request.query_params))
            preview = preview_rule(company, name, asked)
    except InvalidInput as mistake:  # said above the form, which keeps what was chosen
        said = flash(mistake.message, tone="bad")
        context = msgspec.structs.replace(context, flash=(said,))
    return html_response(
        rule_page(
            context,
            name,
            now=line.rule,
            kept=line.kept,
            asked=asked,
            preview=preview,
            trust=trust_of(company, name, line.rule),
            labels=view.labels,
            reveal=_user(request).may("customers.contact"),
        ),
        status_code=400 if context.flash else 200,
    )


def _rule(company: Company, name: str, typed: dict[str, Any]) -> ValueRule:
    """The rule that a form describes."""

    def chosen(prefix: str, most: int) -> tuple[str, ...]:
        values = (str(typed.get(f"{prefix}{place + 1}", "")) for place in range(most))
        return tuple(value for value in values if value)

    by = chosen("by", STEPS) or ("weighed",)
    rule = ValueRule(by=by, sources=chosen("silo", SILOS) if "preferred" in by else ())
    if not typed.get("measured"):
        return rule
    return with_measured_trust(company, name, rule)


@post("/conflicts/rules/{name:str}", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def rule_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    data: Typed,
) -> Response[Any]:
    """Let a rule hold."""
    change_rule(
        company,
        name,
        _rule(company, name, dict(data)),
        author=_user(request).email,
        reason=data.get("reason", ""),
    )
    return Redirect("/conflicts/rules?done=switched", status_code=303)


@post("/conflicts/rules/{name:str}/undo", sync_to_thread=True, opt=_SETTLE, include_in_schema=False)
def rule_undo_post(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str], data: Sent
) -> Response[Any]:
    """Take a rule back."""
    number = data.rule_id
    if not (number.isascii() and number.isdecimal()) or len(number) > 18:
        raise InvalidInput(f"The form does not say which rule of {name[:40]} it means; reload it")
    undo_rule(company, int(number), author=_user(request).email, reason=data.reason)
    return Redirect("/conflicts/rules?done=withdrawn", status_code=303)


# ── telling the silos ──────────────────────────────────────────────────────────────────────────


@get(
    "/conflicts/silos/{name:str}/corrections.csv",
    sync_to_thread=True,
    opt=_SETTLE,
    include_in_schema=False,
)
def corrections_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    everything: FromQuery[bool] = False,
) -> Stream:
    """What a silo states otherwise than what is right, as a file for it."""
    return corrections_file(company, name, _user(request), everything=everything)


def corrections_file(
    company: Company, silo: str, user: User, *, everything: bool = False
) -> Stream:
    """The file, for who may see e-mail addresses and phone numbers.

    Raises
    ------
    NotAllowed
        If the user may not.
    """
    if not user.may("customers.contact"):
        raise NotAllowed(
            "The file holds e-mail addresses and phone numbers; ask somebody who may see those"
        )
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in silo)
    return Stream(
        corrections_download(company, silo, everything=everything),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="corrections-{safe}.csv"',
            "Cache-Control": "no-store",
        },
    )


routes = (
    conflicts_get,
    settle_post,
    reopen_post,
    rules_get,
    rule_get,
    rule_post,
    rule_undo_post,
    corrections_get,
)
