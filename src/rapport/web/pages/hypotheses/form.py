"""A hypothesis as a form: what was read from a sentence, to be changed before anybody looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from rapport.errors import InvalidInput
from rapport.understand.hypotheses.definition import (
    LASTING,
    SHARES,
    USUAL_FOLLOW_DAYS,
    Did,
    Exposure,
    Holds,
    Hypothesis,
    Waited,
)
from rapport.understand.hypotheses.reading import USUAL_WAIT, USUAL_WITHIN, Reading
from rapport.understand.hypotheses.ready_made import DEEDS, OUTCOMES, WAITS
from rapport.understand.segments.happening import Span
from rapport.understand.segments.rule import Condition, check, leaves
from rapport.web import html as h
from rapport.web.pages.hypotheses.described import deed_key, outcome_key, wait_key
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.measures import segment_name
from rapport.web.parts.states import flash
from rapport.workflows.segment_definitions import NamedSegment

_KEPT = "kept"


class Draft(msgspec.Struct, kw_only=True):
    """A hypothesis as its fields have it; what was not understood is empty."""

    statement: str = ""
    who: str = ""
    longer: str = "longer"
    number: str = str(USUAL_WAIT.number)
    unit: str = USUAL_WAIT.unit
    times: str = "1"
    within: str = str(USUAL_WITHIN.number)
    outcome: str = ""
    direction: str = ""
    follow: str = str(USUAL_FOLLOW_DAYS)
    matters: str = ""
    kept_exposure: str = ""
    """JSON of an exposure that no choice of the form says."""


def draft_of(statement: str, reading: Reading) -> Draft:
    """What was read, as fields."""
    draft = Draft(statement=statement)
    exposure = reading.exposure
    if isinstance(exposure, Waited):
        draft.who = f"wait.{wait_key(exposure)}"
        draft.longer = "longer" if exposure.longer else "shorter"
        draft.number, draft.unit = str(exposure.span.number), exposure.span.unit
    elif isinstance(exposure, Did):
        draft.who = f"deed.{deed_key(exposure)}"
        draft.times = str(exposure.times)
        draft.within = str(max(1, -(-exposure.within.hours // 24)))
    elif exposure is not None:
        draft.who = _KEPT
        draft.kept_exposure = msgspec.json.encode(exposure).decode()
    if reading.outcome is not None:
        draft.outcome = outcome_key(reading.outcome) or ""
    if reading.more is not None:
        draft.direction = "more" if reading.more else "less"
    return draft


def read_draft(fields: Mapping[str, str]) -> Draft:
    """The draft that a form sent."""
    usual = Draft()
    return Draft(
        **{
            name: str(fields.get(name, getattr(usual, name))).strip()[:5000]
            for name in Draft.__struct_fields__
        }
    )


def hypothesis_of(
    context: PageContext, draft: Draft, segments: Sequence[NamedSegment]
) -> Hypothesis:
    """The hypothesis that a draft describes.

    Raises
    ------
    InvalidInput
        With what is missing.
    """
    t = context.t
    missing = [
        t(f"hypotheses.{part}.not_understood")
        for part, value in (
            ("who", draft.who),
            ("outcome", draft.outcome),
            ("direction", draft.direction),
        )
        if not value
    ]
    if missing:
        raise InvalidInput(" ".join(missing))
    if draft.outcome not in OUTCOMES:
        raise InvalidInput(t("hypotheses.outcome.not_understood"))
    outcome = OUTCOMES[draft.outcome]
    matters = None
    if draft.matters:
        matters = _decimal(context, "hypotheses.form.matters", draft.matters)
        matters = matters / 100 if outcome.measure in SHARES else matters
    return Hypothesis(
        exposure=_exposure(context, draft, segments),
        outcome=outcome,
        more=draft.direction == "more",
        follow_days=_whole(context, "hypotheses.form.follow", draft.follow),
        matters=matters,
    )


def _exposure(context: PageContext, draft: Draft, segments: Sequence[NamedSegment]) -> Exposure:
    kind, _, key = draft.who.partition(".")
    if kind == "wait" and key in WAITS:
        begins, ends = WAITS[key]
        number = _whole(context, "hypotheses.wait.number", draft.number)
        return Waited(
            begins=begins,
            ends=ends,
            span=Span(number=number, unit="hours" if draft.unit == "hours" else "days"),
            longer=draft.longer != "shorter",
        )
    if kind == "deed" and key in DEEDS:
        return Did(
            which=DEEDS[key],
            times=_whole(context, "hypotheses.deed.times", draft.times),
            within=Span(number=_whole(context, "hypotheses.deed.within", draft.within)),
        )
    if kind == "segment":
        found = next((each for each in segments if each.key == key), None)
        if found is not None:
            return Holds(rule=found.rule)
    if kind == _KEPT and draft.kept_exposure:
        return kept_exposure(context, draft)
    raise InvalidInput(context.t("hypotheses.who.not_understood"))


def kept_exposure(context: PageContext, draft: Draft) -> Holds:
    """What was read that none of the choices says.

    Raises
    ------
    InvalidInput
        If somebody changed the field.
    """
    try:
        found = msgspec.json.decode(draft.kept_exposure, type=Holds)
        check(found.rule)
    except msgspec.MsgspecError as problem:
        raise InvalidInput(f"{context.t('hypotheses.who.not_understood')} {problem}") from None
    return found


def _whole(context: PageContext, label: str, text: str) -> int:
    if not (text.isdecimal() and len(text) < 6):
        raise InvalidInput(
            context.t("hypotheses.form.not_a_number", field=context.t(label), value=text)
        )
    return int(text)


def _decimal(context: PageContext, label: str, text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise InvalidInput(
            context.t("hypotheses.form.not_a_number", field=context.t(label), value=text)
        ) from None


def tells_apart(segment: NamedSegment) -> bool:
    """Whether a segment's rule says what customers lastingly are."""
    own = list(leaves(segment.rule))
    return bool(own) and all(isinstance(leaf, Condition) and leaf.column in LASTING for leaf in own)


def editor(
    context: PageContext,
    draft: Draft,
    segments: Sequence[NamedSegment],
    *,
    kept_words: h.Child,
    error: str | None = None,
) -> h.Markup:
    """The form; `kept_words` say what was read that none of the choices says."""
    t = context.t
    who = [
        ("", t("hypotheses.who.choose")),
        *((f"wait.{key}", t(f"hypotheses.wait.{key}")) for key in WAITS),
        *((f"deed.{key}", t(f"hypotheses.deed.{key}")) for key in DEEDS),
        *(
            (
                f"segment.{each.key}",
                t("hypotheses.who.segment", name=segment_name(context, each)),
            )
            for each in segments
            if tells_apart(each)
        ),
    ]
    if draft.kept_exposure:
        who.append((_KEPT, t("hypotheses.who.kept")))
    return form(
        context,
        h.input({"type": "hidden", "name": "kept_exposure", "value": draft.kept_exposure}),
        flash(h.fragment(t("hypotheses.form.not_saved"), " ", error), tone="bad")
        if error
        else None,
        card(
            h.div(
                {"class": "grid"},
                h.div(
                    {"class": "span-12"},
                    field(
                        t("hypotheses.statement"), "statement", value=draft.statement,
                        required=True, attributes={"maxlength": 300},
                    ),
                ),
                h.div(
                    {"class": "span-6"},
                    select_field(
                        t("hypotheses.who.label"), "who", who, value=draft.who, required=True,
                        hint=kept_words,
                        error=None if draft.who else t("hypotheses.who.not_understood"),
                    ),
                ),
                h.div({"class": "span-6"}, _of_wait(context, draft), _of_deed(context, draft)),
                h.div(
                    {"class": "span-6"},
                    select_field(
                        t("hypotheses.outcome.label"), "outcome",
                        [
                            ("", t("hypotheses.who.choose")),
                            *((key, t(f"hypotheses.outcome.{key}")) for key in OUTCOMES),
                        ],
                        value=draft.outcome, required=True,
                        error=None if draft.outcome else t("hypotheses.outcome.not_understood"),
                    ),
                ),
                h.div(
                    {"class": "span-6"},
                    select_field(
                        t("hypotheses.direction.label"), "direction",
                        [
                            ("", t("hypotheses.who.choose")),
                            *((d, t(f"hypotheses.direction.{d}")) for d in ("more", "less")),
                        ],
                        value=draft.direction, required=True,
                        error=None
                        if draft.direction
                        else t("hypotheses.direction.not_understood"),
                    ),
                ),
                h.div(
                    {"class": "span-6"},
                    field(
                        t("hypotheses.form.follow"), "follow", value=draft.follow, type="number",
                        required=True, hint=t("hypotheses.form.follow_hint"),
                        attributes={"min": 7, "max": 365},
                    ),
                ),
                h.div(
                    {"class": "span-6"},
                    field(
                        t("hypotheses.form.matters"), "matters", value=draft.matters,
                        hint=t("hypotheses.form.matters_hint"),
                        attributes={"inputmode": "decimal"},
                    ),
                ),
                h.div(
                    {"class": "span-12 row"},
                    button(t("hypotheses.form.check"), kind="primary", icon_name="scale"),
                    h.span({"class": "note"}, t("hypotheses.form.counts")),
                ),
            ),
        ),
        action="/hypotheses",
    )  # fmt: skip


def _of_wait(context: PageContext, draft: Draft) -> h.Markup:
    t = context.t
    return h.div(
        {"class": "of-wait"},
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "span-4 tablet-4"},
                select_field(
                    t("hypotheses.wait.how_long"), "longer",
                    [(each, t(f"hypotheses.wait.{each}")) for each in ("longer", "shorter")],
                    value=draft.longer,
                ),
            ),
            h.div(
                {"class": "span-4 tablet-4"},
                field(
                    t("hypotheses.wait.number"), "number", value=draft.number, type="number",
                    attributes={"min": 1, "max": 2160},
                ),
            ),
            h.div(
                {"class": "span-4 tablet-4"},
                select_field(
                    t("hypotheses.wait.unit"), "unit",
                    [(each, t(f"hypotheses.wait.{each}")) for each in ("days", "hours")],
                    value=draft.unit,
                ),
            ),
        ),
    )  # fmt: skip


def _of_deed(context: PageContext, draft: Draft) -> h.Markup:
    t = context.t
    return h.div(
        {"class": "of-deed"},
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "span-6 tablet-6"},
                field(
                    t("hypotheses.deed.times"), "times", value=draft.times, type="number",
                    attributes={"min": 1, "max": 100},
                ),
            ),
            h.div(
                {"class": "span-6 tablet-6"},
                field(
                    t("hypotheses.deed.within"), "within", value=draft.within, type="number",
                    attributes={"min": 1, "max": 365},
                ),
            ),
        ),
    )  # fmt: skip
