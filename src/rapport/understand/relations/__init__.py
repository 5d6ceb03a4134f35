"""The relations that metrics are asked of: one line each, in alphabetical order.

Each is a few named steps from touchpoints; `holding.py` says which touchpoints hold at all.
"""

from __future__ import annotations

from rapport.understand.relations.base import Relation
from rapport.understand.relations.contracts import CONTRACTS
from rapport.understand.relations.costs import ACQUISITIONS, PROFITS
from rapport.understand.relations.holding import (
    DONE,
    NO_DETAIL,
    REPLACED,
    SUSPECTS,
    TYPES,
    bind,
    corrections,
    current,
)
from rapport.understand.relations.lines import LINES
from rapport.understand.relations.messages import MESSAGES
from rapport.understand.relations.predictions import PREDICTED_VALUES
from rapport.understand.relations.sales import (
    CUSTOMER_BASE,
    CUSTOMER_ORDERS,
    NEWCOMERS,
    PLACED_ORDERS,
    RETAINED,
    SALES,
    WORTHS,
    named_sales,
    sales,
)
from rapport.understand.relations.service import SERVED
from rapport.understand.relations.visits import VISITS
from rapport.understand.relations.voices import ANSWERS, CONTACTS, MOODS, REVIEWS, SWITCHES

__all__ = [
    "BY_NAME",
    "DONE",
    "NO_DETAIL",
    "RELATIONS",
    "REPLACED",
    "SUSPECTS",
    "TYPES",
    "Relation",
    "bind",
    "corrections",
    "current",
    "named_sales",
    "sales",
]

RELATIONS: tuple[Relation, ...] = (
    ACQUISITIONS,
    ANSWERS,
    CONTACTS,
    CONTRACTS,
    CUSTOMER_BASE,
    CUSTOMER_ORDERS,
    LINES,
    MESSAGES,
    MOODS,
    NEWCOMERS,
    PLACED_ORDERS,
    PREDICTED_VALUES,
    PROFITS,
    RETAINED,
    REVIEWS,
    SALES,
    SERVED,
    SWITCHES,
    VISITS,
    WORTHS,
)

BY_NAME: dict[str, Relation] = {relation.name: relation for relation in RELATIONS}
