"""Splink's estimate on our own comparisons: whose weights are better, all else equal.

The levels, the values' profiles, the blocking, the rarity of values and the linkage are ours; the
shares m and u of each level are Splink's, estimated as its documentation advises: u from random
pairs, m by expectation and maximisation within blocks of one equal value at a time, and the prior
from certain rules. Splink knows two classes of pairs, so no third explains a household.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import pyarrow as pa

from rapport.unify.matching.comparison import ELSE, Comparison
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.match import match
from rapport.unify.matching.model import GRADES, Model, Weight, default_model, graded, level_keys
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.value_profiles import PERSONAL, PROFILED, profile_values, with_rarity
from rapport.workflows.identity_cases import what_is_said
from rapport.workflows.identity_peers import Found
from rapport.workflows.identity_sets import LabelledSet

#: Rules whose pairs are one person's all but surely, and how many of all such pairs they find: as
#: in the recipe for columns that no example has.
_CERTAIN = (("national_id",), ("email", "name_family"), ("name_key", "birth_digits"))
_RECALL = 0.6
#: Within blocks of each, m of the comparisons that do not compare it are estimated; that recipe's
#: blocks too. Those of one address or telephone would teach what a household shares.
_TRAINING = (("name_key",), ("birth_digits",), ("email",))
_MAX_PAIRS = 1e6
_LEAST_M, _LEAST_U = 1e-6, 1e-8
#: A class that explains nothing.
_NO_HOUSEHOLDS = 1e-12
_COLUMN = re.compile(r"\b([lr])\.(\w+)")


def match_with_splinks_weights(records: LabelledSet) -> Found:
    """Match as we do, with the weights that Splink estimates for our levels."""
    model, untrained = splinks_weights(records)
    matched = match(records.stated, comparisons=COMPARISONS, model=model)
    return Found(
        labels=matched.labels,
        pairs=what_is_said(matched),
        note="; ".join(untrained),
    )


def splinks_weights(records: LabelledSet) -> tuple[Model, tuple[str, ...]]:
    """The weights, and which blocks taught nothing."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: PLC0415

    standardised = standardise(records.stated, COMPARISONS)
    stated = records.stated
    sources = stated["source"] if "source" in stated.column_names else None
    standardised, _ = profile_values(standardised, sources)
    standardised = with_rarity(standardised, records_per_person=1 + default_model().same_per_record)
    rows = standardised.table()
    rows = rows.rename_columns(
        ["unique_id" if name == "record" else name for name in rows.column_names]
    )
    linker = Linker(
        DuckDBAPI().register(rows),
        SettingsCreator(
            link_type="dedupe_only",
            comparisons=[_for_splink(c) for c in COMPARISONS if _has(rows, c.said)],
            # Splink asks for one; nothing is predicted with it.
            blocking_rules_to_generate_predictions=[block_on("unique_id")],
        ),
        log_level=logging.CRITICAL,
    )
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on(*rule) for rule in _CERTAIN if _has(rows, rule)], recall=_RECALL
    )
    training.estimate_u_using_random_sampling(max_pairs=_MAX_PAIRS, seed=2)
    untrained = []
    for rule in _TRAINING:
        if not _has(rows, rule):
            continue
        try:
            training.estimate_parameters_using_expectation_maximisation(
                block_on(*rule), estimate_without_term_frequencies=True
            )
        except Exception as error:
            # Splink and DuckDB raise classes of their own where a block has nothing to learn from.
            untrained.append(f"{' and '.join(rule)} taught nothing ({type(error).__name__})")
    settings = linker.misc.save_model_to_json()
    return _model(settings, standardised.n_records), tuple(untrained)


def _has(rows: pa.Table, columns: tuple[str, ...]) -> bool:
    return all(
        name in rows.column_names and rows[name].null_count < rows.num_rows for name in columns
    )


def _for_splink(comparison: Comparison) -> Any:
    """A comparison of ours in Splink's words: the same SQL, a level of its own for each holder."""
    import splink.comparison_library as cl  # noqa: PLC0415

    unsaid = " OR ".join(
        f"{column}_{side} IS NULL" for column in comparison.said for side in ("l", "r")
    )
    levels: list[Any] = [
        {"sql_condition": unsaid, "label_for_charts": "unsaid", "is_null_level": True}
    ]
    for level in comparison.levels:
        condition = _COLUMN.sub(r"\2_\1", level.sql)
        if level.rarity in PROFILED:
            levels += [
                {
                    "sql_condition": (
                        f"({condition}) AND coalesce({level.rarity}_holder_l, {PERSONAL}) = {code}"
                    ),
                    "label_for_charts": graded(level.key, holder),
                }
                for code, holder in enumerate(GRADES, start=PERSONAL)
            ]
        else:
            levels.append({"sql_condition": condition, "label_for_charts": level.key})
    levels.append({"sql_condition": "ELSE", "label_for_charts": ELSE})
    return cl.CustomComparison(output_column_name=comparison.name, comparison_levels=levels)


def _model(settings: Any, n_records: int) -> Model:
    """Splink's shares as a model of ours; a level that no pair showed keeps the shipped ones."""
    trained = {
        of["output_column_name"]: {
            level["label_for_charts"]: level for level in of["comparison_levels"]
        }
        for of in settings["comparisons"]
    }
    shipped = default_model()
    weights: dict[str, dict[str, Weight]] = {}
    for comparison in COMPARISONS:
        weights[comparison.name] = {}
        for key in level_keys(comparison):
            level = trained.get(comparison.name, {}).get(key, {})
            known = shipped.weights[comparison.name][key]
            m, u = level.get("m_probability"), level.get("u_probability")
            u = max(known.u if u is None else u, _LEAST_U)
            weights[comparison.name][key] = Weight(
                m=max(known.m if m is None else m, _LEAST_M), household=u, u=u
            )
    return Model(
        version="splink",
        same_per_record=settings["probability_two_random_records_match"] * (n_records - 1),
        household_per_record=_NO_HOUSEHOLDS,
        merge=shipped.merge,
        review=shipped.review,
        weights=weights,
    )
