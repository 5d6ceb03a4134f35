"""`rapport identity`: who is who."""

from __future__ import annotations

from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from rapport.cli.common import Context, bars, out, show, with_json
from rapport.errors import InvalidInput
from rapport.workflows.company import Company


@click.group()
def identity() -> None:
    """Who is who: match records, review likely persons, approve, look at health, try rules."""


@identity.command("match")
@click.option("--learn/--no-learn", default=None, help="Learn weights anew; by default once.")
@click.option(
    "--all", "whole", is_flag=True, help="Match all records, also those that stayed as they were."
)
@with_json
def identity_match(company: Company, context: Context, learn: bool | None, whole: bool) -> None:
    """Match records by probability; what is sure is joined, what is likely is suggested.

    After the first time, only what hangs together with something new is looked at.

    \b
    Examples:
      rapport identity match
      rapport identity match --all --no-learn
    """
    from rapport.workflows.matching import match_company  # noqa: PLC0415

    with bars(context.json) as progress:
        done = match_company(company, learn=learn, whole=whole or None, progress=progress)
    show(
        context,
        done,
        lambda d: out.print(
            f"{d.records:,} records, {d.compared:,} pairs compared: {d.joined:,} alike, "
            f"{d.to_review:,} for a person; {d.merged:,} profiles merged, {d.split:,} split"
        ),
    )


@identity.command("lookup")
@click.argument("stated", nargs=-1, required=True, metavar="WHAT=VALUE...")
@with_json
def identity_lookup(company: Company, context: Context, stated: tuple[str, ...]) -> None:
    """Who somebody is or may be, by a name and whatever else is known, in any spelling.

    WHAT is name, birthday, phone, email, postal_code, city, loyalty_card … Nothing is joined.

    \b
    Example:
      rapport identity lookup "name=Agnes Szucs" birthday=1984-03-12
    """
    from rapport.workflows.lookup import look_up  # noqa: PLC0415

    asked: dict[str, str | None] = {}
    for each in stated:
        what, equals, value = each.partition("=")
        if not equals:
            raise InvalidInput(f'Write WHAT=VALUE, such as "name=Ann Maes"; not {each[:40]!r}')
        asked[what.strip()] = value
    show(context, look_up(company, asked), _show_found)


def _show_found(found: Any) -> None:
    table = Table(
        "", "profile", "name", "e-mail", "telephone", "place", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.columns[1].no_wrap = True
    table.columns[3].overflow = "fold"
    for match in found.matches:
        sure = "–" if match.probability is None else f"{match.probability * 100:.0f} %"
        known = (match.name, match.email, match.phone, match.city)
        table.add_row(
            "it is" if match.certain else sure,
            match.profile_id,
            *(escape(value or "") for value in known),
        )
    out.print(table if found.matches else "Nobody we know")
    if not found.by_likeness:
        out.print("Only exact numbers and addresses were asked; first: rapport identity match")


@identity.command("review")
@click.argument("pair", required=False)
@click.option("--same", "verdict", flag_value="same", help="They are one person.")
@click.option("--different", "verdict", flag_value="different", help="They are two.")
@click.option("--later", "verdict", flag_value="later", help="Ask again after the others.")
@click.option("--author", help="E-mail address of who says so; needed with a verdict.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@click.option("--put-off", is_flag=True, help="List what was put off.")
@click.option("--limit", default=20, show_default=True, help="How many at most.")
@with_json
def identity_review(
    company: Company,
    context: Context,
    pair: str | None,
    verdict: str | None,
    author: str | None,
    reason: str,
    put_off: bool,
    limit: int,
) -> None:
    """Pairs of people who may be one; with a PAIR what speaks for and against, or a verdict.

    \b
    Examples:
      rapport identity review
      rapport identity review 123-456 --same --author tom@example.com
    """
    from rapport.workflows.identity_review import (  # noqa: PLC0415
        judge,
        list_suggestions,
        put_off_suggestion,
        review_queue,
    )

    if pair is None:
        if verdict is not None:
            raise InvalidInput("A verdict is about a pair: name it as the list does, as A-B")
        lines = list_suggestions(company, state="later" if put_off else "open", limit=limit)
        table = Table("pair", "profiles", "likely", "but kept apart", "bought for")
        table.columns[0].overflow = "fold"  # it is to be copied
        for line in lines:
            table.add_row(
                line.key,
                f"{line.left} {line.right}",
                f"{line.probability:.1%}",
                "yes" if line.joined else "",
                f"{line.revenue:,.0f}",
            )
        show(context, lines, lambda _: out.print(table))
        return
    if verdict is None:
        found = review_queue(company, key=pair, reveal=False).review
        show(context, found, _show_review)
        return
    if author is None:
        raise InvalidInput("A verdict needs --author, the e-mail address of who says so")
    if verdict == "later":
        after = put_off_suggestion(company, pair, author=author)
        show(context, {"next": after}, lambda d: out.print(f"put off; next: {d['next']}"))
        return
    said = judge(company, pair, same=verdict == "same", author=author, reason=reason)

    def shown(done: Any) -> None:
        if done.proposal is not None:
            out.print(
                f"large: proposal {done.proposal.proposal_id} waits for one of "
                f"{done.proposal.approvers} colleagues"
            )
        else:
            out.print(f"decision {done.decision_id}; next: {done.next}")

    show(context, said, shown)


def _show_review(review: Any) -> None:
    """What is stated is a person's: the steps say what agrees, not the values."""
    out.print(f"{review.left.profile_id} and {review.right.profile_id}")
    table = Table("matter", "level", "bits")
    for step in review.score.steps:
        table.add_row(step.comparison, step.level, f"{step.bits:+.1f}")
    out.print(table)
    out.print(f"likely: {review.score.probability:.1%}")
    for code in review.objections:
        out.print(f"against: {code}")
    if review.rivals:
        out.print(f"other people who look like one of them: {review.rivals}")
        others = Table("profile", "name", "looks like", "likely")
        others.columns[0].no_wrap = True
        for rival in review.nearest_rivals:
            others.add_row(
                rival.profile_id, escape(rival.name or ""), rival.like, f"{rival.probability:.1%}"
            )
        out.print(others)


@identity.command("approvals")
@click.option("--approve", "approved", type=int, metavar="NUMBER", help="Let it take effect.")
@click.option("--refuse", "refused", type=int, metavar="NUMBER", help="Let it fall.")
@click.option("--author", help="E-mail address of the second person.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@with_json
def identity_approvals(
    company: Company,
    context: Context,
    approved: int | None,
    refused: int | None,
    author: str | None,
    reason: str,
) -> None:
    """Large joins and splits that wait for a second person.

    \b
    Examples:
      rapport identity approvals
      rapport identity approvals --approve 3 --author els@example.com
    """
    from rapport.workflows.identity_approval import approvals, approve, refuse  # noqa: PLC0415

    if approved is None and refused is None:
        table = Table("number", "kind", "records", "bought for", "by", "since")
        found = approvals(company)
        for each in found.waiting:
            table.add_row(
                str(each.proposal_id), each.kind, f"{each.records:,}", f"{each.value:,.0f}",
                escape(each.proposed_by), f"{each.proposed_at:%d %B %Y}",
            )  # fmt: skip
        show(context, found, lambda _: out.print(table))
        return
    if author is None or (approved is not None and refused is not None):
        raise InvalidInput("Name one proposal to approve or to refuse, and --author, who decides")
    if approved is not None:
        done = approve(company, approved, author=author, reason=reason)
        show(context, done, lambda d: out.print(f"approved as decision {d.decision_id}"))
    elif refused is not None:
        status = refuse(company, refused, author=author, reason=reason)
        show(context, {"status": status}, lambda d: out.print(d["status"]))


@identity.command("health")
@click.option("--measure", is_flag=True, help="Measure now instead of once a day.")
@with_json
def identity_health_command(company: Company, context: Context, measure: bool) -> None:
    """Match rates per source, sizes, shared values, and whether matching can be believed.

    \b
    Example:
      rapport identity health --measure
    """
    from rapport.workflows.identity_health import (  # noqa: PLC0415
        identity_health,
        measure_identity,
    )

    if measure:
        measure_identity(company)
    found = identity_health(company)

    def shown(health: Any) -> None:
        if health.measured_at is None:
            out.print("Nothing was measured yet: rapport identity health --measure")
            return
        out.print(f"{health.records:,} records, {health.people:,} people")
        if health.groups is not None:
            out.print(_groups(health.groups))
        if health.groups_before is not None:
            then = health.groups_before
            out.print(f"on {then.day:%d %B %Y}: {_groups(then.groups)}")
        table = Table("source", "records", "known elsewhere too")
        for each in health.sources:
            table.add_row(
                escape(each.source), f"{each.records:,}", f"{each.matched / each.records:.0%}"
            )
        out.print(table)
        for over in health.overfull:
            out.print(
                f"{escape(over.source)} seems to give its numbers out again: {over.records:,} of "
                f"its records state more of {over.kind} than one person has, up to {over.most:,}"
            )
        for band in reversed(health.bands):
            said = (
                f"{band.confirmed} of {band.asked} confirmed"
                if band.is_enough
                else f"not enough decisions ({band.asked})"
            )
            out.print(f"said to be {band.low:.0%} to {band.high:.0%} sure: {said}")

    show(context, found, shown)


def _groups(groups: Any) -> str:
    return (
        f"{groups.households:,} households of {groups.household_people:,} people, "
        f"{groups.accounts:,} accounts of {groups.account_people:,} people"
    )


@identity.command("what-if")
@click.option("--merge", type=float, metavar="PERCENT", help="Join from this certainty on.")
@click.option("--limit", "limits", multiple=True, metavar="KIND=N", help="At most N of a kind.")
@click.option("--switch-on", is_flag=True, help="Let these rules hold.")
@click.option("--author", help="E-mail address of who switches them on.")
@click.option("--reason", default="", help="Why; kept with who and when.")
@with_json
def identity_what_if(
    company: Company,
    context: Context,
    merge: float | None,
    limits: tuple[str, ...],
    switch_on: bool,
    author: str | None,
    reason: str,
) -> None:
    """What other rules would change; nothing is written unless they are switched on.

    \b
    Examples:
      rapport identity what-if --merge 98
      rapport identity what-if --limit loyalty_card=1 --switch-on --author els@example.com
    """
    from rapport.unify.identity_rules import IdentityRules  # noqa: PLC0415
    from rapport.workflows.identity_rules import change_rules, what_if  # noqa: PLC0415

    chosen: dict[str, int] = {}
    for each in limits:
        kind, _, number = each.partition("=")
        if not number.isdecimal():
            raise InvalidInput(f"A limit is written KIND=N, such as email=3; not {each[:40]!r}")
        chosen[kind] = int(number)
    rules = IdentityRules(merge=None if merge is None else merge / 100, limits=chosen)
    if switch_on:
        if author is None:
            raise InvalidInput("Switching rules on needs --author, the e-mail address of who does")
        held = change_rules(company, rules, author=author, reason=reason)
        show(
            context,
            held,
            lambda _: out.print("The rules hold; the worker brings people up to date"),
        )
        return
    with bars(context.json) as progress:
        effect = what_if(company, rules, progress=progress)
    show(
        context,
        effect,
        lambda e: out.print(
            f"{e.merged:,} people would join others, {e.split:,} would come apart, {e.moved:,} "
            f"records would move; the largest person has {e.largest_before:,} records, then "
            f"{e.largest_after:,}"
        ),
    )
