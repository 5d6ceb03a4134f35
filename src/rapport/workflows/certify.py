"""The accuracy certificate: what Rapport says about the demo company beside the known truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import select

from rapport.engines.lake import Query, Step
from rapport.errors import NotFound
from rapport.understand.personas.clusters import adjusted_rand_index
from rapport.understand.personas.stored import personas_of
from rapport.vocabulary.identifier import Identifier, atom_id
from rapport.vocabulary.ledger_tables import (
    atom,
    belonging,
    household_member,
    membership,
    score,
)
from rapport.workflows.company import Company

Floats = NDArray[np.float64]


class Line(Struct, frozen=True, kw_only=True):
    """One figure of the certificate."""

    what: str
    figure: str
    meaning: str
    value: float | None = None


class Certificate(Struct, frozen=True, kw_only=True):
    """All figures, for this data folder."""

    lines: tuple[Line, ...]

    def value(self, what: str) -> float:
        """The figure ``what`` as a number.

        Raises
        ------
        NotFound
            If the certificate has no such figure.
        """
        for line in self.lines:
            if line.what == what and line.value is not None:
                return line.value
        raise NotFound(f"The certificate has no figure {what!r}")


def truth_folder(company: Company) -> Path:
    """Where the demo keeps its truth."""
    return company.settings.folder / "silos" / "truth"


def certify_demo(company: Company) -> Certificate:
    """Compare identity, scores and texts with the truth of the demo company.

    Raises
    ------
    NotFound
        If the data folder holds no demo company.
    """
    folder = truth_folder(company)
    if not (folder / "people.parquet").exists():
        raise NotFound(
            f"There is no truth at {folder}: certify compares with the demo company, "
            "which `rapport demo` makes"
        )
    records = _records(company, pq.read_table(folder / "people.parquet"))
    profile_of_person = _best_profile(company, records)
    return Certificate(
        lines=(
            *_identity(company, records),
            *_households(company, pq.read_table(folder / "people.parquet")),
            *_scores(company, profile_of_person, pq.read_table(folder / "lifetimes.parquet")),
            *_texts(company, pq.read_table(folder / "texts.parquet")),
            *_personas(company, profile_of_person, pq.read_table(folder / "motives.parquet")),
            *_totals(company, json.loads((folder / "story.json").read_text("utf-8"))),
        )
    )


# ── identity ───────────────────────────────────────────────────────────────────────────────────


def _records(company: Company, people: pa.Table) -> pa.Table:
    """Records that belong to exactly one person: ``atom_id person_id household_id``."""
    own = people.filter(pc.invert(people["shared"]))
    columns = (own[name].to_pylist() for name in ("kind", "namespace", "value"))
    atoms = [
        atom_id(Identifier(kind=kind, namespace=namespace, value=value))
        for kind, namespace, value in zip(*columns, strict=True)
    ]
    table = pa.table(
        {
            "atom_id": pa.array(atoms, pa.int64()),
            "person_id": own["person_id"],
            "household_id": own["household_id"],
        }
    )
    with company.ledger.read() as connection:
        known = pa.array(connection.scalars(select(atom.c.atom_id)).all(), pa.int64())
    table = table.filter(pc.is_in(table["atom_id"], value_set=known))
    return table.group_by(["atom_id", "person_id", "household_id"]).aggregate([])


_PAIRS = Query(
    steps=(
        Step(
            "placed",
            "SELECT r.atom_id, r.person_id, r.household_id, m.profile_id FROM records AS r "
            "JOIN membership AS m ON m.atom_id = r.atom_id",
        ),
        Step("persons", "SELECT count(*) AS n FROM placed GROUP BY person_id"),
        Step(
            "profiles",
            "SELECT count(*) AS n, count(DISTINCT person_id) AS persons, "
            "count(DISTINCT household_id) AS households FROM placed GROUP BY profile_id",
        ),
        Step("agreed", "SELECT count(*) AS n FROM placed GROUP BY person_id, profile_id"),
        Step(
            "pairs",
            "SELECT (SELECT sum(n * (n - 1) / 2) FROM persons) AS wanted, "
            "(SELECT sum(n * (n - 1) / 2) FROM profiles) AS made, "
            "(SELECT sum(n * (n - 1) / 2) FROM agreed) AS right_ones, "
            "(SELECT count(*) FROM placed) AS records, (SELECT max(n) FROM profiles) AS largest, "
            "(SELECT count(*) FROM profiles) AS profiles, "
            "(SELECT count(*) FROM profiles WHERE persons > 1) AS mixed, "
            "(SELECT count(*) FROM profiles WHERE households > 1) AS strangers",
        ),
    )
)


def _identity(company: Company, records: pa.Table) -> tuple[Line, ...]:
    counts = company.seen.ask(_PAIRS, tables={"records": records}).to_pylist()[0]
    right = float(counts["right_ones"] or 0)
    precision = right / float(counts["made"]) if counts["made"] else 1.0
    recall = right / float(counts["wanted"]) if counts["wanted"] else 1.0
    both = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    n = f"{counts['records']:,} records"
    return (
        _line("identity precision", precision, f"of record pairs joined, the right ones ({n})"),
        _line("identity recall", recall, "of record pairs of one person, those joined"),
        _line("identity F1", both, "both together; by exact identifiers, then by likeness"),
        Line(
            what="largest profile",
            figure=f"{counts['largest']} records",
            meaning="a blob of many people would show here",
            value=float(counts["largest"] or 0),
        ),
        Line(
            what="profiles of two people",
            figure=f"{counts['mixed']:,} of {counts['profiles']:,}",
            meaning="with records of more than one person",
            value=float(counts["mixed"]),
        ),
        Line(
            what="profiles across households",
            figure=f"{counts['strangers']:,} of {counts['profiles']:,}",
            meaning="with records of people who do not even live together",
            value=float(counts["strangers"]),
        ),
    )


def _households(company: Company, people: pa.Table) -> tuple[Line, ...]:
    """Pairs of different people whom we say to live together, beside those who do.

    Asked for among pairs who both stated an address: nobody finds a household from a newsletter.
    """
    home_of = dict(
        zip(people["person_id"].to_pylist(), people["household_id"].to_pylist(), strict=True)
    )
    placed = _profile_of_person(company, _records(company, people))
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(household_member.c.household_id, household_member.c.profile_id)
        ).all()
        stated = set(
            connection.scalars(
                select(membership.c.profile_id)
                .join(belonging, belonging.c.atom_id == membership.c.atom_id)
                .where(membership.c.valid_to.is_(None), belonging.c.kind == "home")
            )
        )
    said: dict[str, list[str]] = {}
    for household_id, profile_id in rows:
        if profile_id in placed:
            said.setdefault(household_id, []).append(profile_id)
    true: dict[str, list[str]] = {}
    for profile_id, person in placed.items():
        true.setdefault(home_of[person], []).append(profile_id)
    found = _pairs_of_people(said.values(), placed)
    wanted = _pairs_of_people(true.values(), placed)
    right = found & wanted
    able = {pair for pair in wanted if stated.issuperset(pair)}
    return (
        _line(
            "household precision",
            len(right) / len(found) if found else 1.0,
            f"of {len(found):,} pairs said to live together, those who do",
        ),
        _line(
            "household recall",
            len(right & able) / len(able) if able else 1.0,
            f"of {len(able):,} pairs who do and both stated an address, those found",
        ),
    )


def _profile_of_person(company: Company, records: pa.Table) -> dict[str, str]:
    """The person who has most records of each profile."""
    query = Query(
        steps=(
            Step(
                "counted",
                "SELECT m.profile_id, r.person_id, count(*) AS n FROM records AS r "
                "JOIN membership AS m ON m.atom_id = r.atom_id GROUP BY m.profile_id, r.person_id",
            ),
            Step(
                "ranked",
                "SELECT profile_id, person_id, row_number() OVER (PARTITION BY profile_id "
                "ORDER BY n DESC NULLS LAST, person_id NULLS LAST) AS place FROM counted",
            ),
            Step("owners", "SELECT profile_id, person_id FROM ranked WHERE place = 1"),
        )
    )
    owners = company.seen.ask(query, tables={"records": records})
    return dict(zip(owners["profile_id"].to_pylist(), owners["person_id"].to_pylist(), strict=True))


def _pairs_of_people(
    groups: Iterable[Sequence[str]], person_of: Mapping[str, str]
) -> set[tuple[str, str]]:
    """Pairs of profiles that are different people."""
    return {
        (min(a, b), max(a, b))
        for group in groups
        for a, b in combinations(group, 2)
        if person_of[a] != person_of[b]
    }


def _best_profile(company: Company, records: pa.Table) -> pa.Table:
    """The profile that holds most of each person's records: ``person_id profile_id``."""
    query = Query(
        steps=(
            Step(
                "counted",
                "SELECT r.person_id, m.profile_id, count(*) AS n FROM records AS r "
                "JOIN membership AS m ON m.atom_id = r.atom_id GROUP BY r.person_id, m.profile_id",
            ),
            Step(
                "ranked",
                "SELECT person_id, profile_id, row_number() OVER (PARTITION BY person_id "
                "ORDER BY n DESC NULLS LAST, profile_id NULLS LAST) AS place FROM counted",
            ),
            Step("best", "SELECT person_id, profile_id FROM ranked WHERE place = 1"),
        )
    )
    return company.seen.ask(query, tables={"records": records})


# ── discovered groups ──────────────────────────────────────────────────────────────────────────


def _personas(company: Company, best: pa.Table, motives: pa.Table) -> tuple[Line, ...]:
    """How far the discovered groups are the kinds of customers that the demo is made of."""
    with company.ledger.read() as connection:
        group_of = dict(personas_of(connection))
    rows = motives.join(best, "person_id", join_type="inner").to_pylist()
    placed = [(r["motive"], group_of[r["profile_id"]]) for r in rows if r["profile_id"] in group_of]
    if not placed:
        return (Line(what="personas", figure="none", meaning="`rapport personas find` says why"),)
    true, found = (
        np.unique(np.array(column), return_inverse=True)[1] for column in zip(*placed, strict=True)
    )
    return (
        _line(
            "personas ARI",
            adjusted_rand_index(true, found),
            f"agreement of {found.max() + 1} groups with the {true.max() + 1} true kinds of "
            f"{len(placed):,} customers; 1 is full, 0 is chance",
        ),
    )


# ── predictions ────────────────────────────────────────────────────────────────────────────────


def _scores(company: Company, best: pa.Table, lifetimes: pa.Table) -> tuple[Line, ...]:
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(score.c.profile_id, score.c.name, score.c.value, score.c.horizon_days)
        ).all()
    if not rows:
        return (Line(what="predictions", figure="none", meaning="`rapport train` says why"),)
    names = {"probability_alive", "expected_orders"}
    values = {(r.profile_id, r.name): r.value for r in rows if r.name in names}
    horizon = next(r.horizon_days for r in rows)
    joined = lifetimes.join(best, "person_id", join_type="inner").to_pylist()
    scored = [r for r in joined if (r["profile_id"], "probability_alive") in values]
    alive = np.array([r["alive_at_end"] for r in scored], dtype=float)
    said = np.array([values[r["profile_id"], "probability_alive"] for r in scored])
    # The model looks a year ahead and the truth 90 days: a customer's orders fade slowly enough
    # that the share of the time is the fair comparison of sums, not of persons.
    expected = np.array([values[r["profile_id"], "expected_orders"] for r in scored])
    truth = np.array([r["expected_orders_90_days"] for r in scored])
    return (
        _line(
            "still-a-customer AUC", _auc(said, alive), f"of {len(scored):,} buyers, stayers first"
        ),
        _line(
            "still-a-customer Brier",
            float(np.mean((said - alive) ** 2)),
            f"lower is better; the base rate gives {alive.mean() * (1 - alive.mean()):.3f}",
        ),
        _line(
            "still-a-customer calibration gap",
            _gap(said, alive),
            "mean distance of said and true share, by decile",
        ),
        _line(
            "expected orders, rank correlation",
            _rank_correlation(expected, truth),
            f"of {horizon} days ahead with the true rate",
        ),
    )  # fmt: skip


def _auc(said: Floats, truth: Floats) -> float:
    """Area under the ROC curve by the rank-sum of Mann and Whitney, ties counted half."""
    order = _ranks(said)
    positive = truth > 0
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    return float((order[positive].sum() - n * (n + 1) / 2) / (n * m))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)


def _rank_correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _gap(said: Floats, truth: Floats) -> float:
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    return float(
        sum(len(p) * abs(said[p].mean() - truth[p].mean()) for p in parts) / max(len(said), 1)
    )


# ── texts and totals ───────────────────────────────────────────────────────────────────────────

_TEXTS = Query(
    steps=(
        Step(
            "judged",
            "SELECT x.language AS truth_language, x.polarity, t.language, t.sentiment "
            "FROM texts AS x JOIN touchpoints AS t "
            "ON t.source = x.source AND t.touchpoint_id = x.touchpoint_id",
        ),
    )
)
#: Beyond this the feeling is said to be good or bad (as in understand.text).
_BORDER = 0.25


def _texts(company: Company, texts: pa.Table) -> tuple[Line, ...]:
    rows = company.lake.ask(_TEXTS, tables={"texts": texts}).to_pylist()
    lines = []
    right = [r["language"] == r["truth_language"] for r in rows]
    if right:
        lines.append(_line("language told", sum(right) / len(right), f"of {len(right):,} texts"))
    for language in sorted({r["truth_language"] for r in rows}):
        of = [r for r in rows if r["truth_language"] == language]
        said = [_polarity(r["sentiment"]) for r in of]
        truth = [int(r["polarity"]) for r in of]
        lines.append(
            _line(
                f"sentiment {language}",
                _macro_f1(said, truth),
                f"macro-F1 of good, neutral and bad over {len(of):,} texts",
            )
        )
    return tuple(lines)


def _polarity(sentiment: float | None) -> int:
    if sentiment is None or abs(sentiment) <= _BORDER:
        return 0
    return 1 if sentiment > 0 else -1


def _macro_f1(said: list[int], truth: list[int]) -> float:
    scores = []
    for kind in sorted(set(truth)):
        hit = sum(s == kind and t == kind for s, t in zip(said, truth, strict=True))
        wrong = sum(s == kind and t != kind for s, t in zip(said, truth, strict=True))
        missed = sum(s != kind and t == kind for s, t in zip(said, truth, strict=True))
        scores.append(2 * hit / (2 * hit + wrong + missed) if hit else 0.0)
    return sum(scores) / len(scores)


def _totals(company: Company, story: dict[str, object]) -> tuple[Line, ...]:
    query = Query(
        steps=(Step("n", "SELECT count(*) AS n FROM touchpoints WHERE source <> 'rapport'"),)
    )
    held = int(company.lake.ask(query).to_pylist()[0]["n"])
    silos = cast("dict[str, dict[str, int]]", story["silos"])
    total = sum(silo["touchpoints"] for silo in silos.values())
    return (
        Line(
            what="touchpoints kept",
            figure=f"{held:,} of {total:,}",
            meaning="importable records of all silos, each once",
            value=held / total if total else None,
        ),
    )


def _line(what: str, value: float, meaning: str) -> Line:
    return Line(what=what, figure=f"{value:.3f}", meaning=meaning, value=value)
