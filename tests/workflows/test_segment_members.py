"""Who belongs to segments, followed touchpoint by touchpoint, is who belongs by the lake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from rapport.understand.segments.happening import Followed, Happened, Recency, Span, Which
from rapport.understand.segments.members import member_ids
from rapport.understand.segments.rule import All, Condition, Not, Rule, leaves, where
from rapport.understand.segments.stored import (
    Change,
    changes_of,
    days_of,
    erase_person,
    export_person,
    segments_of,
)
from rapport.unify.personal_data import erase_person as erase_identity
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary.ledger_tables import profile, segment_member
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, ORDER_COMPLETED
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import join_customers, separate_customer
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.data_clock import data_until, end_of_today
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.segment_definitions import (
    all_segments,
    delete_segment,
    find_segment,
    save_segment,
)
from rapport.workflows.segment_members import follow_segments
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, order, touchpoint

ORDER = Which(types=(ORDER_COMPLETED,))
VIEW = Which(types=("Product Viewed",))
TWICE = Happened(
    which=Which(types=(ORDER_COMPLETED,), amount_from=50), value=2, within=Span(number=3)
)
QUIET = All(rules=(Recency(which=VIEW, operator="before", span=Span(number=2)),))
LEFT_BASKET = Followed(
    which=VIEW, then=ORDER, within=Span(number=6, unit="hours"), holds=False, since=Span(number=4)
)
RULES: dict[str, Rule] = {
    "twice": TWICE,
    "quiet": QUIET,
    "basket": LEFT_BASKET,
    "spent": Happened(which=Which(types=(ORDER_COMPLETED,)), measure="amount", value=100),
    "no visit": Happened(which=VIEW, operator="eq", value=0, within=Span(number=1)),
    "buyer": All(rules=(where("order_count", "ge", 1), Not(rule=TWICE))),
}


def step(company: Company) -> None:
    """What the worker does in a round."""
    apply_journal(company)
    refresh_profiles(company)
    follow_segments(company)


def members(company: Company, key: str) -> set[str]:
    m = segment_member.c
    with company.ledger.read() as connection:
        return set(connection.scalars(select(m.profile_id).where(m.segment_key == key)))


def changes(company: Company, key: str) -> list[Change]:
    with company.ledger.read() as connection:
        found, total = changes_of(connection, segment_key=key)
    assert len(found) == total
    return found


def person(company: Company, address: str) -> str:
    with company.ledger.read() as connection:
        found = connection.scalar(
            select(profile.c.profile_id).where(
                profile.c.email == address, profile.c.merged_into.is_(None)
            )
        )
    assert found is not None
    return str(found)


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    clock.now = START
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def order_at(number: int, amount: str, when: datetime, address: str = "ann@kadar.example") -> Any:
    return order(str(number), amount, record=email(address), occurred_at=when)


# ── what enters and leaves, and why ────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_second_order_enters_and_time_alone_leaves(company: Company, clock: FakeClock) -> None:
    key = save_segment(company, name="Twice", rule=TWICE, author="a@kadar.example")
    keep(company, [order_at(1, "60", START - timedelta(days=2))])
    step(company)
    assert members(company, key) == set()

    keep(company, [order_at(2, "70", START)])
    step(company)
    ann = person(company, "ann@kadar.example")
    assert members(company, key) == {ann}
    (entry,) = changes(company, key)
    assert (entry.profile_id, entry.entered, entry.cause) == (ann, True, "touchpoint")
    assert [(each.condition, each.holds) for each in entry.why] == [(TWICE, True)]

    clock.now = START + timedelta(days=1) - timedelta(microseconds=1)
    step(company)
    assert members(company, key) == {ann}
    clock.now = START + timedelta(days=1)  # the first order is three days old, to the microsecond
    step(company)
    assert members(company, key) == set()
    left = changes(company, key)[0]
    assert (left.entered, left.cause, left.why[0].holds) == (False, "time", False)
    with company.ledger.read() as connection:
        days = days_of(connection, key, START.date())
    assert [(each.members, each.entered, each.left) for each in days] == [(1, 1, 0), (0, 0, 1)]


@pytest.mark.slow
def test_waiting_in_vain_enters_without_a_touchpoint(company: Company, clock: FakeClock) -> None:
    key = save_segment(company, name="Basket", rule=LEFT_BASKET, author="a@kadar.example")
    keep(company, [touchpoint("v", type="Product Viewed", record=email("ann@kadar.example"))])
    step(company)
    assert members(company, key) == set()
    clock.now = START + timedelta(hours=6)
    step(company)
    assert len(members(company, key)) == 1
    assert changes(company, key)[0].cause == "time"
    # The order came in time, and is told late: nobody waited in vain.
    late = order("9", "20", record=email("ann@kadar.example"),
                 occurred_at=START + timedelta(hours=1), received_at=clock.now)  # fmt: skip
    keep(company, [late])
    step(company)
    assert members(company, key) == set()


@pytest.mark.slow
def test_a_correction_and_a_cancellation_by_others_take_effect(company: Company) -> None:
    key = save_segment(company, name="Spent", rule=RULES["spent"], author="a@kadar.example")
    keep(
        company,
        [order_at(1, "120", START), order_at(2, "130", START, "bob@kadar.example")],
    )
    step(company)
    assert len(members(company, key)) == 2
    keep(
        company,
        [
            touchpoint("c", type=ORDER_COMPLETED, corrects="order:1", order_id="1",
                       record=email("till@kadar.example")),
            touchpoint("x", type=ORDER_CANCELLED, order_id="2"),
        ],
    )  # fmt: skip
    step(company)
    assert members(company, key) == set()
    assert {each.cause for each in changes(company, key)} == {"touchpoint"}


@pytest.mark.slow
def test_joining_and_separating_people_moves_their_history(company: Company) -> None:
    key = save_segment(company, name="Twice", rule=TWICE, author="a@kadar.example")
    keep(company, [order_at(1, "60", START), order_at(2, "60", START, "bob@kadar.example")])
    step(company)
    ann, bob = (person(company, f"{name}@kadar.example") for name in ("ann", "bob"))
    with company.ledger.read() as connection:
        own = atoms_of(connection, [bob])[bob]
    join_customers(company, ann, bob, author="s@kadar.example", reason="same voice")
    step(company)
    (one,) = members(company, key)
    assert changes(company, key)[0].cause == "identity"
    separate_customer(company, one, own, author="s@kadar.example", reason="father and son")
    step(company)
    assert members(company, key) == set()
    assert changes(company, key)[0].cause == "identity"


@pytest.mark.slow
def test_who_was_there_when_a_segment_began_did_not_enter(company: Company) -> None:
    keep(company, [order_at(1, "120", START)])
    step(company)
    key = save_segment(company, name="Spent", rule=RULES["spent"], author="a@kadar.example")
    step(company)
    assert len(members(company, key)) == 1
    assert changes(company, key) == []
    other = Happened(which=ORDER, measure="amount", value=500)
    save_segment(company, name="Spent", rule=other, author="a@kadar.example", key=key)
    step(company)
    assert [(each.entered, each.cause) for each in changes(company, key)] == [(False, "rule")]
    delete_segment(company, key, author="a@kadar.example")
    step(company)
    assert changes(company, key) == []


@pytest.mark.slow
def test_a_person_is_erased_from_segments_too(company: Company) -> None:
    key = save_segment(company, name="Twice", rule=TWICE, author="a@kadar.example")
    step(company)
    keep(company, [order_at(1, "60", START), order_at(2, "60", START)])
    step(company)
    ann = person(company, "ann@kadar.example")
    with company.ledger.read() as connection:
        kept = export_person(connection, [ann])
        assert key in segments_of(connection, [ann])
    assert kept["segment_member"]
    assert kept["segment_change"]
    assert kept["segment_state"]
    with company.ledger.write() as connection:
        erase_identity(connection, company.ledger, ann, author="a@kadar.example", at=START)
        erased = erase_person(connection, [ann])
        assert erased["segment_change"] == len(kept["segment_change"])
        assert all(not rows for rows in export_person(connection, [ann]).values())


# ── always who belongs by the lake ─────────────────────────────────────────────────────────────

PEOPLE = ("ann", "bob", "cyd")
AGES = st.sampled_from([0, 0, 1, 5, 6, 7, 24, 47, 48, 72, -3])


class Story(RuleBasedStateMachine):
    """Anything may happen, in any order; after each round both ways say the same."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock(START)
        self.opened = empty_company(Path(self.folder.name), clock=self.clock)
        self.company = self.opened.__enter__()
        self.number = 0
        self.told: list[str] = []
        for name, each in RULES.items():
            save_segment(self.company, name=name, rule=each, author="a@kadar.example")
        keep(self.company, [order_at(0, "80", START)])
        step(self.company)

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.__exit__(None, None, None)
            self.folder.cleanup()

    def _tell(self, who: str | None, age: int, **fields: Any) -> None:
        self.number += 1
        name = f"t{self.number}"
        if who is not None:
            fields["record"] = email(f"{who}@kadar.example")
        at = self.clock.now - timedelta(hours=age)
        keep(
            self.company,
            [touchpoint(name, occurred_at=at, received_at=self.clock.now, **fields)],
        )
        self.told.append(name)

    @rule(who=st.sampled_from(PEOPLE), age=AGES)
    def views(self, who: str, age: int) -> None:
        self._tell(who, age, type="Product Viewed")

    @rule(who=st.sampled_from(PEOPLE), age=AGES, order_id=st.sampled_from(["a", "b", "c", "d"]),
          amount=st.sampled_from(["40", "50", "90"]))  # fmt: skip
    def orders(self, who: str, age: int, order_id: str, amount: str) -> None:
        self._tell(who, age, type=ORDER_COMPLETED, order_id=order_id, amount=amount, currency="EUR")

    @rule(order_id=st.sampled_from(["a", "b", "c", "d"]))
    def cancels(self, order_id: str) -> None:
        self._tell(None, 0, type=ORDER_CANCELLED, order_id=order_id)

    @precondition(lambda self: self.told)
    @rule(data=st.data(), who=st.sampled_from([None, *PEOPLE]), age=AGES)
    def corrects(self, data: st.DataObject, who: str | None, age: int) -> None:
        named = data.draw(st.sampled_from(self.told))
        self._tell(who, age, type="Product Viewed", corrects=named)

    @rule(hours=st.sampled_from([1, 6, 24, 48]))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(timedelta(hours=hours))

    @rule(pair=st.permutations(PEOPLE))
    def joins(self, pair: list[str]) -> None:
        step(self.company)
        found = self._profiles()
        a, b = (found.get(f"{name}@kadar.example") for name in pair[:2])
        if a is not None and b is not None and a != b:
            join_customers(self.company, a, b, author="s@kadar.example", reason="one person")

    @rule()
    def separates(self) -> None:
        step(self.company)
        with self.company.ledger.read() as connection:
            found = atoms_of(connection, list(set(self._profiles().values())))
        for one, own in sorted(found.items()):
            if len(own) > 1:
                separate_customer(
                    self.company, one, own[:1], author="s@kadar.example", reason="two people"
                )
                return

    def _profiles(self) -> dict[str, str]:
        with self.company.ledger.read() as connection:
            rows = connection.execute(
                select(profile.c.email, profile.c.profile_id).where(
                    profile.c.merged_into.is_(None), profile.c.email.is_not(None)
                )
            )
            return {row.email: row.profile_id for row in rows}

    @rule()
    def figures_are_made_anew(self) -> None:
        rebuild_customers(self.company)
        follow_segments(self.company, everybody=True)

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "company"):
            return
        step(self.company)
        live = self._members()
        rebuild_customers(self.company)  # the lake's own list of people, newcomers included
        by_lake = self._by_lake()
        for key, each in self._own().items():
            if not any(isinstance(leaf, Condition) for leaf in leaves(each)):
                assert live[key] == by_lake[key], each
        # Columns of customers are as of when their table was made.
        follow_segments(self.company, everybody=True)
        assert self._members() == by_lake

    def _own(self) -> dict[str, Rule]:
        found = all_segments(self.company)
        return {each.key: each.rule for each in found if not each.ready_made}

    def _members(self) -> dict[str, set[str]]:
        return {key: members(self.company, key) for key in self._own()}

    def _by_lake(self) -> dict[str, set[str]]:
        at = data_until(self.company)
        now = end_of_today(at, self.company.choice("time_zone"))
        return {
            key: set(member_ids(self.company.seen, each, now=now, at=at)["profile_id"].to_pylist())
            for key, each in self._own().items()
        }


TestStory = pytest.mark.slow(Story.TestCase)
TestStory.settings = settings(
    max_examples=8,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a whole company each: shrinking is slow
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.slow
def test_a_segment_of_the_company_has_a_history_in_its_rule(company: Company) -> None:
    """What is stored as JSON is the rule that was said."""
    key = save_segment(company, name="Basket", rule=LEFT_BASKET, author="a@kadar.example")
    assert find_segment(company, key).rule == LEFT_BASKET
