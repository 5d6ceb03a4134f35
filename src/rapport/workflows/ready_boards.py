"""The boards that come with the product: one for each kind of work, of metrics that exist."""

from __future__ import annotations

from rapport.workflows.saved_questions import SavedQuestion

# Thirteen weeks beside those of a year before are of one season, and need 15 months of data, where
# twelve months beside the twelve before them need two years.

#: By key: who sees it, and its cards. Pages put the keys into words.
READY_BOARDS: dict[str, tuple[tuple[str, ...], tuple[SavedQuestion, ...]]] = {
    "general": (
        ("manager",),
        (
            SavedQuestion(
                metrics=("revenue", "active_customers", "average_order_value", "nps"),
                period="last_month",
            ),
            SavedQuestion(metrics=("revenue",), grain="month", compare="forecast"),
            SavedQuestion(metrics=("gross_margin_share",), grain="month"),
            SavedQuestion(
                metrics=("revenue",), split=("country",), period="last_13_weeks", compare="year"
            ),
            SavedQuestion(metrics=("repeat_rate",), grain="month"),
            SavedQuestion(metrics=("nps",), grain="month"),
        ),
    ),
    "marketing": (
        ("manager", "marketer"),
        (
            SavedQuestion(
                metrics=("new_customers", "repeat_rate", "cost_per_new_customer", "open_rate"),
                period="last_month",
            ),
            SavedQuestion(metrics=("new_customers",), grain="month", compare="forecast"),
            SavedQuestion(
                metrics=("new_customers",),
                split=("acquisition_channel",),
                period="last_13_weeks",
                compare="year",
            ),
            SavedQuestion(
                metrics=("revenue_per_customer",),
                split=("rfm_segment",),
                period="last_13_weeks",
                compare="year",
            ),
            SavedQuestion(metrics=("conversion",), grain="week", period="last_13_weeks"),
            SavedQuestion(metrics=("unsubscribe_rate",), grain="month"),
        ),
    ),
    "contact_centre": (
        ("manager", "agent"),
        (
            SavedQuestion(
                metrics=("contacts", "answered_within_target", "csat", "complaint_share"),
                period="last_28_days",
            ),
            SavedQuestion(
                metrics=("contacts",), grain="week", period="last_13_weeks", compare="forecast"
            ),
            SavedQuestion(metrics=("first_response_time",), grain="month"),
            SavedQuestion(metrics=("resolution_time",), grain="month"),
            SavedQuestion(metrics=("complaint_share",), split=("channel",), period="last_13_weeks"),
            SavedQuestion(metrics=("missed_call_share",), grain="week", period="last_13_weeks"),
        ),
    ),
    "shop": (
        ("manager", "agent"),
        (
            SavedQuestion(
                metrics=("orders", "average_order_value", "items_per_order", "returns_share"),
                period="last_28_days",
            ),
            SavedQuestion(
                metrics=("revenue",), split=("place",), period="last_13_weeks", compare="year"
            ),
            SavedQuestion(metrics=("orders",), split=("place",), period="last_28_days"),
            SavedQuestion(
                metrics=("product_sales",),
                split=("product_category",),
                period="last_13_weeks",
                compare="year",
            ),
            SavedQuestion(metrics=("nps",), split=("place",), period="last_13_weeks"),
        ),
    ),
}
