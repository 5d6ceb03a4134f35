"""Other ways to find who is who, beside which ours is measured, each as its authors publish it.

Splink runs with the settings of its own worked examples where the columns are theirs, and with the
same recipe on other columns; then connected components at .95, as those examples do. recordlinkage
runs its guide to deduplication. Both are imported only when they run.

References
----------
Splink 5: the examples febrl3 and deduplicate_50k_synthetic, the tutorial's parts 4 and 6.
recordlinkage 0.16: the guide "Data deduplication".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rapport.errors import NotEnoughData
from rapport.unify.blocked_values import blocked_reason
from rapport.workflows.business_columns import business_columns, name_people
from rapport.workflows.identity_sets import COMPANIES, LabelledSet

Numbers = NDArray[np.int64]

#: At this probability Splink's examples make clusters.
SPLINK_THRESHOLD = 0.95
#: recordlinkage holds all pairs of a block in memory: about 1 kB each while it compares.
_MOST_PAIRS = 4_000_000


class Pairs(Struct, frozen=True, kw_only=True):
    """Pairs of records by their number, with the probability said of each."""

    left: Numbers
    right: Numbers
    probability: NDArray[np.float64]


class Found(Struct, frozen=True, kw_only=True):
    """What a method makes of some records: a cluster number each, and pairs where it says them."""

    labels: Numbers
    pairs: Pairs | None = None
    note: str = ""


def components(left: Numbers, right: Numbers, records: int) -> Numbers:
    """Connected components of pairs: a number for each record, shape (records,)."""
    edges = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(records, records))
    _, labels = connected_components(edges, directed=False)
    return np.asarray(labels, dtype=np.int64)


# ── equal values only ──────────────────────────────────────────────────────────────────────────

#: What a careful company joins on without software for it: numbers of one person, or all of name
#: and birthday.
_EQUAL = (
    ("email",),
    ("loyalty_card",),
    ("national_id",),
    ("source", "customer_number"),
    ("first_name", "last_name", "birthday"),
    ("name", "birthday"),
)


#: The same of businesses, once their columns are prepared.
_EQUAL_BUSINESS = (("number",), ("email",), ("name", "postal_code"), ("name", "phone"))
#: And of people who work there.
_EQUAL_CONTACT = (("email", "last_name"), ("first_name", "last_name", "company"))


def match_exactly(records: LabelledSet) -> Found:
    """Join records that are equal on a strong identifier, or on name and birthday."""
    if records.example != COMPANIES:
        return Found(labels=_joined_by(records.stated, _EQUAL))
    people = name_people(records.stated)
    labels = np.empty(records.records, dtype=np.int64)
    labels[~people] = _joined_by(business_columns(records.columns.filter(~people)), _EQUAL_BUSINESS)
    contacts = _joined_by(_prepared(records.stated.filter(people)), _EQUAL_CONTACT)
    labels[people] = contacts + records.records  # numbers that no business has
    return Found(labels=labels)


def _joined_by(columns: pa.Table, equal: Sequence[tuple[str, ...]]) -> Numbers:
    """Clusters of rows that are equal on all columns of one of the keys."""
    left: list[Numbers] = []
    right: list[Numbers] = []
    for names in equal:
        if not set(names) <= set(columns.column_names):
            continue
        keys = [pc.utf8_lower(columns[c].combine_chunks()) for c in names]
        key = pc.binary_join_element_wise(*keys, "\x1f")  # null where any is
        codes = np.asarray(pc.fill_null(key.dictionary_encode().indices, -1).to_numpy())
        order = np.argsort(codes, kind="stable").astype(np.int64)
        order = order[codes[order] >= 0]
        same = codes[order][1:] == codes[order][:-1]  # a chain through each value's holders
        left.append(order[:-1][same])
        right.append(order[1:][same])
    none = np.array([], dtype=np.int64)
    return components(
        np.concatenate([*left, none]), np.concatenate([*right, none]), columns.num_rows
    )


# ── Splink ─────────────────────────────────────────────────────────────────────────────────────

#: A blocking rule: SQL expressions that must be equal, or a condition on `l` and `r` as text.
Rule = tuple[str, ...] | str


@dataclass(frozen=True, kw_only=True)
class SplinkExample:
    """Settings of one of Splink's examples: all that it states."""

    rows: pa.Table
    comparisons: Sequence[Any]
    blocking: Sequence[Rule]
    certain: Sequence[Rule]
    recall: float
    training: Sequence[Rule]
    max_pairs: float
    without_term_frequencies: bool = True


def match_with_splink(records: LabelledSet) -> Found:
    """Splink's example for such records, then connected components at its threshold."""
    left, right, probability, notes = [], [], [], []
    for rows, example in _splink_examples(records):
        predicted, note = _splink_pairs(example)
        left.append(rows[np.asarray(predicted["l"].to_numpy(), dtype=np.int64)])
        right.append(rows[np.asarray(predicted["r"].to_numpy(), dtype=np.int64)])
        probability.append(np.asarray(predicted["p"].to_numpy(), dtype=np.float64))
        notes += [note] if note else []
    pairs = Pairs(
        left=np.concatenate(left),
        right=np.concatenate(right),
        probability=np.clip(np.concatenate(probability), 0, 1),
    )
    sure = pairs.probability >= SPLINK_THRESHOLD
    return Found(
        labels=components(pairs.left[sure], pairs.right[sure], records.records),
        pairs=pairs,
        note="; ".join(notes),
    )


def _splink_examples(records: LabelledSet) -> list[tuple[Numbers, SplinkExample]]:
    """Examples to run, each on the rows of these numbers: businesses and their contacts apart."""
    every = np.arange(records.records)
    if records.example != COMPANIES:
        return [(every, _SPLINK_EXAMPLES[records.example](records))]
    people = name_people(records.stated)
    return [
        (every[~people], _businesses(records.columns.filter(~people))),
        (every[people], _contacts(records, people)),
    ]


def _splink_pairs(example: SplinkExample) -> tuple[pa.Table, str]:
    """Train and predict; pairs as ``l r p``, and what could not be trained."""
    from splink import DuckDBAPI, Linker, SettingsCreator  # noqa: PLC0415

    kept = [name for name in example.rows.column_names if name != "unique_id"]
    numbered = example.rows.select(kept).append_column(
        "unique_id", pa.array(np.arange(example.rows.num_rows), pa.int64())
    )
    linker = Linker(
        DuckDBAPI().register(numbered),
        SettingsCreator(
            link_type="dedupe_only",
            comparisons=list(example.comparisons),
            blocking_rules_to_generate_predictions=[_rule(r) for r in example.blocking],
        ),
        log_level=logging.CRITICAL,  # it narrates
    )
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [_rule(r) for r in example.certain], recall=example.recall
    )
    training.estimate_u_using_random_sampling(max_pairs=example.max_pairs, seed=2)
    untrained = []
    for rule in example.training:
        try:
            training.estimate_parameters_using_expectation_maximisation(
                _rule(rule), estimate_without_term_frequencies=example.without_term_frequencies
            )
        except Exception as error:
            # Splink raises classes of its own and of DuckDB when a rule finds nothing to learn
            # from; the example goes on with its other rules, and the row says so.
            untrained.append(f"{' and '.join(rule)} taught nothing ({type(error).__name__})")
    predicted = linker.inference.predict(threshold_match_probability=0.2)
    pairs: Any = predicted.query_sql(
        "SELECT unique_id_l AS l, unique_id_r AS r, match_probability AS p FROM {this}"
    )
    return pairs.as_pyarrow_table(), "; ".join(untrained)


def _rule(rule: Rule) -> Any:
    from splink import block_on  # noqa: PLC0415

    return rule if isinstance(rule, str) else block_on(*rule)


def _febrl(records: LabelledSet) -> SplinkExample:
    """Splink's example febrl3; without the id, all of it that names no id."""
    import splink.comparison_library as cl  # noqa: PLC0415

    numbered = "soc_sec_id" in records.columns.column_names
    return SplinkExample(
        rows=records.columns,
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d"
            ),
            *([cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2])] if numbered else []),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            *([("soc_sec_id",)] if numbered else []),
            *[("given_name",), ("surname",), ("date_of_birth",), ("postcode",)],
        ],
        certain=[
            *([("soc_sec_id",)] if numbered else []),
            ("given_name", "surname", "date_of_birth"),
            "l.given_name = r.surname and l.surname = r.given_name "
            "and l.date_of_birth = r.date_of_birth",
        ],
        recall=0.9,
        training=[("date_of_birth",), ("postcode",)],
        max_pairs=1e6,
        without_term_frequencies=False,
    )


def _historical(records: LabelledSet) -> SplinkExample:
    """Splink's example of historical persons."""
    import splink.comparison_library as cl  # noqa: PLC0415

    rows = records.columns
    whole = pc.binary_join_element_wise(rows["first_name"], rows["surname"], " ")
    return SplinkExample(
        rows=rows.append_column("first_name_surname_concat", whole),
        comparisons=[
            cl.ForenameSurnameComparison(
                "first_name",
                "surname",
                forename_surname_concat_col_name="first_name_surname_concat",
            ),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            ("substr(first_name,1,3)", "substr(surname,1,4)"),
            ("surname", "dob"),
            ("first_name", "dob"),
            ("postcode_fake", "first_name"),
            ("postcode_fake", "surname"),
            ("dob", "birth_place"),
            ("substr(postcode_fake,1,3)", "dob"),
            ("substr(postcode_fake,1,3)", "first_name"),
            ("substr(postcode_fake,1,3)", "surname"),
            ("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
        ],
        certain=[
            ("first_name", "surname", "dob"),
            ("substr(first_name,1,2)", "surname", "substr(postcode_fake,1,2)"),
            ("dob", "postcode_fake"),
        ],
        recall=0.6,
        training=[("first_name", "surname"), ("dob",)],
        max_pairs=1e7,
    )


def _fake(records: LabelledSet) -> SplinkExample:
    """Splink's tutorial."""
    import splink.comparison_library as cl  # noqa: PLC0415

    return SplinkExample(
        rows=records.columns,
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.LevenshteinAtThresholds("dob", 1),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking=[("first_name", "city"), ("surname",)],
        certain=[
            ("first_name", "dob"),
            "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
            ("email",),
        ],
        recall=0.7,
        training=[("first_name", "surname"), ("dob",)],
        max_pairs=2e6,
        without_term_frequencies=False,
    )


def _businesses(columns: pa.Table) -> SplinkExample:
    """The recipe of the other examples on what is known of businesses."""
    import splink.comparison_library as cl  # noqa: PLC0415

    return SplinkExample(
        rows=business_columns(columns),
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.95, 0.88, 0.7]).configure(
                term_frequency_adjustments=True
            ),
            cl.EmailComparison("email"),
            cl.ExactMatch("domain").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("phone", [1]),
            cl.DamerauLevenshteinAtThresholds("number", [1]),
            cl.DamerauLevenshteinAtThresholds("postal_code", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("street", [0.9]).configure(term_frequency_adjustments=True),
        ],
        blocking=[
            *(("number",), ("email",), ("domain",), ("phone",)),
            *(
                ("substr(name,1,6)",),
                ("postal_code", "substr(name,1,3)"),
                ("postal_code", "street"),
            ),
        ],
        certain=[("number",), ("email",), ("name", "postal_code"), ("phone", "substr(name,1,3)")],
        recall=0.6,
        training=[("name",), ("number",), ("postal_code", "street")],
        max_pairs=1e7,
    )


def _contacts(records: LabelledSet, people: NDArray[np.bool_]) -> SplinkExample:
    """The recipe for anybody, and the company that they name."""
    import splink.comparison_library as cl  # noqa: PLC0415

    example = _anybody(replace(records, stated=records.stated.filter(people)))
    return replace(
        example,
        comparisons=[*example.comparisons, cl.JaroWinklerAtThresholds("company", [0.95, 0.8])],
        blocking=[*example.blocking, ("company", "substr(first_name,1,2)")],
    )


#: What a stranger's columns are compared by: the comparisons of the examples above, kind by kind.
_IDENTIFIERS = ("loyalty_card", "national_id", "iban", "customer_number", "device_id")
#: A value on more records is left out for Splink, as somebody who looks at the data would: else one
#: shop's tablet makes a blob of its visitors.
_MOST_HOLDERS = 50


def _anybody(records: LabelledSet) -> SplinkExample:
    """The recipe of the historical example on whatever is stated.

    Prepared as Splink's documentation advises: lower case, names in two columns, placeholders
    left out, and what too many share.
    """
    import splink.comparison_library as cl  # noqa: PLC0415

    rows = _prepared(records.stated)
    names = {"first_name", "last_name"} <= set(rows.column_names)
    has = [c for c in rows.column_names if rows[c].null_count < rows.num_rows]
    keys = [c for c in ("email", "phone", *_IDENTIFIERS) if c in has]
    comparisons: list[Any] = []
    if names:
        whole = pc.binary_join_element_wise(rows["first_name"], rows["last_name"], " ")
        rows = rows.append_column("first_name_last_name_concat", whole)
        comparisons.append(
            cl.ForenameSurnameComparison(
                "first_name",
                "last_name",
                forename_surname_concat_col_name="first_name_last_name_concat",
            )
        )
    compared: dict[str, Callable[[str], Any]] = {
        "birthday": lambda c: _birthday(rows[c], cl),
        "email": cl.EmailComparison,
        "phone": lambda c: cl.DamerauLevenshteinAtThresholds(c, [1]),
        "postal_code": lambda c: cl.DamerauLevenshteinAtThresholds(c, [1, 2]).configure(
            term_frequency_adjustments=True
        ),
        "street": lambda c: cl.DamerauLevenshteinAtThresholds(c).configure(
            term_frequency_adjustments=True
        ),
        "city": lambda c: cl.ExactMatch(c).configure(term_frequency_adjustments=True),
        **dict.fromkeys(_IDENTIFIERS, cl.ExactMatch),
    }
    comparisons += [compare(c) for c, compare in compared.items() if c in has]
    named: tuple[tuple[str, ...], ...] = (
        ("substr(first_name,1,3)", "substr(last_name,1,4)"),
        ("last_name", "birthday"),
        ("first_name", "birthday"),
        ("postal_code", "first_name"),
        ("postal_code", "last_name"),
        ("birthday", "postal_code"),
    )
    certain = (("first_name", "last_name", "birthday"), ("email", "last_name"))
    training = (("first_name", "last_name"), ("birthday",), ("email",))
    return SplinkExample(
        rows=rows,
        comparisons=comparisons,
        blocking=[*((k,) for k in keys), *_usable(named, has)],
        certain=[*((k,) for k in keys if k != "phone"), *_usable(certain, has)],
        recall=0.6,
        training=_usable(training, has),
        max_pairs=1e7,
    )


def _usable(rules: Sequence[tuple[str, ...]], has: Sequence[str]) -> list[tuple[str, ...]]:
    """Rules all of whose columns there are."""
    return [
        rule
        for rule in rules
        if all(part.removeprefix("substr(").partition(",")[0] in has for part in rule)
    ]


def _birthday(column: pa.ChunkedArray, cl: Any) -> Any:
    """Dates where the column holds dates as Splink reads them, else letters."""
    iso = pc.sum(pc.match_substring_regex(column, r"^\d{4}-\d\d-\d\d$")).as_py() or 0
    if iso > 0.8 * (len(column) - column.null_count):
        return cl.DateOfBirthComparison("birthday", input_is_string=True)
    return cl.DamerauLevenshteinAtThresholds("birthday", [1, 2])


def _prepared(stated: pa.Table) -> pa.Table:
    """Lower case; a name in one field as two; no placeholders and no value that many share."""
    columns = {n: pc.utf8_lower(stated[n].combine_chunks()) for n in stated.column_names}
    for kind in ("email", "phone", *_IDENTIFIERS):
        if kind in columns:
            columns[kind] = _without_placeholders(columns[kind], kind)
    if whole := columns.pop("name", None):
        first = pc.struct_field(pc.extract_regex(whole, r"^(?P<first>\S+)"), 0)
        last = pc.struct_field(pc.extract_regex(whole, r"^\S+\s+(?P<last>.+)$"), 0)
        for name, part in (("first_name", first), ("last_name", last)):
            columns[name] = pc.coalesce(columns[name], part) if name in columns else part
    return pa.table(columns)


def _without_placeholders(column: pa.Array, kind: str) -> pa.Array:
    counted = pc.value_counts(column.drop_null())
    values, holders = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    blocked = [
        value
        for value, n in zip(values, holders, strict=True)
        if n > _MOST_HOLDERS or blocked_reason(kind, value) is not None
    ]
    return pc.if_else(
        pc.is_in(column, pa.array(blocked, pa.string())), pa.scalar(None, pa.string()), column
    )


_SPLINK_EXAMPLES: dict[str, Callable[[LabelledSet], SplinkExample]] = {
    "": _anybody,
    "fake": _fake,
    "febrl": _febrl,
    "historical": _historical,
}


# ── recordlinkage ──────────────────────────────────────────────────────────────────────────────

#: The guide's columns of FEBRL, what they are in ours, and how it compares them.
_GUIDE = (
    ("given_name", "first_name", "exact"),
    ("surname", "last_name", "jarowinkler"),
    ("date_of_birth", "birthday", "exact"),
    ("suburb", "city", "exact"),
    ("state", "country", "exact"),
    ("address_1", "street", "levenshtein"),
)


#: The guide on what is known of businesses: a name is compared, and not blocked on.
_GUIDE_OF_BUSINESSES = (
    ("name", "jarowinkler"),
    ("domain", "exact"),
    ("phone", "exact"),
    ("postal_code", "exact"),
    ("street", "levenshtein"),
    ("number", "exact"),
)


def match_with_recordlinkage(records: LabelledSet) -> Found:
    """recordlinkage's guide: block on the given name, join where more than half agrees.

    Businesses have no given names, and are blocked on the postal code; contacts are apart.

    Raises
    ------
    NotEnoughData
        If there are no given names to block on, or more pairs than it can hold in memory.
    """
    if records.example != COMPANIES:
        febrl = records.example == "febrl"
        table = records.columns if febrl else _prepared(records.stated)
        return Found(
            labels=_by_guide(table, "given_name" if febrl else "first_name", _guide(febrl))
        )
    people = name_people(records.stated)
    labels = np.empty(records.records, dtype=np.int64)
    businesses = business_columns(records.columns.filter(~people))
    labels[~people] = _by_guide(businesses, "postal_code", _GUIDE_OF_BUSINESSES)
    contacts = _by_guide(_prepared(records.stated.filter(people)), "first_name", _guide(False))
    labels[people] = contacts + records.records  # numbers that no business has
    return Found(labels=labels)


def _guide(febrl: bool) -> tuple[tuple[str, str], ...]:
    return tuple((there if febrl else ours, how) for there, ours, how in _GUIDE)


def _by_guide(table: pa.Table, blocking: str, guide: Sequence[tuple[str, str]]) -> Numbers:
    """Clusters of rows that agree on more than half of what the guide compares."""
    import pandas as pd  # noqa: PLC0415
    import recordlinkage  # noqa: PLC0415

    used = [(name, how) for name, how in guide if name in table.column_names]
    if blocking not in table.column_names:
        raise NotEnoughData("recordlinkage's guide blocks on given names, and none are stated")
    counts = pc.value_counts(table[blocking].drop_null()).field("counts").to_numpy().astype(float)
    pairs = float((counts * (counts - 1) / 2).sum())
    if pairs > _MOST_PAIRS:
        raise NotEnoughData(
            f"recordlinkage's guide compares all {pairs:,.0f} pairs of equal given names at once, "
            "more than memory holds"
        )
    frame = pd.DataFrame({name: table[name].to_pylist() for name, _ in used})
    indexer = recordlinkage.Index()
    indexer.block(blocking)
    compare = recordlinkage.Compare()
    for name, how in used:
        if how == "exact":
            compare.exact(name, name, label=name)
        else:
            compare.string(name, name, method=how, threshold=0.85, label=name)
    features = compare.compute(indexer.index(frame), frame)
    matches = features[features.sum(axis=1) > len(used) / 2].index
    left, right = (np.asarray(matches.get_level_values(level), dtype=np.int64) for level in (0, 1))
    return components(left, right, table.num_rows)
