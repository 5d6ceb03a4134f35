"""What part of their spending customers say is ours."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN question = 'share_of_wallet' THEN 1 END)"

METRIC = Metric(
    name="share_of_wallet",
    theme="loyalty",
    unit="share",
    grain="answer",
    direction="up",
    empty=None,
    relation="answers",
    expression=(
        "sum(CASE WHEN question = 'share_of_wallet' THEN CAST((score - scale_min) / (scale_max - "
        "scale_min) AS DECIMAL(18, 6)) END)"
    ),
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: share of wallet;"
        " as stated by customers, Cooil, Keiningham, Aksoy & Hsu (2007), Journal of Marketing "
        "71(1)"
    ),
    description=(
        "Mean answer to a 'share_of_wallet' question, as a share of its scale (0 to 100): of all "
        "you spend on this sort of thing, competitors included, how much do you spend with us? No"
        " value where nobody was asked."
    ),
)
