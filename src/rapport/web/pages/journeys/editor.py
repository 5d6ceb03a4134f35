"""The form that writes a definition: stages as rows, each with what belongs to it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

from rapport.errors import InvalidInput
from rapport.understand.journeys.definition import (
    COLUMNS,
    MOST_STAGES,
    OPERATORS,
    JourneyDefinition,
    Stage,
    StageCondition,
    check_definition,
)
from rapport.understand.journeys.discovery import TypeCount
from rapport.vocabulary.touchpoint import CHANNELS
from rapport.web import html as h
from rapport.web.pages.journeys.named import stage_name
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import checkbox, field, form, select_field
from rapport.web.parts.states import flash
from rapport.web.words import MissingWordsError

_TYPES = "journeys-types"
_CHANNELS = "journeys-channels"
_NUMBERS = ("silence_days", "window_days", "value_days")


class DraftStage(msgspec.Struct, kw_only=True):
    """A stage as its row of fields has it."""

    key: str = ""
    name: str = ""
    types: str = ""
    channels: str = ""
    optional: bool = False
    starts: bool = False
    within: str = ""
    column: str = ""
    operator: str = "is"
    value: str = ""
    kept: tuple[StageCondition, ...] = ()
    """Further conditions, which the form carries along and does not show."""


class Draft(msgspec.Struct, kw_only=True):
    """A definition as the form has it."""

    stages: list[DraftStage]
    goal: str = ""
    silence_days: str = "60"
    window_days: str = "30"
    value_days: str = "30"
    owner_email: str = ""


def draft_of(context: PageContext, definition: JourneyDefinition) -> Draft:
    """A definition as fields; ready-made stages get their words."""
    return Draft(
        stages=[
            DraftStage(
                key=stage.key,
                name=stage_name(context, stage.key, stage.name),
                types="; ".join(stage.types),
                channels="; ".join(stage.channels),
                optional=stage.optional,
                starts=stage.key in definition.starts,
                within="" if stage.within_days is None else str(stage.within_days),
                column=stage.conditions[0].column if stage.conditions else "",
                operator=stage.conditions[0].operator if stage.conditions else "is",
                value=str(stage.conditions[0].value) if stage.conditions else "",
                kept=stage.conditions[1:],
            )
            for stage in definition.stages
        ],
        goal=definition.goal or "",
        silence_days=str(definition.silence_days),
        window_days=str(definition.window_days),
        value_days=str(definition.value_days),
        owner_email=definition.owner_email or "",
    )


def read_draft(fields: Mapping[str, str]) -> Draft:
    """The draft that a form sent."""
    stages = []
    for number in range(MOST_STAGES):
        at = f"s.{number}."
        if f"{at}key" not in fields:
            break
        try:
            kept = msgspec.json.decode(
                fields.get(f"{at}kept") or "[]", type=tuple[StageCondition, ...]
            )
        except msgspec.DecodeError:
            kept = ()
        stages.append(
            DraftStage(
                key=fields[f"{at}key"][:40],
                name=fields.get(f"{at}name", "").strip()[:80],
                types=fields.get(f"{at}types", "")[:2000],
                channels=fields.get(f"{at}channels", "")[:500],
                optional=f"{at}optional" in fields,
                starts=f"{at}starts" in fields,
                within=fields.get(f"{at}within", "").strip()[:10],
                column=fields.get(f"{at}column", ""),
                operator=fields.get(f"{at}operator", "is"),
                value=fields.get(f"{at}value", "").strip()[:200],
                kept=kept,
            )
        )
    return Draft(
        stages=stages,
        goal=fields.get("goal", ""),
        **{name: fields.get(name, "").strip()[:10] for name in _NUMBERS},
        owner_email=fields.get("owner_email", "").strip()[:200],
    )


def act(draft: Draft, do: str) -> Draft:
    """The draft after a button: ``add``, ``up:1``, ``down:1``, ``remove:1``."""
    action, _, at = do.partition(":")
    stages = draft.stages
    if action == "add":
        if len(stages) < MOST_STAGES:
            stages.append(DraftStage())
        return draft
    if not at.isdecimal() or not 0 <= int(at) < len(stages):
        return draft
    place = int(at)
    other = place + {"up": -1, "down": 1}.get(action, 0)
    if action == "remove":
        del stages[place]
    elif other != place and 0 <= other < len(stages):
        stages[place], stages[other] = stages[other], stages[place]
    return draft


def definition_of(context: PageContext, draft: Draft) -> JourneyDefinition:
    """The definition that a draft describes.

    Raises
    ------
    InvalidInput
        With every mistake at once.
    """
    keys = _keys(draft)
    numbers = {name: _whole(getattr(draft, name), name) for name in _NUMBERS}
    stages = tuple(_stage(context, each, key) for each, key in zip(draft.stages, keys, strict=True))
    goals = {each.key or key: key for each, key in zip(draft.stages, keys, strict=True)}
    made = JourneyDefinition(
        stages=stages,
        starts=tuple(key for each, key in zip(draft.stages, keys, strict=True) if each.starts),
        goal=goals.get(draft.goal) if draft.goal else None,
        owner_email=draft.owner_email.lower() or None,
        **numbers,
    )
    check_definition(made)
    return made


def _whole(text: str, name: str) -> int:
    if not text.isdecimal():
        raise InvalidInput(f"{name} is {text!r}; give a whole number of days")
    return int(text)


def _keys(draft: Draft) -> list[str]:
    """A key for each stage: its own, or one made from its name."""
    taken = {stage.key for stage in draft.stages if stage.key}
    keys = []
    for stage in draft.stages:
        key = stage.key
        if not key:
            plain = unicodedata.normalize("NFKD", stage.name).encode("ascii", "ignore").decode()
            base = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:30]
            base = base if base and base[0].isalpha() else f"stage_{base}".rstrip("_")
            key, number = base, 2
            while key in taken:
                key, number = f"{base}_{number}", number + 1
            taken.add(key)
        keys.append(key)
    return keys


def _stage(context: PageContext, draft: DraftStage, key: str) -> Stage:
    conditions: tuple[StageCondition, ...] = ()
    if draft.column:
        if draft.column not in COLUMNS:
            raise InvalidInput(f"{draft.column!r} cannot be looked at; choose of the list")
        kind = COLUMNS[draft.column]
        value: str | float = draft.value
        if kind == "number":
            try:
                value = float(draft.value.replace(",", ".").replace("−", "-"))
            except ValueError:
                raise InvalidInput(
                    f"{draft.column} is compared with a number, not {draft.value!r}"
                ) from None
        if draft.operator not in OPERATORS[kind]:
            raise InvalidInput(
                f"{draft.column} is compared by {' or '.join(OPERATORS[kind])}, "
                f"not {draft.operator}"
            )
        conditions = (
            StageCondition(column=draft.column, operator=draft.operator, value=value),  # type: ignore[arg-type]
        )
    words = _ready_words(context, key)
    return Stage(
        key=key,
        # A ready-made stage whose name was left alone stays in every reader's language.
        name=None if draft.key and words == draft.name else draft.name,
        types=_listed(draft.types),
        channels=_listed(draft.channels),
        conditions=(*conditions, *draft.kept),
        optional=draft.optional,
        within_days=_whole(draft.within, "within_days") if draft.within else None,
    )


def _ready_words(context: PageContext, key: str) -> str | None:
    try:
        return stage_name(context, key, None)
    except MissingWordsError:
        return None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


# ── the form ───────────────────────────────────────────────────────────────────────────────────


def editor(
    context: PageContext,
    draft: Draft,
    *,
    action: str,
    key: str,
    name: str | None,
    types: tuple[TypeCount, ...],
    error: str | None = None,
) -> h.Markup:
    """The whole form; `name` is None for a journey that came with the product."""
    t = context.t
    return form(
        context,
        h.input({"type": "hidden", "name": "key", "value": key}),
        flash(h.fragment(t("journeys.editor.not_saved"), " ", error), tone="bad")
        if error
        else None,
        h.div(
            {"class": "stack"},
            card(
                h.div(
                    {"class": "grid"},
                    h.div(
                        {"class": "span-6"},
                        field(t("journeys.editor.name"), "name", value=name, required=True),
                    )
                    if name is not None
                    else None,
                    h.div(
                        {"class": "span-6"},
                        select_field(
                            t("journeys.editor.goal"),
                            "goal",
                            [
                                ("", t("journeys.editor.goal_none")),
                                *((s.key, s.name) for s in draft.stages if s.key),
                            ],
                            value=draft.goal,
                        ),
                    ),
                    _days(context, "silence", "silence_days", draft.silence_days),
                    _days(context, "window", "window_days", draft.window_days),
                    _days(context, "value_days", "value_days", draft.value_days),
                    h.div(
                        {"class": "span-6"},
                        field(
                            t("journeys.editor.owner"),
                            "owner_email",
                            value=draft.owner_email,
                            type="email",
                            hint=t("journeys.editor.owner_hint"),
                        ),
                    ),
                    # The first button of a form is the one that Enter presses.
                    h.div({"class": "span-12"}, button(t("journeys.editor.save"), kind="primary")),
                ),
            ),
            card(
                (_row(context, number, stage, len(draft.stages))
                 for number, stage in enumerate(draft.stages)),
                h.div(
                    {"class": "row"},
                    button(
                        t("journeys.editor.add"), name="do", value="add", icon_name="plus",
                        attributes={"formaction": "/journeys/draft", "formnovalidate": True},
                    ),
                    button(t("journeys.editor.save"), kind="primary"),
                ),
                title=t("journeys.editor.stages"),
                foot=t("journeys.editor.types_hint"),
            ),
        ),
        h.element("datalist")(
            {"id": _TYPES},
            (h.option({"value": each.type}) for each in types),
        ),
        h.element("datalist")({"id": _CHANNELS}, (h.option({"value": c}) for c in CHANNELS)),
        action=action,
    )  # fmt: skip


def _days(context: PageContext, word: str, name: str, value: str) -> h.Markup:
    return h.div(
        {"class": "span-4"},
        field(
            context.t(f"journeys.editor.{word}"), name, value=value, type="number", required=True,
            attributes={"min": 1, "max": 730},
        ),
    )  # fmt: skip


def _row(context: PageContext, number: int, stage: DraftStage, of: int) -> h.Markup:
    t = context.t
    at = f"s.{number}."

    def move(do: str, icon: str, *, able: bool) -> h.Markup | None:
        if not able:
            return None
        return button(
            t(f"journeys.editor.{do}"), name="do", value=f"{do}:{number}", icon_name=icon,
            kind="quiet",
            attributes={"formaction": "/journeys/draft", "formnovalidate": True},
        )  # fmt: skip

    kept = msgspec.json.encode(stage.kept).decode()
    return h.fieldset(
        {"class": "journey-stage"},
        h.legend(h.b(f"{number + 1}. {stage.name}")),
        h.input({"type": "hidden", "name": f"{at}key", "value": stage.key}),
        h.input({"type": "hidden", "name": f"{at}kept", "value": kept}),
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "span-3"},
                field(t("journeys.editor.stage_name"), f"{at}name", value=stage.name,
                      required=True),
            ),
            h.div(
                {"class": "span-5"},
                field(t("journeys.editor.types"), f"{at}types", value=stage.types,
                      attributes={"list": _TYPES}),
            ),
            h.div(
                {"class": "span-4"},
                field(t("journeys.editor.channels"), f"{at}channels", value=stage.channels,
                      hint=t("journeys.editor.channels_hint"), attributes={"list": _CHANNELS}),
            ),
            h.div(
                {"class": "span-3"},
                select_field(
                    t("journeys.editor.condition"), f"{at}column",
                    [("", t("journeys.editor.condition_none")),
                     *((name, t(f"journeys.column.{name}")) for name in COLUMNS)],
                    value=stage.column,
                ),
            ),
            h.div(
                {"class": "span-2"},
                select_field(
                    t("journeys.editor.operator"), f"{at}operator",
                    [(name, t(f"journeys.is.{name}"))
                     for kind in ("text", "number") for name in OPERATORS[kind]],
                    value=stage.operator,
                ),
            ),
            h.div(
                {"class": "span-3"},
                field(t("journeys.editor.value"), f"{at}value", value=stage.value),
            ),
            h.div(
                {"class": "span-4"},
                field(t("journeys.editor.within"), f"{at}within", value=stage.within,
                      type="number", attributes={"min": 1, "max": 365}),
            ),
        ),
        h.div(
            {"class": "row"},
            checkbox(t("journeys.editor.starts"), f"{at}starts", checked=stage.starts),
            checkbox(t("journeys.editor.optional"), f"{at}optional", checked=stage.optional),
            move("up", "arrow-up", able=number > 0),
            move("down", "arrow-down", able=number < of - 1),
            move("remove", "trash", able=of > 2),
        ),
    )  # fmt: skip
