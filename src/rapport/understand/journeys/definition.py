"""What a journey is: its stages, what starts it, what ends it, and what was promised.

A definition is data: it is written in the page, kept in the ledger with every earlier version, and
read by each query of this folder. A touchpoint belongs to the first stage that fits it; touchpoints
of no stage are not part of a journey.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.vocabulary.touchpoint import CHANNELS

Column = Literal["amount", "score", "sentiment", "country", "source", "campaign", "place",
                 "question"]  # fmt: skip
Operator = Literal["is", "is_not", "at_least", "at_most"]
#: What a condition may look at. `score` is a share of its scale (0 … 1), so that one condition
#: fits answers of 0 to 10 and of 1 to 5.
COLUMNS: dict[str, Literal["number", "text"]] = {
    "amount": "number",
    "score": "number",
    "sentiment": "number",
    "country": "text",
    "source": "text",
    "campaign": "text",
    "place": "text",
    "question": "text",
}
OPERATORS: dict[str, tuple[Operator, ...]] = {
    "number": ("at_least", "at_most"),
    "text": ("is", "is_not"),
}
#: A path is written as one digit per step, and zero means that it is over.
MOST_STAGES = 15
MOST_TYPES, MOST_CONDITIONS = 30, 5
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_DAYS = {"silence_days": (1, 730), "window_days": (1, 365), "value_days": (1, 365)}


class StageCondition(Struct, frozen=True, kw_only=True):
    """A further demand on a touchpoint; one that does not know the value does not meet it."""

    column: Column
    operator: Operator
    value: str | float


class Stage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step of the way.

    Attributes
    ----------
    key : str
        Lower-case letters, digits and underscores.
    name : str or None
        None for ready-made stages, which pages put into words by their key.
    types : tuple of str
        Touchpoint types; empty: all types of the channels.
    channels : tuple of str
        Empty: all channels.
    conditions : tuple of StageCondition
        All must hold.
    optional : bool
        True where a good journey need not come by, such as asking for help: it is no step of the
        funnel and nobody is lost for passing it by.
    within_days : int or None
        What was promised: the step to this stage fails when it takes longer. None: the window.
    """

    key: str
    name: str | None = None
    types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    conditions: tuple[StageCondition, ...] = ()
    optional: bool = False
    within_days: int | None = None


class JourneyDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stages in order, and what bounds a journey.

    A journey begins with a customer's first touchpoint of a start stage after `silence_days`
    without any; and, once the goal was reached, with the next touchpoint of a start stage. Without
    start stages each stage starts one, so that the goal is also the end. It ends when the next
    begins, or with `silence_days` of silence.

    Attributes
    ----------
    stages : tuple of Stage
        In the order of a good journey; 2 to 15.
    starts : tuple of str
        Keys of the stages a journey may begin with; empty: all.
    goal : str or None
        Key of the stage that makes a journey a success; None: silence alone ends it.
    silence_days : int
        So many days without a touchpoint of any stage end a journey.
    window_days : int
        The funnel's window, counted from its first stage.
    value_days : int
        For how long after a step a customer's spending is counted.
    owner_email : str or None
        Who gets the early warnings; None: those of the role that the company chose.
    """

    stages: tuple[Stage, ...]
    starts: tuple[str, ...] = ()
    goal: str | None = None
    silence_days: int = 60
    window_days: int = 30
    value_days: int = 30
    owner_email: str | None = None

    def place(self, key: str) -> int:
        """The stage's number, from 0."""
        return next(n for n, stage in enumerate(self.stages) if stage.key == key)

    @property
    def required(self) -> tuple[int, ...]:
        """Numbers of the stages that a good journey comes by, in order."""
        return tuple(n for n, stage in enumerate(self.stages) if not stage.optional)

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """Each required stage with the required stage after it."""
        return tuple(pairwise(self.required))

    def limit_days(self, to: int) -> int:
        """Within how many days the step to a stage has to be made."""
        return self.stages[to].within_days or self.window_days


def check_definition(definition: JourneyDefinition) -> None:
    """Raise what is wrong with a definition, all of it at once.

    Raises
    ------
    InvalidInput
    """
    stages = definition.stages
    keys = [stage.key for stage in stages]
    mistakes = []
    if not 2 <= len(stages) <= MOST_STAGES:
        mistakes.append(f"A journey has 2 to {MOST_STAGES} stages, not {len(stages)}")
    mistakes += [
        f"Stage key {key!r} must begin with a letter and hold lower-case letters, digits and _ only"
        for key in keys
        if not _KEY.match(key)
    ]
    mistakes += [f"Two stages have the key {key!r}" for key in sorted(set(keys)) if
                 keys.count(key) > 1]  # fmt: skip
    for stage in stages:
        mistakes += _mistakes_of(stage)
    mistakes += [
        f"Start stage {key!r} is none of the stages: {', '.join(keys)}"
        for key in definition.starts
        if key not in keys
    ]
    if definition.goal is not None and definition.goal not in keys:
        mistakes.append(f"The goal {definition.goal!r} is none of the stages: {', '.join(keys)}")
    if len(definition.required) < 2:
        mistakes.append("At least two stages must be ones that a good journey comes by")
    for name, (low, high) in _DAYS.items():
        value = getattr(definition, name)
        if not low <= value <= high:
            mistakes.append(f"{name} is {value}; give {low} to {high}")
    if definition.owner_email is not None and "@" not in definition.owner_email:
        mistakes.append("owner_email is no e-mail address")
    if mistakes:
        raise InvalidInput("; ".join(mistakes))


def _mistakes_of(stage: Stage) -> list[str]:
    found = []
    if not stage.types and not stage.channels:
        found.append(f"Stage {stage.key!r} names neither touchpoint types nor channels")
    if len(stage.types) > MOST_TYPES or len(stage.conditions) > MOST_CONDITIONS:
        found.append(
            f"Stage {stage.key!r} may have {MOST_TYPES} types and {MOST_CONDITIONS} conditions"
        )
    found += [
        f"Stage {stage.key!r} names the channel {name!r}; choose of {', '.join(CHANNELS)}"
        for name in stage.channels
        if name not in CHANNELS
    ]
    if stage.name is not None and not 1 <= len(stage.name.strip()) <= 60:
        found.append(f"Stage {stage.key!r} needs a name of 1 to 60 characters")
    if stage.within_days is not None and not 1 <= stage.within_days <= 365:
        found.append(f"Stage {stage.key!r} has within_days {stage.within_days}; give 1 to 365")
    for each in stage.conditions:
        kind = COLUMNS[each.column]
        if each.operator not in OPERATORS[kind]:
            found.append(
                f"{each.column} is compared by {' or '.join(OPERATORS[kind])}, not {each.operator}"
            )
        elif kind == "number" and (isinstance(each.value, str) or abs(each.value) > 1e12):
            found.append(f"{each.column} is compared with a number, not {each.value!r}")
        elif kind == "text" and not (isinstance(each.value, str) and each.value.strip()):
            found.append(f"{each.column} is compared with a text, not {each.value!r}")
    return found


def read_definition(stored: Any) -> JourneyDefinition:
    """A definition from JSON (text, bytes or already read), checked.

    Raises
    ------
    InvalidInput
        If it cannot be read or is not valid.
    """
    try:
        if isinstance(stored, str | bytes):
            found = msgspec.json.decode(stored, type=JourneyDefinition)
        else:
            found = msgspec.convert(stored, JourneyDefinition)
    except msgspec.DecodeError as problem:
        raise InvalidInput(f"This is no definition of a journey: {problem}") from None
    check_definition(found)
    return found
