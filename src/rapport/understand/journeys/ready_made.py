"""Journeys that come with the product: the default map from touchpoint types to stages."""

from __future__ import annotations

from msgspec import Struct

from rapport.understand.journeys.definition import JourneyDefinition, Stage
from rapport.vocabulary import touchpoint as v

DISCOVER = Stage(
    key="discover",
    types=(v.PAGE_VIEWED, v.SCREEN_VIEWED, v.MESSAGE_CLICKED),
    optional=True,
)
CONSIDER = Stage(
    key="consider",
    types=(
        "Product Viewed", "Products Searched", "Product List Viewed", "Product List Filtered",
        "Product Added", "Cart Viewed", "Checkout Started", v.CONFIGURATION_SAVED,
        v.STORE_VISITED, v.DEAL_UPDATED,
    ),
)  # fmt: skip
BUY = Stage(key="buy", types=(v.ORDER_COMPLETED,))
RECEIVE = Stage(key="receive", types=(v.SHIPMENT_DELIVERED,), within_days=5)
USE = Stage(
    key="use",
    channels=("product", "service_visit"),
    optional=True,
)
HELP = Stage(
    key="get_help",
    types=(
        v.TICKET_OPENED, v.CALL_ENDED, v.CALL_MISSED, v.CHAT_ENDED, v.EMAIL_RECEIVED,
        v.ORDER_REFUNDED,
    ),
    optional=True,
)  # fmt: skip
TELL = Stage(
    key="tell", types=(v.SURVEY_ANSWERED, v.REVIEW_POSTED, v.SOCIAL_MENTIONED), optional=True
)
#: The default map: what usually happens to a customer, in the order in which it is hoped for.
DEFAULT_STAGES = (DISCOVER, CONSIDER, BUY, RECEIVE, USE, HELP, TELL)


class ReadyMade(Struct, frozen=True, kw_only=True):
    """A journey that came with the product; pages put its key into words."""

    key: str
    definition: JourneyDefinition


READY_MADE: tuple[ReadyMade, ...] = (
    # Orders of the web shop, where each step leaves a trace; a till says nothing before the sale.
    ReadyMade(
        key="online_order",
        definition=JourneyDefinition(
            stages=(
                DISCOVER,
                Stage(key="consider", types=CONSIDER.types, channels=("web", "app")),
                Stage(key="buy", types=(v.ORDER_COMPLETED,), channels=("web", "app")),
                # Brought, or fetched in a shop.
                Stage(key="receive", types=(*RECEIVE.types, v.STORE_VISITED), within_days=5),
                USE,
                HELP,
                TELL,
            ),
            starts=("discover", "consider", "buy"),
            goal="buy",
        ),
    ),
    ReadyMade(
        key="all_channels",
        definition=JourneyDefinition(
            stages=(
                DISCOVER,
                CONSIDER,
                BUY,
                Stage(key="receive", types=RECEIVE.types, optional=True),
                USE,
                HELP,
                TELL,
            ),
            starts=("discover", "consider", "buy"),
            goal="buy",
        ),
    ),
    ReadyMade(
        key="service",
        definition=JourneyDefinition(
            stages=(
                Stage(key="ask", types=(v.TICKET_OPENED,)),
                Stage(key="solved", types=(v.TICKET_RESOLVED,), within_days=3),
                Stage(key="come_back", types=(v.ORDER_COMPLETED,)),
            ),
            starts=("ask",),
            goal="come_back",
            window_days=60,
        ),
    ),
)
