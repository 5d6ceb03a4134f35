"""What happened that shows whether a stated value works: a click, an answer, a bounce.

A proof belongs to the record on which it was seen, like everything else about a person, so that it
moves through merges and splits with its record and goes with it when a person is erased. Of each
value the latest success and the latest failure are kept: whichever is later counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.engines.ledger import Ledger, among
from rapport.unify.many_rows import write_many
from rapport.unify.sighting import Sighting
from rapport.unify.stored_evidence import rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import atom_id
from rapport.vocabulary.ledger_tables import from_micros, to_micros
from rapport.vocabulary.touchpoint import Touchpoint


class Proof(Struct, frozen=True, kw_only=True):
    """The latest success and failure of one value."""

    proof: str | None = None
    proven_at: datetime | None = None
    failure: str | None = None
    failed_at: datetime | None = None

    @property
    def standing(self) -> int:
        """1 where the value works, -1 where it fails, by whichever happened last."""
        if self.proven_at is None:
            return -1
        return -1 if self.failed_at is not None and self.failed_at >= self.proven_at else 1


#: Type of touchpoint: the identifier that it proves, and what it is called.
_PROVES: Mapping[str, tuple[str, str]] = {
    v.MESSAGE_CLICKED: ("email", "clicked"),
    v.MESSAGE_OPENED: ("email", "opened"),
    v.MESSAGE_DELIVERED: ("email", "delivered"),
    v.EMAIL_RECEIVED: ("email", "wrote"),
    v.CALL_ENDED: ("phone", "spoke"),
    v.MESSAGE_RECEIVED: ("phone", "wrote"),
    v.ORDER_COMPLETED: ("loyalty_card", "used"),
}
#: Of a message by text the number is proven, not the address.
_BY_PHONE = frozenset({"sms", "messaging", "phone"})
#: Type of touchpoint: which of the facts that it states are proven by it. A bank knows who holds
#: an account; a parcel that was delivered had an address.
_PROVES_FACTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    v.PAYMENT_RECEIVED: (("name",), "paid"),
    v.SHIPMENT_DELIVERED: (("street", "postal_code", "city", "country"), "delivered"),
}
_TELLING = frozenset({v.MESSAGE_BOUNCED, *_PROVES, *_PROVES_FACTS})


class _Seen:
    __slots__ = ("failed_at", "failure", "proof", "proven_at")

    def __init__(self) -> None:
        self.proof: str | None = None
        self.proven_at = -1
        self.failure: str | None = None
        self.failed_at = -1

    def succeed(self, proof: str, at: int) -> None:
        # Of two at one moment the greater name, so that the order of arrival does not matter.
        if (at, proof) > (self.proven_at, self.proof or ""):
            self.proof, self.proven_at = proof, at

    def fail(self, failure: str, at: int) -> None:
        if (at, failure) > (self.failed_at, self.failure or ""):
            self.failure, self.failed_at = failure, at


def register_proofs(
    connection: Connection, ledger: Ledger, told: Iterable[tuple[Touchpoint, Sighting]]
) -> int:
    """Keep what touchpoints prove; returns how many values it concerned.

    Parameters
    ----------
    told : iterable of (Touchpoint, Sighting)
        Each touchpoint that names somebody, with what identity made of it.
    """
    seen: defaultdict[tuple[int, str, str], _Seen] = defaultdict(_Seen)
    for touchpoint, sighting in told:
        if touchpoint.type in _TELLING:  # most are looks at a page
            _note(seen, touchpoint, sighting)
    if not seen:
        return 0
    p = t.value_proof.c
    for row in rows_in(
        connection,
        lambda piece: select(
            p.atom_id, p.name, p.value, p.proof, p.proven_at, p.failure, p.failed_at
        ).where(among(p.atom_id, piece)),
        {key[0] for key in seen},
    ):
        known = seen.get((row[0], row[1], row[2]))
        if known is None:
            continue
        if row[4] is not None:
            known.succeed(row[3], to_micros(row[4]))
        if row[6] is not None:
            known.fail(row[5], to_micros(row[6]))
    inserting = ledger.insert(t.value_proof)
    stated = ("proof", "proven_at", "failure", "failed_at")
    write_many(
        connection,
        inserting.on_conflict_do_update(
            index_elements=["atom_id", "name", "value"],
            set_={name: inserting.excluded[name] for name in stated},
        ),
        ("atom_id", "name", "value", *stated),
        [
            (
                *key,
                each.proof,
                None if each.proof is None else each.proven_at,
                each.failure,
                None if each.failure is None else each.failed_at,
            )
            for key, each in sorted(seen.items(), key=itemgetter(0))
        ],
    )
    return len(seen)


def _note(
    seen: defaultdict[tuple[int, str, str], _Seen], touchpoint: Touchpoint, sighting: Sighting
) -> None:
    kind = touchpoint.type
    if kind == v.MESSAGE_BOUNCED:
        # Numbers that begin with 4 pass: a full mailbox is still somebody's.
        if str(touchpoint.properties.get("status") or "").startswith("4"):
            return
        value = _only(sighting, _carrier("email", touchpoint))
        if value is not None:
            seen[_key(sighting, *value)].fail("bounced", to_micros(touchpoint.occurred_at))
        return
    if (proves := _PROVES.get(kind)) is not None:
        value = _only(sighting, _carrier(proves[0], touchpoint))
        if value is not None:
            seen[_key(sighting, *value)].succeed(proves[1], to_micros(touchpoint.occurred_at))
    elif (facts := _PROVES_FACTS.get(kind)) is not None:
        for name in facts[0]:
            said = sighting.traits.get(name)
            if said:
                seen[_key(sighting, name, said)].succeed(
                    facts[1], to_micros(touchpoint.occurred_at)
                )


def _carrier(name: str, touchpoint: Touchpoint) -> str:
    return "phone" if name == "email" and touchpoint.channel in _BY_PHONE else name


def _only(sighting: Sighting, kind: str) -> tuple[str, str] | None:
    """The one value of ``kind``: of two it could be either that was clicked in or answered."""
    values = {each.value for each in sighting.identifiers if each.kind == kind}
    return (kind, values.pop()) if len(values) == 1 else None


def _key(sighting: Sighting, name: str, value: str) -> tuple[int, str, str]:
    return atom_id(sighting.record), name, value


def proofs_of(
    connection: Connection, atoms: Collection[int]
) -> dict[int, list[tuple[str, str, Proof]]]:
    """What is proven on each record: attribute, value and how."""
    p = t.value_proof.c
    found: defaultdict[int, list[tuple[str, str, Proof]]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: select(
            p.atom_id, p.name, p.value, p.proof, p.proven_at, p.failure, p.failed_at
        ).where(among(p.atom_id, piece)),
        atoms,
    ):
        proof = Proof(proof=row[3], proven_at=row[4], failure=row[5], failed_at=row[6])
        found[row[0]].append((row[1], row[2], proof))
    return dict(found)


def together(a: Proof, b: Proof) -> Proof:
    """What two records prove of one value: the later success and the later failure."""
    success = max((a, b), key=lambda each: _moment(each.proven_at))
    failure = max((a, b), key=lambda each: _moment(each.failed_at))
    return Proof(
        proof=success.proof,
        proven_at=success.proven_at,
        failure=failure.failure,
        failed_at=failure.failed_at,
    )


def _moment(at: Any) -> datetime:
    return from_micros(0) if at is None else at
