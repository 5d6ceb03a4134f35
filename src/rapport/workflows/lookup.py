"""Who is this? Exact identifiers first, then likeness; nothing is changed by asking."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.errors import InvalidInput, StoreMismatch
from rapport.unify.lookup import holders
from rapport.unify.matching.comparison import STATED
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.known_values import KnownValues, read_values, write_values
from rapport.unify.matching.live import LiveIndex, Segment, new_folder, open_index, write_index
from rapport.unify.stored_evidence import atoms_of, open_memberships
from rapport.vocabulary.ledger_tables import profile
from rapport.workflows.company import Company, read_choice

#: Longer words are no name, number or address.
_LONGEST = 400
_MOST = 10

_opened: dict[tuple[Path, Path | None], LiveIndex] = {}
_opening = Lock()


class Match(Struct, frozen=True, kw_only=True):
    """A person who may be the one asked for.

    Attributes
    ----------
    certain : bool
        Whether this is the person: by an identifier of their own, or because what is stated is as
        like as records that are joined.
    by : str
        The kind of identifier that found them, or ``likeness``.
    probability : float or None
        That it is the same person, where likeness was measured.
    fields : tuple of (comparison, level, bits)
        What speaks for and against.
    """

    profile_id: str
    certain: bool
    by: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    probability: float | None = None
    fields: tuple[tuple[str, str, float], ...] = ()


class LookedUp(Struct, frozen=True, kw_only=True):
    """Who it is or may be, the likeliest first.

    ``by_likeness`` is False where no records were matched yet, so that only exact identifiers
    could be asked.
    """

    matches: tuple[Match, ...]
    by_likeness: bool


def look_up(company: Company, stated: Mapping[str, str | None]) -> LookedUp:
    """Find a person by whatever is known of them.

    Parameters
    ----------
    stated : mapping
        Columns of `STATED`: name, birthday, phone, postal_code …

    Raises
    ------
    InvalidInput
        If nothing, or something unknown, is stated.
    """
    unknown = sorted(set(stated) - set(STATED))
    said = {name: value.strip()[:_LONGEST] for name, value in stated.items() if value}
    said = {name: value for name, value in said.items() if value and "\0" not in value}
    if unknown or not said.keys() - {"source", "country", "gender"}:
        what = f"{', '.join(unknown)} cannot be asked for" if unknown else "Nothing is asked for"
        raise InvalidInput(f"{what}; state one or more of: {', '.join(STATED)}")
    with company.ledger.read() as connection:
        index = live_index(company, connection)
        found: dict[str, Match] = {}
        countries = read_choice(connection, "home_countries")
        for holder in holders(connection, said, countries):
            found[holder.profile_id] = Match(
                profile_id=holder.profile_id,
                certain=holder.certain,
                by=holder.kind,
            )
        if countries and "country" not in said:
            said["country"] = countries[0]

        def people(atoms: Sequence[int]) -> Mapping[str, Sequence[int]]:
            return atoms_of(connection, set(open_memberships(connection, atoms).values()))

        for person in () if index is None else index.find_people(said, people, limit=4 * _MOST):
            known = found.get(person.profile_id)
            sure = index is not None and person.score.probability >= index.model.merge
            found[person.profile_id] = Match(
                profile_id=person.profile_id,
                certain=known.certain if known is not None else sure,
                by=known.by if known is not None else "likeness",
                probability=person.score.probability,
                fields=person.score.fields,
            )
        best = sorted(
            found.values(),
            key=lambda m: (not m.certain, -(m.probability or 0.5), m.profile_id),
        )[:_MOST]
        if sum(match.certain for match in best) > 1:  # two cannot both be the one
            best = [_doubtful(match) for match in best]
        return LookedUp(matches=_named(connection, best), by_likeness=index is not None)


def _doubtful(match: Match) -> Match:
    return msgspec.structs.replace(match, certain=False)


def _named(connection: Connection, matches: list[Match]) -> tuple[Match, ...]:
    p = profile.c
    rows = connection.execute(
        select(p.profile_id, p.name, p.email, p.phone, p.city).where(
            p.profile_id.in_([match.profile_id for match in matches])
        )
    )
    known = {row.profile_id: row for row in rows}
    return tuple(
        msgspec.structs.replace(
            match,
            name=known[match.profile_id].name,
            email=known[match.profile_id].email,
            phone=known[match.profile_id].phone,
            city=known[match.profile_id].city,
        )
        for match in matches
        if match.profile_id in known
    )


# ── the index ──────────────────────────────────────────────────────────────────────────────────


def index_folder(company: Company) -> Path:
    """Where the indexes of records lie."""
    return company.settings.folder / "identity"


class KeptIndex(Struct, frozen=True, kw_only=True):
    """Which index is asked, and what it was made with.

    Attributes
    ----------
    folder : str
        Of the run over all records.
    newer : str or None
        Of the records that came or changed since.
    made_at : datetime
        When all records were matched.
    made_with : str
        A digest of all that decides about all records: weights, rules, blocked values.
    judged : str
        A digest of people's words on pairs that were in doubt.
    """

    folder: str
    newer: str | None = None
    made_at: datetime
    made_with: str
    judged: str


def kept_index(connection: Connection) -> KeptIndex | None:
    """The index that matching wrote last; None where there is none yet."""
    kept = read_choice(connection, "identity_index")
    return None if kept is None else msgspec.convert(kept, KeptIndex)


def live_index(company: Company, connection: Connection) -> LiveIndex | None:
    """The same, opened; None also for an index of another version: the next matching makes one."""
    kept = kept_index(connection)
    if kept is None:
        return None
    home = index_folder(company)
    folders = home / kept.folder, None if kept.newer is None else home / kept.newer
    with _opening:
        index = _opened.get(folders)
        if index is None:
            try:
                index = open_index(folders[0], COMPARISONS, folders[1])
            except StoreMismatch:
                return None
            for old in [known for known in _opened if known[0].parent == home]:
                del _opened[old]
            _opened[folders] = index
    return index


def known_values(company: Company, kept: KeptIndex) -> KnownValues:
    """What is known of values since the index was kept."""
    return read_values(index_folder(company) / (kept.newer or kept.folder))


def keep_index(
    company: Company, index: LiveIndex, values: KnownValues, *, made_with: str, judged: str
) -> None:
    """Make an index of all records the one that is asked from now on, in every process."""
    name = _new_name(company, "index")
    with new_folder(index_folder(company) / name) as folder:
        write_index(index, folder)
        write_values(values, folder)
    _ask(
        company,
        KeptIndex(folder=name, made_at=company.clock(), made_with=made_with, judged=judged),
    )


def keep_newer(company: Company, kept: KeptIndex, newer: Segment, values: KnownValues) -> None:
    """Have what came since all records were matched asked as well."""
    name = _new_name(company, "newer")
    with new_folder(index_folder(company) / name) as folder:
        newer.write(folder)
        write_values(values, folder)
    _ask(company, msgspec.structs.replace(kept, newer=name))


def _new_name(company: Company, kind: str) -> str:
    return f"{kind}-{company.clock():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _ask(company: Company, kept: KeptIndex) -> None:
    with company.ledger.read() as connection:
        before = kept_index(connection)
    company.choose("identity_index", msgspec.to_builtins(kept))
    # The last ones stay for those who have them open and read on.
    named = {kept.folder, kept.newer, before and before.folder, before and before.newer}
    for old in index_folder(company).iterdir():
        if old.name not in named:
            shutil.rmtree(old, ignore_errors=True)
