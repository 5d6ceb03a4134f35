"""Journeys by query, against the same journeys walked by a plain loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.engines.lake import Lake
from rapport.errors import InvalidInput
from rapport.understand.journeys.definition import (
    JourneyDefinition,
    Stage,
    StageCondition,
    check_definition,
    read_definition,
)
from rapport.understand.journeys.discovery import propose
from rapport.understand.journeys.flows import directly_follows, flows
from rapport.understand.journeys.funnel import funnel, funnel_stages
from rapport.understand.journeys.paths import SUPPRESSED, paths
from rapport.understand.journeys.ready_made import READY_MADE
from rapport.understand.journeys.steps import step_customers, step_figures
from rapport.understand.journeys.walks import Walked, walk
from rapport.vocabulary.lake_tables import CUSTOMERS
from tests.understand.touchpoint_rows import at, membership, touchpoints
from tests.understand.walkers import (
    Journey,
    flows_plainly,
    funnel_plainly,
    nearest_rank,
    steps_plainly,
    walk_plainly,
)

TYPES = ("Product Viewed", "Order Completed", "Shipment Delivered", "Ticket Opened", "Page Viewed")
START, UNTIL = at("2026-01-01"), at("2026-07-01")
ONLY = {"customers": CUSTOMERS.empty_table()}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


def stages(**more: Any) -> tuple[Stage, ...]:
    return (
        Stage(key="look", types=(TYPES[0],)),
        Stage(key="buy", types=(TYPES[1],)),
        Stage(key="receive", types=(TYPES[2],), **more),
        Stage(key="help", types=(TYPES[3],), optional=True),
    )


DEFINITIONS = st.builds(
    JourneyDefinition,
    stages=st.builds(stages, within_days=st.sampled_from([None, 2, 6])),
    starts=st.sampled_from([(), ("look",), ("look", "buy"), ("help", "buy")]),
    goal=st.sampled_from([None, "buy", "receive"]),
    silence_days=st.integers(2, 30),
    window_days=st.integers(1, 30),
    value_days=st.just(10),
)
#: Few moments and few people, so that ties, silences and long journeys are common.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 190), st.sampled_from([0, 0, 6, 12]),
        st.sampled_from(TYPES),
    ),
    max_size=60,
)  # fmt: skip


def tables(rows: list[tuple[int, int, int, str]]) -> dict[str, pa.Table]:
    """Two records of each customer, so that histories meet in the membership."""
    made = touchpoints(
        {
            "occurred_at": START + timedelta(days=day, hours=hour),
            "type": kind,
            "atom_id": who * 2 + position % 2,
        }
        for position, (who, day, hour, kind) in enumerate(rows)
    )
    return {
        "touchpoints": made,
        "membership": membership({atom: f"p{atom // 2}" for atom in range(10)}),
        **ONLY,
    }


def both(
    lake: Lake, definition: JourneyDefinition, rows: list[tuple[int, int, int, str]]
) -> tuple[Walked, list[Journey], dict[str, pa.Table]]:
    given = tables(rows)
    walked = walk(lake, definition, until=UNTIL, tables=given)
    touches: dict[str, list[tuple[datetime, int, int]]] = defaultdict(list)
    numbers = {kind: number for number, kind in enumerate(TYPES[:4])}
    for position, (who, day, hour, kind) in enumerate(rows, 1):
        moment = START + timedelta(days=day, hours=hour)
        if kind in numbers and moment < UNTIL:
            touches[f"p{who}"].append((moment, numbers[kind], position))
    return walked, walk_plainly(definition, touches), given


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(definition=DEFINITIONS, rows=ROWS)
def test_moves_are_those_of_a_plain_loop(
    lake: Lake, definition: JourneyDefinition, rows: list[tuple[int, int, int, str]]
) -> None:
    walked, journeys, _ = both(lake, definition, rows)

    assert sorted(
        (row["profile_id"], row["journey"], row["seq"], row["stage"], row["second"], row["ended"])
        for row in walked.moves.to_pylist()
    ) == sorted(
        (journey.profile, journey.touches[0][0], seq, stage, second, journey.touches[-1][2])
        for journey in journeys
        for seq, stage, second in journey.moves
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    definition=DEFINITIONS,
    rows=ROWS,
    first=st.sampled_from([None, 1]),
    per_customer=st.booleans(),
)
def test_a_funnel_comes_as_far_as_any_way_through_can(
    lake: Lake,
    definition: JourneyDefinition,
    rows: list[tuple[int, int, int, str]],
    first: int | None,
    per_customer: bool,
) -> None:
    walked, journeys, given = both(lake, definition, rows)

    found = funnel(lake, walked, start=START, first=first, per_customer=per_customer, tables=given)

    counts, young = funnel_plainly(
        definition,
        journeys,
        funnel_stages(definition, first),
        int(START.timestamp()),
        int(UNTIL.timestamp()),
        per_customer=per_customer,
    )
    assert [stage.journeys for stage in found.stages] == counts
    assert found.under_way == young


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(definition=DEFINITIONS, rows=ROWS, after=st.integers(0, 100))
def test_steps_and_their_quartiles_are_those_of_a_plain_loop(
    lake: Lake, definition: JourneyDefinition, rows: list[tuple[int, int, int, str]], after: int
) -> None:
    walked, journeys, given = both(lake, definition, rows)
    start = START + timedelta(days=after)

    found = step_figures(lake, walked, start=start, tables=given)

    wanted = steps_plainly(definition, journeys, int(start.timestamp()), int(UNTIL.timestamp()))
    for figures in found:
        entries = wanted.get(figures.step, [])
        decided = [entry for entry in entries if entry.decided]
        waits = [entry.wait for entry in decided if entry.wait is not None]
        assert figures.entered == len(entries)
        assert figures.customers == len({entry.profile for entry in entries})
        assert figures.decided == len(decided)
        assert figures.went_on == sum(entry.on for entry in decided)
        assert figures.late == len(waits) - figures.went_on
        assert [figures.first_quartile, figures.median, figures.third_quartile] == [
            nearest_rank(waits, quarters) for quarters in (1, 2, 3)
        ]
        lost = {entry.profile for entry in decided if not entry.on}
        total, page = step_customers(lake, walked, figures.step, start=start, tables=given)
        assert total == len(lost)
        assert {customer.profile_id for customer in page} == lost


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(definition=DEFINITIONS, rows=ROWS)
def test_flows_hold_every_journey_once_and_go_forward(
    lake: Lake, definition: JourneyDefinition, rows: list[tuple[int, int, int, str]]
) -> None:
    walked, journeys, given = both(lake, definition, rows)

    found = flows(lake, walked, start=START, tables=given)

    wanted = flows_plainly(definition, journeys, int(START.timestamp()), int(UNTIL.timestamp()))
    assert {(f.stage, f.to, f.end): f.journeys for f in found} == wanted
    assert sum(f.journeys for f in found if f.end) == len(journeys)
    assert all(f.to > f.stage for f in found if f.to is not None)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(definition=DEFINITIONS, rows=ROWS)
def test_directly_follows_and_paths_count_the_same_moves(
    lake: Lake, definition: JourneyDefinition, rows: list[tuple[int, int, int, str]]
) -> None:
    walked, journeys, given = both(lake, definition, rows)

    follows = directly_follows(lake, walked, start=START, tables=given)
    found = paths(lake, walked, start=START, most=99, tables=given)

    pairs: Counter[tuple[int, int]] = Counter()
    for journey in journeys:
        stages = [stage for _, stage, _ in journey.moves]
        pairs.update(pairwise(stages))
    assert {(f.stage, f.to): f.times for f in follows} == pairs
    assert found.journeys == len(journeys)
    shown = sum(p.journeys for p in found.paths) + (found.rare.journeys if found.rare else 0)
    assert shown == len(journeys)


def said(day: str, who: int, score: float, **more: Any) -> dict[str, Any]:
    return {
        "occurred_at": at(day), "atom_id": who, "type": "Survey Answered", "score": score,
        "scale_min": 0.0, "scale_max": 10.0, **more,
    }  # fmt: skip


def test_paths_of_a_handful_are_not_shown_by_themselves(lake: Lake) -> None:
    rows: list[dict[str, Any]] = []
    for who in range(40):
        rows.append({"occurred_at": at("2026-02-01"), "atom_id": who, "type": TYPES[0]})
        if who < 25:
            rows.append({"occurred_at": at("2026-02-02"), "atom_id": who, "type": TYPES[1]})
        elif who >= 37:
            rows.append({"occurred_at": at("2026-02-02"), "atom_id": who, "type": TYPES[3]})
        rows.append(said("2026-02-03", who, 10.0 if who < 20 else 2.0))
    given = {
        "touchpoints": touchpoints(rows),
        "membership": membership({who: f"p{who}" for who in range(40)}),
    }
    definition = JourneyDefinition(stages=stages())
    walked = walk(lake, definition, until=UNTIL, tables=given)

    found = paths(lake, walked, start=START, tables=given)

    # Three went the rare way. With one other path left beside it they could be counted by
    # subtraction, so the next rarest joins them.
    assert [path.stages for path in found.paths] == [(0, 1)]
    assert found.rare is not None
    assert found.rare.journeys == 15
    (common,) = found.paths
    assert (common.customers, common.happy, common.unhappy) == (25, 20, 5)
    # 5 of 25 against 15 of 15.
    assert common.lift == pytest.approx(0.2)
    assert common.marked
    assert all((path.customers or 0) >= SUPPRESSED for path in found.paths)


def test_conditions_look_at_amounts_scores_and_texts(lake: Lake) -> None:
    def first(*conditions: StageCondition, kind: str = "Order Completed") -> set[str]:
        definition = JourneyDefinition(
            stages=(
                Stage(key="a", types=(kind,), conditions=conditions),
                Stage(key="b", types=("never",)),
            )
        )
        walked = walk(lake, definition, until=UNTIL, tables=given)
        return set(walked.moves["profile_id"].to_pylist())

    rows: list[dict[str, Any]] = [
        {"occurred_at": at("2026-02-01"), "atom_id": 1, "amount_base": Decimal("99.99")},
        {"occurred_at": at("2026-02-01"), "atom_id": 2, "amount_base": 100, "country": "BE"},
        {"occurred_at": at("2026-02-01"), "atom_id": 3, "country": "FR"},
        said("2026-02-01", 1, 6.0, question="nps"),
        said("2026-02-01", 2, 4.0, scale_min=1.0, scale_max=5.0, question="csat"),
    ]
    given = {
        "touchpoints": touchpoints(rows),
        "membership": membership({who: f"p{who}" for who in (1, 2, 3)}),
    }
    survey = "Survey Answered"
    assert first(StageCondition(column="amount", operator="at_least", value=100)) == {"p2"}
    assert first(StageCondition(column="amount", operator="at_most", value=99.99)) == {"p1"}
    assert first(StageCondition(column="country", operator="is_not", value="BE")) == {"p3"}
    # 6 of 10 is a share of 0.6; 4 of 5 is three quarters of a scale that begins with 1.
    assert first(StageCondition(column="score", operator="at_least", value=0.75), kind=survey) == {
        "p2"
    }
    assert first(
        StageCondition(column="question", operator="is", value="nps"),
        StageCondition(column="score", operator="at_most", value=0.6),
        kind=survey,
    ) == {"p1"}


def test_a_proposal_puts_stages_in_the_order_in_which_customers_pass_them(lake: Lake) -> None:
    rows: list[dict[str, Any]] = []
    for who in range(60):
        way = ["Page Viewed", "Product Viewed", "Order Completed", "Shipment Delivered"]
        if who % 10 == 0:
            way.append("Warranty Registered")
        rows += [
            {"occurred_at": at("2026-02-01") + timedelta(hours=who + 5 * n), "atom_id": who,
             "type": kind}
            for n, kind in enumerate(way)
        ]  # fmt: skip
    given = {
        "touchpoints": touchpoints(rows),
        "membership": membership({who: f"p{who}" for who in range(60)}),
    }

    found = propose(lake, start=START, until=UNTIL, tables=given)

    assert found is not None
    assert [seen.stage.key for seen in found.seen] == [
        "discover", "consider", "buy", "receive", "warranty_registered",
    ]  # fmt: skip
    assert [seen.stage.optional for seen in found.seen] == [False] * 4 + [True]
    assert found.definition.starts == ("discover",)
    assert found.definition.goal == "buy"
    assert {(f.stage, f.to): f.journeys for f in found.follows} == {
        (0, 1): 60, (1, 2): 60, (2, 3): 60, (3, 4): 6,
    }  # fmt: skip
    check_definition(found.definition)


def test_nothing_is_proposed_of_nothing(lake: Lake) -> None:
    given = {"touchpoints": touchpoints([]), "membership": membership({})}
    assert propose(lake, start=START, until=UNTIL, tables=given) is None


@pytest.mark.parametrize("ready", READY_MADE, ids=lambda each: each.key)
def test_ready_made_definitions_are_valid_and_survive_being_stored(ready: Any) -> None:
    assert read_definition(msgspec.json.encode(ready.definition)) == ready.definition


def test_all_mistakes_of_a_definition_are_told_at_once() -> None:
    bad = JourneyDefinition(
        stages=(
            Stage(key="Look!", types=("Product Viewed",)),
            Stage(key="buy", channels=("carrier pigeon",)),
            Stage(key="buy"),
            Stage(
                key="x",
                types=("a",),
                within_days=900,
                conditions=(StageCondition(column="amount", operator="is", value="1"),),
            ),
        ),
        starts=("nowhere",),
        goal="heaven",
        silence_days=0,
        owner_email="nobody",
    )
    with pytest.raises(InvalidInput) as caught:
        check_definition(bad)
    for part in (
        "Look!", "carrier pigeon", "Two stages have the key 'buy'", "neither touchpoint types",
        "within_days 900", "at_least or at_most", "nowhere", "heaven", "silence_days is 0",
        "owner_email",
    ):  # fmt: skip
        assert part in caught.value.message


def test_a_definition_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput, match="stages"):
        read_definition('{"silence_days": 3}')
