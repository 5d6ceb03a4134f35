"""The contact ledger's promise: nobody is disturbed more often than the policy says."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from rapport.act.contact_policy import (
    ContactPolicy,
    contacts_of,
    fits,
    load_policies,
    mark_failed,
    mark_sent,
    next_free_at,
    record_human_contact,
    release,
    seven_day_view,
)
from rapport.act.decide import Decision, decide
from rapport.engines.ledger import Ledger, open_ledger
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t
from tests.act.people import NOW, THREE_A_WEEK, YES, add_people, candidate, merge, move_atom

WEEK = timedelta(days=7)
MICROSECOND = timedelta(microseconds=1)


def send(
    ledger: Ledger,
    profile_id: str,
    message_key: str,
    at: datetime = NOW,
    *,
    policy: ContactPolicy = THREE_A_WEEK,
    **changes: object,
) -> Decision:
    """Decide on one newsletter and, if allowed, send it at once."""
    with ledger.write() as connection:
        (decision,) = decide(
            connection,
            ledger,
            [candidate(profile_id, message_key, **changes)],
            consents={profile_id: {"email_marketing": YES}},
            policies=[policy],
            at=at,
        )
        if decision.contact_id is not None:
            mark_sent(connection, [decision.contact_id], at=at)
    return decision


# ── windows ────────────────────────────────────────────────────────────────────────────────────

moments = st.lists(st.integers(0, 60 * 24), max_size=12)  # hours over two months
policies = st.builds(
    ContactPolicy,
    name=st.just("any"),
    max_messages=st.integers(0, 4),
    window_days=st.integers(1, 10),
)


def crowd(hours: list[int], policy: ContactPolicy, start: int) -> int:
    """Contacts in the window that begins at ``start``: the definition, counted out."""
    return sum(start <= h < start + policy.window_days * 24 for h in hours)


def hour(h: int) -> datetime:
    return NOW + timedelta(hours=h)


@settings(deadline=None)  # machines are shared
@given(moments, st.integers(0, 60 * 24), policies)
def test_a_contact_fits_when_no_window_that_holds_it_is_overfull(
    hours: list[int], at: int, policy: ContactPolicy
) -> None:
    length = policy.window_days * 24
    windows = range(at - length + 1, at + 1)
    overfull = any(crowd([*hours, at], policy, w) > policy.max_messages for w in windows)
    assert fits([hour(h) for h in hours], hour(at), policy) is not overfull


@settings(deadline=None)  # machines are shared
@given(moments, policies)
def test_sending_whatever_fits_never_overfills_any_window(
    hours: list[int], policy: ContactPolicy
) -> None:
    accepted: list[int] = []
    for h in hours:  # in any order of time, as senders with wrong clocks arrive
        if fits([hour(a) for a in accepted], hour(h), policy):
            accepted.append(h)
    assert all(crowd(accepted, policy, w) <= policy.max_messages for w in range(-250, 60 * 24 + 1))


@settings(deadline=None)  # machines are shared
@given(moments, st.integers(0, 60 * 24), policies)
def test_the_next_free_moment_is_the_first_that_fits(
    hours: list[int], at: int, policy: ContactPolicy
) -> None:
    times = [hour(h) for h in hours]
    free = next_free_at(times, hour(at), [policy])
    if policy.max_messages == 0:
        assert free is None
        return
    first = next(h for h in range(at, at + 100_000) if fits(times, hour(h), policy))
    assert free == hour(first)


def test_a_message_exactly_one_window_old_no_longer_counts(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    one = ContactPolicy(name="one a week", max_messages=1, window_days=7)
    assert send(ledger, "p", "a", NOW, policy=one).allowed
    early = send(ledger, "p", "b", NOW + WEEK - MICROSECOND, policy=one)
    assert early.reason == {
        "code": "policy_cap",
        "policy": "one a week",
        "sent": 1,
        "max": 1,
        "window_days": 7,
        "free_at": "2026-11-23T09:00:00Z",
    }
    assert send(ledger, "p", "b", NOW + WEEK, policy=one).allowed


# ── what counts ────────────────────────────────────────────────────────────────────────────────


def test_calls_by_colleagues_take_slots_on_every_channel(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    with ledger.write() as connection:
        for hours in (0, 1):
            at = NOW + timedelta(hours=hours)
            record_human_contact(connection, ledger, profile_id="p", channel="phone", at=at)
    later = NOW + timedelta(hours=2)
    assert send(ledger, "p", "a", later).allowed
    assert send(ledger, "p", "b", later).reason["code"] == "policy_cap"


def test_a_human_contact_is_never_refused_and_written_once(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    for key in "abc":
        assert send(ledger, "p", key).allowed
    with ledger.write() as connection:
        first, again = (
            record_human_contact(connection, ledger, profile_id="p", channel="store", at=NOW)
            for _ in range(2)
        )
        view = seven_day_view(connection, "p", THREE_A_WEEK, at=NOW)
    assert first == again
    assert (view.sent, view.max, view.free_at) == (4, 3, NOW + WEEK)


def test_service_messages_pass_a_full_window_and_are_counted(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    for n in range(4):
        assert send(ledger, "p", f"order:{n}", purpose="service").allowed
    refused = send(ledger, "p", "newsletter")
    assert (refused.check, refused.reason["sent"]) == ("contact_policy", 4)


def test_released_and_failed_contacts_give_their_slot_back(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    one = ContactPolicy(name="one", max_messages=1, window_days=7)

    def reserve(key: str) -> Decision:
        with ledger.write() as connection:
            return decide(
                connection,
                ledger,
                [candidate("p", key)],
                consents={"p": {"email_marketing": YES}},
                policies=[one],
                at=NOW,
            )[0]

    first = reserve("a")
    assert first.contact_id is not None
    assert reserve("b").check == "contact_policy"
    with ledger.write() as connection:
        assert release(connection, [first.contact_id]) == 1
        assert mark_sent(connection, [first.contact_id], at=NOW) == 0  # no longer reserved
    again = reserve("a")  # what was released was never sent, and may be decided on again
    assert again.contact_id == first.contact_id
    with ledger.write() as connection:
        assert mark_failed(connection, [first.contact_id]) == 1
    assert reserve("a").reason == {"code": "already_contacted", "status": "failed"}
    assert reserve("c").allowed


def test_a_reserved_slot_stays_taken_until_sent_and_then_counts_from_sending(
    ledger: Ledger,
) -> None:
    add_people(ledger, {"p": []})
    one = ContactPolicy(name="one", max_messages=1, window_days=7)
    with ledger.write() as connection:
        (held_up,) = decide(
            connection,
            ledger,
            [candidate("p", "a")],
            consents={"p": {"email_marketing": YES}},
            policies=[one],
            at=NOW,
        )
    assert held_up.contact_id is not None
    # The mail server was down for eight days: the message may leave at any moment now.
    assert send(ledger, "p", "b", NOW + timedelta(days=8), policy=one).check == "contact_policy"
    with ledger.write() as connection:
        mark_sent(connection, [held_up.contact_id], at=NOW + timedelta(days=9))
    refused = send(ledger, "p", "b", NOW + timedelta(days=10), policy=one)
    assert refused.reason["free_at"] == "2026-12-02T09:00:00Z"
    assert send(ledger, "p", "b", NOW + timedelta(days=16), policy=one).allowed


def test_every_enabled_policy_must_be_satisfied(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    with ledger.write() as connection:
        connection.execute(
            t.contact_policy.insert(),
            [
                {"name": "week", "max_messages": 3, "window_days": 7, "enabled": True},
                {"name": "day", "max_messages": 1, "window_days": 1, "enabled": True},
                {"name": "off", "max_messages": 0, "window_days": 1, "enabled": False},
            ],
        )
    with ledger.read() as connection:
        enabled = load_policies(connection)
    assert [p.name for p in enabled] == ["week", "day"]
    with ledger.write() as connection:
        first, second = decide(
            connection,
            ledger,
            [candidate("p", "a"), candidate("p", "b")],
            consents={"p": {"email_marketing": YES}},
            policies=enabled,
            at=NOW,
        )
    assert first.allowed
    assert second.reason["policy"] == "day"


def test_a_policy_that_makes_no_sense_is_refused_with_its_numbers() -> None:
    with pytest.raises(InvalidInput, match="-1 messages per 0 days"):
        ContactPolicy(name="x", max_messages=-1, window_days=0)


def test_contacts_of_an_unknown_customer_are_not_found(ledger: Ledger) -> None:
    with ledger.write() as connection:
        with pytest.raises(NotFound):
            record_human_contact(connection, ledger, profile_id="?", channel="phone", at=NOW)
        with pytest.raises(NotFound):
            seven_day_view(connection, "?", THREE_A_WEEK, at=NOW)


# ── merges and splits ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("with_record", [True, False])
def test_a_merged_person_gets_no_message_twice_and_both_histories_count(
    ledger: Ledger, with_record: bool
) -> None:
    add_people(ledger, {"old": [1], "new": [2]})
    atom = 1 if with_record else None
    assert send(ledger, "old", "a", atom_id=atom).allowed
    assert send(ledger, "old", "b", atom_id=atom).allowed
    merge(ledger, "old", "new", [1])
    assert send(ledger, "new", "a").reason == {"code": "already_contacted", "status": "sent"}
    assert send(ledger, "old", "a").check == "contact_policy"  # by an old link as well
    assert send(ledger, "new", "c").allowed
    assert send(ledger, "new", "d").reason["sent"] == 3
    with ledger.read() as connection:
        assert [c.message_key for c in contacts_of(connection, "new")] == ["c", "b", "a"]


def test_a_chain_of_merges_is_followed_to_its_end(ledger: Ledger) -> None:
    add_people(ledger, {"a": [1], "b": [2], "c": [3]})
    for key in "xyz":
        assert send(ledger, "a", key).allowed
    merge(ledger, "a", "b", [1])
    merge(ledger, "b", "c", [1, 2])
    assert send(ledger, "c", "new").check == "contact_policy"


def test_after_a_split_contacts_stay_with_the_record_they_went_to(ledger: Ledger) -> None:
    add_people(ledger, {"both": [1, 2], "other": []})
    for key in "xyz":
        assert send(ledger, "both", key, atom_id=2).allowed
    move_atom(ledger, 2, "other")
    assert send(ledger, "other", "new").check == "contact_policy"
    assert send(ledger, "both", "new").allowed  # none of the three went to this person
    # In doubt no message goes twice: the key stays used under the name it was written.
    assert send(ledger, "both", "x").reason["code"] == "already_contacted"
    assert send(ledger, "other", "x").reason["code"] == "already_contacted"
    with ledger.read() as connection:
        assert [c.message_key for c in contacts_of(connection, "both")] == ["new"]
        assert [c.message_key for c in contacts_of(connection, "other")] == ["z", "y", "x"]


# ── many senders at once ───────────────────────────────────────────────────────────────────────


def _over_send(url: str, sender: int, profile_ids: list[str], rounds: int) -> None:
    ledger = open_ledger(url, migrate=False)
    for n in range(rounds):
        with ledger.write() as connection:
            decide(
                connection,
                ledger,
                # Every sender has its own messages, and one that all of them try to send.
                [candidate(p, f"sender:{sender}:{n}") for p in profile_ids]
                + [candidate(p, "to everybody") for p in profile_ids],
                consents={p: {"email_marketing": YES} for p in profile_ids},
                policies=[THREE_A_WEEK],
                at=NOW + timedelta(milliseconds=sender * 7 + n),
            )
    ledger.close()


def _race(url: str, *, people: int, rounds: int) -> None:
    ledger = open_ledger(url, migrate=False)
    profile_ids = [f"p{n}" for n in range(people)]
    add_people(ledger, {p: [] for p in profile_ids})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # import once, not eight times
    senders = [
        context.Process(target=_over_send, args=(url, n, profile_ids, rounds)) for n in range(8)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(240)
    assert [s.exitcode for s in senders] == [0] * 8
    with ledger.read() as connection:
        rows = connection.execute(select(t.contact.c.profile_id, t.contact.c.message_key)).all()
        decided = connection.scalar(select(func.count()).select_from(t.send_decision))
    ledger.close()
    # Eight senders wanted far more; each person got exactly what the policy allows.
    assert Counter(r.profile_id for r in rows) == dict.fromkeys(profile_ids, 3)
    assert len({tuple(r) for r in rows}) == len(rows)
    assert decided == 8 * rounds * people * 2


def test_eight_processes_cannot_exceed_the_cap_together(ledger_url: str) -> None:
    _race(ledger_url, people=5, rounds=2)


@pytest.mark.slow
def test_eight_processes_cannot_exceed_the_cap_of_many_people(ledger_url: str) -> None:
    _race(ledger_url, people=600, rounds=6)
