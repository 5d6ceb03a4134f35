"""Waits, deeds and outcomes that need no more than choosing; pages put their keys into words."""

from __future__ import annotations

from rapport.understand.hypotheses.definition import Outcome
from rapport.understand.segments.happening import Which
from rapport.vocabulary import touchpoint as kinds

#: What people wait for: what begins the wait, and what ends it.
WAITS: dict[str, tuple[Which, Which]] = {
    "delivery": (
        Which(types=(kinds.ORDER_COMPLETED,), channels=("web", "app")),
        Which(types=(kinds.SHIPMENT_DELIVERED,)),
    ),
    "solution": (
        Which(types=(kinds.TICKET_OPENED,)),
        Which(types=(kinds.TICKET_RESOLVED,)),
    ),
}

#: What people do.
DEEDS: dict[str, Which] = {
    "complain": Which(types=(kinds.TICKET_OPENED,)),
    "return": Which(types=(kinds.ORDER_REFUNDED,)),
    "call": Which(types=(kinds.CALL_ENDED,)),
    "chat": Which(types=(kinds.CHAT_ENDED,)),
    "write": Which(types=(kinds.EMAIL_RECEIVED,)),
    "review": Which(types=(kinds.REVIEW_POSTED,)),
    "answer_survey": Which(types=(kinds.SURVEY_ANSWERED,)),
    "click_message": Which(types=(kinds.MESSAGE_CLICKED,)),
    "open_message": Which(types=(kinds.MESSAGE_OPENED,)),
    "buy_in_shop": Which(types=(kinds.ORDER_COMPLETED,), channels=("store",)),
    "buy_online": Which(types=(kinds.ORDER_COMPLETED,), channels=("web", "app")),
    "buy": Which(types=(kinds.ORDER_COMPLETED,)),
    "visit_shop": Which(types=(kinds.STORE_VISITED,)),
    "visit_site": Which(types=(kinds.PAGE_VIEWED,)),
    "configure": Which(types=(kinds.CONFIGURATION_SAVED,)),
    "unsubscribe": Which(types=(kinds.UNSUBSCRIBED,)),
}

_ORDER = Which(types=(kinds.ORDER_COMPLETED,))

#: What is counted in the days after.
OUTCOMES: dict[str, Outcome] = {
    "leave": Outcome(measure="never", which=_ORDER),
    "buy_again": Outcome(measure="happens", which=_ORDER),
    "order": Outcome(measure="count", which=_ORDER),
    "spend": Outcome(
        measure="amount", which=Which(types=(kinds.ORDER_COMPLETED, kinds.ORDER_REFUNDED))
    ),
    "complain": Outcome(measure="happens", which=Which(types=(kinds.TICKET_OPENED,))),
    "return": Outcome(measure="happens", which=Which(types=(kinds.ORDER_REFUNDED,))),
    "call": Outcome(measure="happens", which=Which(types=(kinds.CALL_ENDED,))),
    "unsubscribe": Outcome(measure="happens", which=Which(types=(kinds.UNSUBSCRIBED,))),
    "recommend": Outcome(
        measure="score", which=Which(types=(kinds.SURVEY_ANSWERED,), questions=("nps",))
    ),
    "satisfied": Outcome(
        measure="score", which=Which(types=(kinds.SURVEY_ANSWERED,), questions=("csat",))
    ),
    "mood": Outcome(
        measure="mood",
        which=Which(
            types=(
                kinds.REVIEW_POSTED,
                kinds.EMAIL_RECEIVED,
                kinds.CHAT_ENDED,
                kinds.CALL_ENDED,
                kinds.SURVEY_ANSWERED,
            )
        ),
    ),
}
