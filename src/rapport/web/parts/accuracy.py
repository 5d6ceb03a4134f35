"""How far to trust the scores of a page: a sentence under them, and a mark on those that failed.

A mark never rests on colour alone: the figure begins with ≈ and the heading carries a chip.
"""

from __future__ import annotations

from typing import Literal

from rapport.web import html as h
from rapport.web.numbers import NO_BREAK
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.workflows.accuracy import (
    DROPOUT_NOT_IDENTIFIED,
    NOT_TESTED,
    VALUE_NOT_SHOWN,
    Accuracy,
    Compared,
    Verdict,
)

ROUGH = "≈"
PREDICTIONS = "/predictions"

#: With these a list has dashes in place of figures.
_NOT_SHOWN = frozenset({DROPOUT_NOT_IDENTIFIED, VALUE_NOT_SHOWN})

About = Literal["value", "orders"]


def accuracy_line(context: PageContext, accuracy: Accuracy | None, about: About) -> h.Markup | None:
    """What stands right under a table of scores, with the way to the whole test.

    Parameters
    ----------
    context : PageContext
    accuracy : Accuracy or None
        None where nothing is trained: then there is no score to speak of.
    about : {"value", "orders"}
        Whether the table shows expected revenue, or only how likely customers come back.
    """
    if accuracy is None:
        return None
    if not accuracy.value_shown:
        about = "orders"
    if not accuracy.dropout_identified:
        key = "accuracy.withheld_value" if about == "value" else "accuracy.withheld_alive"
        said = [context.t(key)]
    else:
        said = tested(context, accuracy, about)
        if about == "value" and not accuracy.expected_value.holds:
            said.append(context.t("accuracy.rough_value"))
        if not accuracy.probability_alive.holds:
            said.append(context.t("accuracy.rough_alive"))
    return h.fragment(" ".join(said), _more(context))


def _more(context: PageContext) -> h.Child:
    # Who serves customers sees scores, yet may not open the page about the model.
    if not any(entry.href == PREDICTIONS for group in context.nav for entry in group.entries):
        return None
    return [" ", h.a({"class": "text-link", "href": PREDICTIONS}, context.t("accuracy.more"))]


def tested(context: PageContext, accuracy: Accuracy, about: About) -> list[str]:
    """Sentences: how far off the model was, how far the rule, and who was nearer."""
    test = accuracy.orders if about == "orders" else accuracy.value
    if test is None:
        return [context.t("accuracy.not_tested")]
    n = context.n
    said = context.t(
        "accuracy.tested_orders" if about == "orders" else "accuracy.tested_value",
        customers=n.count(accuracy.customers),
        start=n.date_short(accuracy.tested_from),
        end=n.date_short(accuracy.tested_until),
        **_errors(context, accuracy, test, about),
    )
    nearer = _nearer(test)
    return [said] if nearer is None else [said, context.t(nearer)]


def _errors(
    context: PageContext, accuracy: Accuracy, test: Compared, about: About
) -> dict[str, str]:
    def written(loss: float) -> str:
        if about == "orders":
            return context.n.decimal(loss, digits=2)
        return context.n.money(loss, currency=accuracy.currency)

    return {"own": written(test.own_mae_loss), "rule": written(test.rule_mae_loss)}


def _nearer(test: Compared) -> str | None:
    """Who wins is decided by squared error: where the means above say otherwise, we say why."""
    beaten = test.rule_rmse_loss < test.own_rmse_loss
    nearer = test.rule_mae_loss < test.own_mae_loss
    if beaten:
        return "accuracy.rule_nearer" if nearer else "accuracy.rule_fewer_large"
    return "accuracy.model_fewer_large" if nearer else None


def cautions(context: PageContext, accuracy: Accuracy) -> list[str]:
    """What a reader of one customer's scores must know first; empty where they held."""
    said = [] if accuracy.dropout_identified else [context.t("accuracy.stays")]
    compared: list[tuple[About, Compared | None]] = [("orders", accuracy.orders)]
    if accuracy.value_shown:
        compared.append(("value", accuracy.value))
    for about, test in compared:
        if test is None:
            said.append(context.t("accuracy.not_tested"))
        elif test.rule_rmse_loss < test.own_rmse_loss:
            how = "nearer" if test.rule_mae_loss < test.own_mae_loss else "large"
            errors = _errors(context, accuracy, test, about)
            said.append(context.t(f"accuracy.caution.{about}_{how}", **errors))
    return said


def heading_mark(context: PageContext, verdict: Verdict | None) -> h.Markup | None:
    """A chip in the heading of a column whose figures did not hold in their test.

    A column of dashes needs none.
    """
    if verdict is None or verdict.holds or not _NOT_SHOWN.isdisjoint(verdict.doubts):
        return None
    why = _why(context, verdict)
    return chip(
        [h.span({"aria-hidden": True}, ROUGH), h.span({"class": "sr"}, why)],
        tone="caution",
        title=why,
    )


def rough(context: PageContext, text: str, verdict: Verdict | None) -> h.Child:
    """A figure, muted and after ≈ where the score behind it did not hold."""
    why = why_rough(context, verdict)
    if why is None:
        return text
    return h.span({"class": "muted", "title": why}, f"{ROUGH}{NO_BREAK}{text}")


def dash(context: PageContext, verdict: Verdict | None) -> h.Child:
    """The dash in place of a figure that is not there; with the reason where it is withheld."""
    if verdict is None or DROPOUT_NOT_IDENTIFIED not in verdict.doubts:
        return "–"
    why = context.t("accuracy.mark.dropout_not_identified")
    return h.span({"title": why}, h.span({"aria-hidden": True}, "–"), h.span({"class": "sr"}, why))


def why_rough(context: PageContext, verdict: Verdict | None) -> str | None:
    """What a figure that did not hold says under the pointer; None where it held."""
    return None if verdict is None or verdict.holds else _why(context, verdict)


def _why(context: PageContext, verdict: Verdict) -> str:
    # Untested is said first: whatever else speaks against the figure, nothing speaks for it.
    doubt = NOT_TESTED if NOT_TESTED in verdict.doubts else verdict.doubts[0]
    return context.t(f"accuracy.mark.{doubt}")
