"""The worklist of likely persons: what is asked, in which order, and what is not asked again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from rapport.engines.ledger import Ledger
from rapport.unify.cluster import cluster
from rapport.unify.decisions import decisions_of
from rapport.unify.evidence import Likeness, with_likeness
from rapport.unify.explain import explain, leaving_without, left_alone, smaller_side
from rapport.unify.identity_rules import IdentityRules
from rapport.unify.review import (
    LATER,
    MOST_COUNTED,
    OPEN,
    Suggestion,
    count_suggestions,
    next_suggestion,
    objections_to,
    put_off,
    queue_changes,
    rank_of,
    requeue,
    scores_of,
    some_suggestions,
    suggestion,
    support_of,
    write_queue,
)
from rapport.unify.stewardship import join_profiles, separate, undo_decision
from rapport.unify.stored_evidence import atoms_of, gather
from rapport.unify.what_if import Effect, differences, effect_of
from rapport.vocabulary import ledger_tables as t
from tests.likeness import alike
from tests.unify.sightings import NOON, atom, memberships, resolve, seen

LATER_ON = NOON + timedelta(hours=1)


def derive(ledger: Ledger) -> int:
    with ledger.write() as connection:
        changes = queue_changes(connection)
        for part in changes.parts(2):
            write_queue(connection, ledger, part)
    return len(changes)


def asked(ledger: Ledger, state: str = OPEN) -> list[tuple[int, int]]:
    with ledger.read() as connection:
        found = some_suggestions(connection, state, limit=50)  # type: ignore[arg-type]
    return [(each.a, each.b) for each in found]


@pytest.fixture
def people(ledger: Ledger) -> Ledger:
    """Four contacts whom no identifier joins."""
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", email="j.peeters@work.be", name="Jan Peeters"),
        seen("crm_contact:3", email="els@mail.be", name="Els Maes"),
        seen("crm_contact:4", email="els.maes@mail.be", name="Els Maes"),
    )
    return ledger


def pair(ledger: Ledger, one: str, two: str, probability: float, **more: bool) -> tuple[int, int]:
    return alike(
        ledger, atom(f"crm_contact:{one}"), atom(f"crm_contact:{two}"), probability, **more
    )


def test_the_likelier_pair_comes_first_and_value_outweighs_a_little(people: Ledger) -> None:
    jan, els = pair(people, "1", "2", 0.7), pair(people, "3", "4", 0.8)
    derive(people)
    assert asked(people) == [els, jan]
    rich = memberships(people)[atom("crm_contact:1")]
    with people.write() as connection:
        connection.execute(
            update(t.profile).where(t.profile.c.profile_id == rich).values(revenue=Decimal(5000))
        )
    derive(people)
    assert asked(people) == [jan, els]


def test_deriving_twice_changes_nothing(people: Ledger) -> None:
    pair(people, "1", "2", 0.7)
    assert derive(people) == 1
    assert derive(people) == 0


def test_of_several_pairs_between_two_people_the_likeliest_is_asked_once(people: Ledger) -> None:
    resolve(people, seen("user_id:9", email="jan@mail.be", name="Jan Peeters"))
    pair(people, "1", "2", 0.7)
    best = alike(people, atom("user_id:9"), atom("crm_contact:2"), 0.9)
    derive(people)
    assert asked(people) == [best]
    placed = memberships(people)
    with people.read() as connection:
        members = atoms_of(connection, set(placed.values()))
        sides = [members[placed[atom(name)]] for name in ("crm_contact:1", "crm_contact:2")]
        assert support_of(connection, *sides) == (2, 2)


def test_who_is_nothing_but_a_telephone_number_is_not_asked_about(people: Ledger) -> None:
    resolve(people, seen("phone:+3212345678", phone="+3212345678"))
    alike(people, atom("phone:+3212345678"), atom("crm_contact:1"), 0.98)
    derive(people)
    assert asked(people) == []


def test_nothing_is_asked_again_that_somebody_answered(people: Ledger) -> None:
    jan, els = pair(people, "1", "2", 0.7), pair(people, "3", "4", 0.8)
    derive(people)
    placed = memberships(people)
    with people.write() as connection:
        same = join_profiles(
            connection, people, placed[els[0]], placed[els[1]],
            author="eva", reason="", at=LATER_ON,
        )  # fmt: skip
        other = separate(
            connection, people, [[jan[0]], [jan[1]]], author="eva", reason="", at=LATER_ON
        )
    # Even before the list is derived anew a reader passes over what is answered.
    assert asked(people) == []
    with people.read() as connection:
        assert suggestion(connection, *jan) is None
    derive(people)
    assert asked(people) == []
    with people.write() as connection:
        for decision in (same, other):
            undo_decision(connection, people, decision.decision_id, author="eva", at=LATER_ON)
        requeue(connection, people, [*jan, *els])
    # A join that is taken back is open again: nobody said that they are different.
    assert asked(people) == [els, jan]


def test_what_is_put_off_comes_after_the_others_also_under_another_pair(people: Ledger) -> None:
    jan = pair(people, "1", "2", 0.7)
    derive(people)
    with people.write() as connection:
        put_off(connection, *jan)
    assert (asked(people), asked(people, LATER)) == ([], [jan])
    resolve(people, seen("user_id:9", email="jan@mail.be", name="Jan Peeters"))
    best = alike(people, atom("user_id:9"), atom("crm_contact:2"), 0.95)
    derive(people)
    assert (asked(people), asked(people, LATER)) == ([], [best])


def test_one_walks_the_list_both_ways(people: Ledger) -> None:
    pairs = [pair(people, "1", "2", 0.9), pair(people, "3", "4", 0.8), pair(people, "1", "3", 0.7)]
    derive(people)
    with people.read() as connection:
        first = next_suggestion(connection)
        walked: list[Suggestion] = []
        while first is not None:
            walked.append(first)
            first = next_suggestion(connection, after=first)
        assert [(each.a, each.b) for each in walked] == pairs
        assert next_suggestion(connection, before=walked[2]) == walked[1]
        assert next_suggestion(connection, before=walked[0]) is None
        assert count_suggestions(connection) == 3 <= MOST_COUNTED


def test_a_page_of_the_list_reads_by_an_index_and_no_table_whole(people: Ledger) -> None:
    pair(people, "1", "2", 0.9)
    derive(people)
    asked = (
        "SELECT * FROM review_pair WHERE state = 'open' AND "
        "(rank, atom_a, atom_b) < (3.0, 1, 1) ORDER BY rank DESC, atom_a DESC, atom_b DESC LIMIT 25"
    )
    with people.read() as connection:
        if people.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}").all()
            steps = [row[3].split(" (")[0] for row in plan]
            assert steps == ["SEARCH review_pair USING INDEX review_pair_by_rank"]
        else:  # a table of one row is read whole, unless that is forbidden
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {asked}").all()
            steps = [row[0].strip().split("  (")[0] for row in plan]
            index = "Index Scan Backward using review_pair_by_rank on review_pair"
            assert any(step.endswith(index) for step in steps), steps
            assert not any("Sort" in step for step in steps), steps


def test_an_objection_is_said_and_nothing_is_written(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "loyalty_card:111", name="Jan Peeters", birthday="1980-01-02"),
        seen("crm_contact:2", "loyalty_card:222", name="Jan Peeters"),
        seen("crm_contact:3", "email:jan@mail.be", name="Jan Peeters", birthday="1955-07-30"),
    )
    before = memberships(ledger)
    a, b, c = (atom(f"crm_contact:{n}") for n in (1, 2, 3))
    with ledger.read() as connection:
        assert objections_to(connection, a, b) == ("needs_a_person:loyalty_card",)
        assert objections_to(connection, a, c) == ("birthdays_differ",)
        assert objections_to(connection, b, c) == ()
    assert memberships(ledger) == before


def test_a_joined_pair_that_an_objection_parts_is_asked(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "loyalty_card:111", name="Jan Peeters"),
        seen("crm_contact:2", "loyalty_card:222", name="Jan Peeters"),
    )
    found = pair(ledger, "1", "2", 0.97, joined=True)
    derive(ledger)
    assert asked(ledger) == [found]
    with ledger.read() as connection:
        assert suggestion(connection, *found).joined  # type: ignore[union-attr]


def test_rank_grows_with_likelihood_and_with_value() -> None:
    assert rank_of(0.8, Decimal(0)) < rank_of(0.9, Decimal(0)) < rank_of(0.9, Decimal(10))
    assert rank_of(0.9, Decimal(-50)) == 0.9


# ── why, and what if ───────────────────────────────────────────────────────────────────────────


def tied_by_likeness(ledger: Ledger) -> tuple[int, int]:
    """Jan's two contacts, one person by likeness alone."""
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", name="Jan Peeters"),
        seen("user_id:9", email="jan@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", email="j.peeters@work.be", name="Jan Peeters"),
    )
    found = pair(ledger, "1", "2", 0.97, joined=True)
    # As the matching workflow does after it wrote its pairs.
    from rapport.unify.resolve import resolve_atoms  # noqa: PLC0415

    with ledger.write() as connection:
        resolve_atoms(connection, ledger, found, LATER_ON)
    return found


def test_an_explanation_says_why_two_records_are_alike_and_what_falls_with_it(
    ledger: Ledger,
) -> None:
    a, b = tied_by_likeness(ledger)
    placed = memberships(ledger)
    assert placed[a] == placed[b]
    with ledger.read() as connection:
        explained = explain(connection, placed[a])
        assert scores_of(connection, [(a, b)])[a, b].steps[0].comparison == "name"
    (link,) = [link for link in explained.links if link.kind == "likeness"]
    assert link.probability == pytest.approx(0.97)
    assert [step.comparison for step in link.steps] == ["name", "birth", "phone"]
    assert link.fell is not None
    assert link.fell.leaving == (str(atom("crm_contact:2")),) == link.fell.cut
    (mail,) = [link for link in explained.links if link.kind == "email"]
    assert mail.fell is not None
    # Without the shared address the shop's account is alone: likeness holds the contacts.
    assert mail.fell.leaving == (str(atom("user_id:9")),)
    assert memberships(ledger) == placed


def test_a_link_beside_which_other_evidence_stands_changes_nothing_if_it_falls(
    ledger: Ledger,
) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "loyalty_card:111", email="jan@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", "loyalty_card:111", email="jan@mail.be", name="Jan Peeters"),
    )
    a, b = atom("crm_contact:1"), atom("crm_contact:2")
    with ledger.read() as connection:
        evidence = gather(connection, [a]).evidence
    (link,) = cluster(evidence).used
    assert leaving_without(evidence, [a, b], link.tie) == ()
    assert smaller_side([(a, b)], (a, b), [a, b]) == (min(a, b),)


def test_a_cut_in_a_chain_parts_its_smaller_side() -> None:
    chain = [(1, 2), (2, 3), (3, 4), (4, 5)]
    assert smaller_side(chain, (2, 3), range(1, 6)) == (1, 2)
    assert smaller_side(chain, (4, 5), range(1, 6)) == (5,)


def test_a_split_foretells_what_could_be_either_side_and_stands_alone(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", phone="+32470123456", name="Jan Peeters"),
        seen("crm_contact:2", email="jan@mail.be", phone="+32470123456", name="Jan Peeters"),
        seen("phone:+32470123456", phone="+32470123456"),
        seen("user_id:9", "crm_contact:1", name="Jan Peeters"),
    )
    names = ("crm_contact:1", "crm_contact:2", "phone:+32470123456", "user_id:9")
    one, two, alone, user = map(atom, names)
    assert len({memberships(ledger)[each] for each in (one, two, alone, user)}) == 1
    with ledger.read() as connection:
        evidence = gather(connection, [one]).evidence
    assert left_alone(evidence, [one, two, alone, user], [two]) == (alone,)
    with ledger.write() as connection:
        separate(
            connection, ledger, [[one, alone, user], [two]], author="eva", reason="", at=LATER_ON
        )
    parted = memberships(ledger)
    assert parted[one] == parted[user]
    assert len({parted[one], parted[two], parted[alone]}) == 3
    with ledger.read() as connection:
        (said,) = [d for d in decisions_of(connection, parted[one]) if d.kind == "cannot_link"]
    assert parted[two] in said.others


def whole_effect(ledger: Ledger, rules: IdentityRules, seeds: list[int], **more: object) -> Effect:
    with ledger.read() as connection:
        *_, effect = effect_of(connection, rules, seeds, **more)  # type: ignore[arg-type]
    assert isinstance(effect, Effect)
    return effect


def test_a_lower_limit_splits_and_is_only_said(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "email:a@m.be", "loyalty_card:111", name="Jan Peeters"),
        seen("crm_contact:2", "email:a@m.be", "loyalty_card:222", name="Jan Peeters"),
    )
    before = memberships(ledger)
    effect = whole_effect(
        ledger, IdentityRules(limits={"loyalty_card": 1}), [atom("crm_contact:1")]
    )
    assert (effect.merged, effect.split, effect.moved) == (0, 1, 1)
    assert (effect.largest_before, effect.largest_after) == (2, 0)
    assert [each.kind for each in effect.examples] == ["split"]
    assert memberships(ledger) == before


def test_pairs_that_another_line_would_join_merge_in_the_trial_only(people: Ledger) -> None:
    a, b = (atom(f"crm_contact:{n}") for n in (1, 2))
    one = Likeness(min(a, b), max(a, b), 5.0)
    effect = whole_effect(people, IdentityRules(), [], added=[one])
    assert (effect.merged, effect.split, effect.largest_after) == (1, 0, 2)
    assert len(set(memberships(people).values())) == 4


def test_pairs_that_another_line_would_not_join_split_in_the_trial(ledger: Ledger) -> None:
    a, b = tied_by_likeness(ledger)
    effect = whole_effect(ledger, IdentityRules(), [], removed=[(a, b)])
    assert (effect.merged, effect.split, effect.moved) == (0, 1, 1)


def test_a_rule_that_is_the_same_changes_nobody(people: Ledger) -> None:
    atoms = [atom(f"crm_contact:{n}") for n in (1, 2, 3, 4)]
    effect = whole_effect(people, IdentityRules(), atoms)
    assert (effect.merged, effect.split, effect.examples, effect.looked_at) == (0, 0, (), 4)


def test_evidence_with_a_likeness_taken_back_is_as_before(people: Ledger) -> None:
    with people.read() as connection:
        evidence = gather(connection, memberships(people)).evidence
    a, b = sorted((atom("crm_contact:1"), atom("crm_contact:2")))
    more = with_likeness(evidence, [Likeness(a, b, 4.0)])
    changed = list(differences(cluster(evidence), cluster(more)))
    assert [(each.kind, each.groups) for each in changed] == [
        ("merged", tuple(sorted(((str(a),), (str(b),)), key=lambda g: int(g[0]))))
    ]
    assert with_likeness(more, [], [(a, b)]) == evidence
