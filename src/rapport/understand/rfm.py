"""RFM: when a customer last bought, how often, and for how much, each scored 1 to 5.

Scores
------
A score is one more than the whole fifths of buyers who are strictly below: ``1 + floor(5 × below /
buyers)``, at most 5. Customers with the same value have the same score; `NTILE` would part them by
chance, and differently on each engine. So where six in ten bought once, they all score 1 for
frequency and those who bought twice score 4.

Segments
--------
A map of recency (R) and frequency (F) to the eleven names in common use; the monetary score (M) is
kept beside it. The published regular-expression maps leave R1 F1 under "hibernating"; we give it
the eleventh name, "lost".

====  ============== ============== ================== =============== ===============
R     F 1            F 2            F 3                F 4             F 5
====  ============== ============== ================== =============== ===============
5     new            potential_loyal potential_loyal   champions       champions
4     promising      potential_loyal potential_loyal   loyal           loyal
3     about_to_sleep about_to_sleep needs_attention    loyal           loyal
2     hibernating    hibernating    at_risk            at_risk         cannot_lose
1     lost           hibernating    at_risk            at_risk         cannot_lose
====  ============== ============== ================== =============== ===============

References
----------
Hughes (1994), Strategic Database Marketing; Putler, RFM Analysis For Successful Customer
Segmentation (the eleven names and their grid).
"""

from __future__ import annotations

#: `RFM_MAP[recency_score - 1][frequency_score - 1]`.
RFM_MAP: tuple[tuple[str, ...], ...] = (
    ("lost", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    ("promising", "potential_loyal", "potential_loyal", "loyal", "loyal"),
    ("new", "potential_loyal", "potential_loyal", "champions", "champions"),
)

#: The eleven, from best to gone.
RFM_SEGMENTS: tuple[str, ...] = (
    "champions",
    "loyal",
    "potential_loyal",
    "new",
    "promising",
    "needs_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "lost",
)


def score_sql(value: str) -> str:
    """The score of a value among all rows, higher values scoring higher."""
    below = f"rank() OVER (ORDER BY {value} ASC NULLS FIRST) - 1"
    return f"CAST(1 + floor(5.0 * ({below}) / count(*) OVER ()) AS INT)"


def segment_sql(recency: str, frequency: str) -> str:
    """The segment of two scores."""
    branches = " ".join(
        f"WHEN {recency} = {r} AND {frequency} = {f} THEN '{name}'"
        for r, row in enumerate(RFM_MAP, 1)
        for f, name in enumerate(row, 1)
    )
    return f"CASE {branches} END"
