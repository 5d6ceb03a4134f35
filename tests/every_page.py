"""Every page's address, and a company in which each of them has something to show.

The company is the demo in small with people whose every value tries to break the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from sqlalchemy import select, update

from rapport.act.tickets import tickets_of
from rapport.collect.refused import keep_refused
from rapport.collect.sources import find_source
from rapport.settings import Settings
from rapport.understand.hypotheses.definition import Holds, Hypothesis
from rapport.understand.hypotheses.ready_made import OUTCOMES
from rapport.understand.journeys.definition import JourneyDefinition, Stage, StageCondition
from rapport.understand.segments.rule import where
from rapport.unify.group_words import HOUSEHOLD
from rapport.unify.identity_rules import IdentityRules
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.ledger_tables import board_card, job, profile
from rapport.vocabulary.ledger_tables import source as sources
from rapport.vocabulary.touchpoint import Item, RefusedRecord, Touchpoint
from rapport.web.pages import page_routes
from rapport.workflows.boards import make_board
from rapport.workflows.company import Company, open_company
from rapport.workflows.company_accounts import list_accounts, say_works_at
from rapport.workflows.customer_changes import join_customers, record_contact
from rapport.workflows.group_words import say_group_role
from rapport.workflows.households import household_view, list_households
from rapport.workflows.hypotheses import look, write_hypothesis
from rapport.workflows.identity_health import measure_identity
from rapport.workflows.identity_review import renew_queue
from rapport.workflows.identity_rules import ask_what_if, run_identity_job
from rapport.workflows.journeys import save_journey
from rapport.workflows.persona_views import list_personas, rename_persona
from rapport.workflows.quality import measure_quality
from rapport.workflows.resolve import resolve_company
from rapport.workflows.saved_questions import SavedQuestion
from rapport.workflows.segment_definitions import save_segment
from rapport.workflows.site_pictures import keep_picture
from rapport.workflows.sources import add_collector
from rapport.workflows.ticket_work import note_ticket
from rapport.workflows.upload import keep_upload
from rapport.workflows.users import create_api_token, create_user, find_user
from tests.company import PASSWORD
from tests.customer_data import crm, eszter, evil
from tests.feedback import HOSTILE
from tests.likeness import alike
from tests.personas import plant_groups
from tests.pictures import PNG
from tests.small_company import copy_of_small_company
from tests.touchpoints import email, keep, order, touchpoint

#: The admin who looks at everything; each language has one, so that visits need no change.
ADMIN = "admin-{language}@kadar.example"

#: Address patterns of every GET route, each with addresses that have something to show.
PAGES: Mapping[str, tuple[str, ...]] = {
    "/": ("/",),
    "/account": ("/account",),
    "/accounts": ("/accounts", "/accounts?q=nothing"),
    "/accounts/{account_id:str}": ("/accounts/{account}?q=maes",),
    "/admin": ("/admin",),
    "/admin/alerts": ("/admin/alerts",),
    "/admin/company": ("/admin/company",),
    "/admin/figures": ("/admin/figures",),
    "/admin/outbox": ("/admin/outbox",),
    "/admin/policy": ("/admin/policy?policy=1&max_messages=1&window_days=30",),
    "/admin/users": ("/admin/users",),
    "/boards": ("/boards", "/boards?gone=own-1"),
    "/boards/{key:str}": ("/boards/{board}?gone=1", "/boards/general"),
    "/conflicts": ("/conflicts", "/conflicts?show=settled", "/conflicts?tier=3"),
    "/conflicts/rules": ("/conflicts/rules",),
    "/conflicts/rules/{name:str}": (
        "/conflicts/rules/email",
        "/conflicts/rules/name?by1=verified&by2=preferred&silo1=crm&silo2=loyalty&preview=1",
    ),
    "/customers": ("/customers",),
    "/customers/lookup": ("/customers/lookup",),
    "/customers/{profile_id:str}": ("/customers/{her}", "/customers/{bad}"),
    "/customers/{profile_id:str}/contact": ("/customers/{bad}/contact",),
    "/customers/{profile_id:str}/household": ("/customers/{her}/household?q=maes",),
    "/customers/{profile_id:str}/identity": ("/customers/{bad}/identity?q=maes",),
    "/customers/{profile_id:str}/message": ("/customers/{bad}/message",),
    "/customers/{profile_id:str}/ticket": ("/customers/{bad}/ticket",),
    "/customers/{profile_id:str}/visit": ("/customers/{bad}/visit?from={began}&to={last}",),
    "/households": ("/households", "/households?q=nothing"),
    "/households/{household_id:str}": ("/households/{household}?q=maes",),
    "/hypotheses": ("/hypotheses", "/hypotheses?gone=1&statement={typed}"),
    "/hypotheses/new": ("/hypotheses/new?sentence={typed}",),
    "/hypotheses/{hypothesis_id:int}": ("/hypotheses/{hypothesis}",),
    "/hypotheses/{hypothesis_id:int}/customers": (
        "/hypotheses/{hypothesis}/customers?side=others",
    ),
    "/identity": ("/identity", "/identity?show=later"),
    "/identity/approvals": ("/identity/approvals",),
    "/identity/health": ("/identity/health",),
    "/identity/rules": ("/identity/rules",),
    "/inbox": ("/inbox?show=all",),
    "/inbox/{ticket_id:int}": ("/inbox/{ticket}",),
    "/journeys": ("/journeys",),
    "/journeys/new": ("/journeys/new", "/journeys/new?from=data"),
    "/journeys/{key:str}": (
        "/journeys/{journey}?days=365&by=channel&first=consider&per=customer",
        "/journeys/service",
    ),
    "/journeys/{key:str}/edit": ("/journeys/{journey}/edit", "/journeys/service/edit"),
    "/journeys/{key:str}/people": (
        "/journeys/{journey}/people?stage=consider&outcome=lost&days=365&by=country&part=BE",
    ),
    "/map": ("/map", "/map?metric=revenue&days=365&country=BE"),
    "/map/regions/{region:str}": ("/map/regions/BE-VOV",),
    "/map/shop": ("/map/shop?name=Gent",),
    "/map/shops": ("/map/shops",),
    "/metrics": ("/metrics",),
    "/metrics/{name:str}": ("/metrics/nps", "/metrics/revenue?by=country"),
    "/metrics/{name:str}/people": (
        "/metrics/revenue/people",
        "/metrics/orders/people?by=channel&part=web",
    ),
    "/personas": ("/personas",),
    "/personas/migration": ("/personas/migration",),
    "/personas/{key:str}": ("/personas/{persona}", "/personas/{segment}"),
    "/predictions": ("/predictions",),
    "/quality": ("/quality",),
    "/questions": (
        "/questions",
        "/questions?metric=revenue&metric=nps&grain=month&compare=forecast",
        "/questions?metric=revenue&split=city&split=channel&only=country%3DHU",
    ),
    "/questions/people": ("/questions/people?metric=orders&of=orders",),
    "/segments": ("/segments",),
    "/segments/new": ("/segments/new",),
    "/segments/people": ("/segments/people?rule={rule}",),
    "/segments/{key:str}": ("/segments/{segment}",),
    "/segments/{key:str}/changes": ("/segments/{segment}/changes",),
    "/segments/{key:str}/edit": ("/segments/{segment}/edit",),
    "/sign-in": ("/sign-in",),
    "/site": ("/site", "/site?source=shop&days=30"),
    "/site/page": (
        "/site/page?path=/fr/stores&days=180&width=phone",
        "/site/page?source=shop&path={path}",
    ),
    "/site/searches": ("/site/searches", "/site/searches?source=shop&country=BE"),
    "/site/unused": ("/site/unused",),
    "/sources": ("/sources",),
    "/sources/new": ("/sources/new", "/sources/new?q=shop"),
    "/sources/new/connect": ("/sources/new/connect",),
    "/sources/new/fetch/{key:str}": (
        "/sources/new/fetch/sql",
        "/sources/new/fetch/imap",
        "/sources/new/fetch/hubspot",
    ),
    "/sources/new/toml": ("/sources/new/toml",),
    "/sources/new/upload": ("/sources/new/upload",),
    "/sources/new/upload/{token:str}": ("/sources/new/upload/{token}",),
    "/sources/{name:str}": ("/sources/{source}", "/sources/crm", "/sources/loyalty"),
    "/sources/{name:str}/mapping": ("/sources/crm/mapping",),
}
#: Parts of pages, which htmx fetches.
FRAGMENTS: Mapping[str, tuple[str, ...]] = {
    "/boards/{key:str}/cards/{card_id:int}": (
        "/boards/{board}/cards/1",
        "/boards/{board}/cards/2",
        "/boards/general/cards/2",
    ),
    "/customers/{profile_id:str}/timeline": ("/customers/{bad}/timeline",),
    "/dashboard/{name:str}": tuple(
        f"/dashboard/{name}" for name in ("top", "changes", "charts", "rest")
    ),
    "/identity/rules/trials/{job_id:int}": ("/identity/rules/trials/{trial}",),
    "/search": ("/search?q={typed}",),
}
#: What a browser saves instead of showing.
FILES: Mapping[str, tuple[str, ...]] = {
    "/boards/{key:str}/paper/{kind:str}": (
        "/boards/{board}/paper/html",
        "/boards/{board}/paper/pdf",
    ),
    "/conflicts/silos/{name:str}/corrections.csv": ("/conflicts/silos/loyalty/corrections.csv",),
    "/customers.csv": ("/customers.csv",),
    "/site/picture": ("/site/picture?source=web&path=/fr/stores&width=tablet",),
    "/map.csv": ("/map.csv?metric=revenue",),
    "/questions.csv": ("/questions.csv?metric=revenue&split=city",),
    "/sources/{name:str}/refused.csv": ("/sources/{source}/refused.csv",),
}


class Placed(Struct, frozen=True, kw_only=True):
    """What stands in the addresses of a company."""

    her: str
    bad: str
    ticket: int
    segment: str
    source: str
    token: str
    rule: str
    typed: str
    trial: int
    household: str
    account: str
    journey: str
    hypothesis: int
    path: str
    began: str
    last: str
    persona: str
    board: str

    def address(self, example: str) -> str:
        """An example with the company's own ids."""
        return example.format(
            **{name: quote(str(getattr(self, name)), safe="") for name in self.__struct_fields__}
        )


def get_routes() -> list[str]:
    """Address patterns of everything that the pages answer to GET."""
    return sorted(
        path for handler in page_routes() if "GET" in handler.http_methods for path in handler.paths
    )


def breakout(field: str) -> str:
    """A value that leaves every element and attribute it could stand in, and says whose it is."""
    return f"""{field}"'></title><script>alert("{field}")</script><b onclick=x>"""


#: An imported source may be named almost freely; but a slash ends its part of the address.
SOURCE = breakout("source").replace("/", "")


def stranger(now: datetime) -> list[Touchpoint]:
    """A customer all of whose values break out, and have something on every page."""
    contact, mail = crm(breakout("record")), email("break@out.example")
    who = (contact, mail)
    visit, earlier = now - timedelta(hours=5), now - timedelta(days=2)
    view = {"path": breakout("path"), "view": "break-site-0"}
    return [
        touchpoint(
            "break-crm", source=SOURCE, channel="crm", type=v.RECORD_SEEN,
            record=contact, identifiers=who, occurred_at=now - timedelta(days=40),
            traits={
                name: breakout(name)
                for name in (
                    "first_name", "last_name", "city", "company", "postal_code", "loyalty_tier",
                    "favourite_category", "preferred_store", "job_title",
                )
            } | {"email": "break@out.example", "country": "BE", "language": "nl"},
        ),
        order(
            breakout("order_id"), "12.50", record=contact, identifiers=who,
            occurred_at=now - timedelta(days=8), place=breakout("place"), channel="store",
            items=(Item(sku=breakout("sku"), name=breakout("product"), amount=Decimal("12.50")),),
        ),
        touchpoint(
            "break-survey", source="survey", channel="survey", type=v.SURVEY_ANSWERED,
            record=contact, identifiers=who, occurred_at=now - timedelta(hours=2),
            text=breakout("verbatim"), score=1.0, scale_min=0.0, scale_max=10.0, question="nps",
            language="en",
        ),
        touchpoint(
            "break-chat", source="crm", channel="chat", type=v.CHAT_ENDED, record=contact,
            occurred_at=now - timedelta(days=2), text="It is terrible.",
            properties={"subject": breakout("subject")},
        ),
        touchpoint(
            "break-odd", source="crm", channel=breakout("channel"), type=breakout("event_type"),
            record=contact, occurred_at=now - timedelta(days=3),
        ),
        *(
            touchpoint(
                f"break-web-{n}", type=kind, record=contact, properties=said,
                occurred_at=visit + timedelta(minutes=n),
            )
            for n, (kind, said) in enumerate(
                [
                    (v.PAGE_VIEWED, {"path": breakout("path"), "title": breakout("title")}),
                    ("Products Searched", {"query": breakout("query")}),
                    ("Product Viewed", {"name": breakout("viewed")}),
                ]
            )
        ),
        *(
            touchpoint(
                f"break-site-{n}", type=kind, record=contact, properties={**view, **said},
                occurred_at=earlier + timedelta(minutes=n),
            )
            for n, (kind, said) in enumerate(
                [
                    (v.PAGE_VIEWED, {"title": breakout("title"), "view_width": 390}),
                    (v.PRODUCTS_SEARCHED, {"query": breakout("query"), "results": 0}),
                    (v.ELEMENT_CLICKED, {"element": breakout("element")}),
                    (v.DEAD_CLICKED, {"element": breakout("element")}),
                ]
            )
        ),
    ]  # fmt: skip


#: What `hostile_company` stores that every breakout can be told apart by.
STORED = (
    "first_name", "last_name", "city", "company", "order_id", "place", "product", "verbatim",
    "subject", "event_type", "query", "viewed", "source", "segment", "rule_value", "note",
    "detail", "payload", "label", "user", "api_token", "reason", "column", "cell", "company_name",
    "channel", "mate", "home", "employer", "title", "word", "journey", "stage", "stage_place",
    "belief", "path", "element", "board", "card",
)  # fmt: skip


@contextmanager
def hostile_company(place: Path, folder: Path) -> Iterator[tuple[Company, Placed]]:
    """The small demo company at ``folder`` with hostile people, notes, names and files."""
    data = copy_of_small_company(place, folder)
    with open_company(Settings(data=str(data))) as company:
        yield company, _spoil(company)


def _board(company: Company, author: str) -> str:
    """A board whose name breaks out, with a question that is none any more."""
    user = find_user(company, author)
    asked = (SavedQuestion(metrics=("orders",), grain="month"),) * 2
    name = breakout("board")[:80]
    key = make_board(company, name=name, roles=("manager",), author=user, questions=asked)
    with company.ledger.write() as connection:
        connection.execute(
            update(board_card)
            .where(board_card.c.place == 1)
            .values(title=breakout("card"), question={"metrics": [breakout("gone")]})
        )
    return key


def _spoil(company: Company) -> Placed:
    now = company.clock()
    for language in ("en", "nl", "fr", "hu"):
        create_user(
            company, email=ADMIN.format(language=language), name=f"Zsófia {breakout('user')}",
            role="admin", password=PASSWORD, language=language,
        )  # fmt: skip
    author = ADMIN.format(language="en")
    for language in ("en", "nl", "fr", "hu"):
        create_api_token(company, email=ADMIN.format(language=language), name=breakout("api_token"))
    company.choose("company_name", breakout("company_name"))
    twin = touchpoint(
        "break-twin", source="crm", channel="crm", type=v.RECORD_SEEN, record=crm("twin"),
        occurred_at=now - timedelta(days=30), traits={"name": "Twin Maes"},
    )  # fmt: skip
    mates = [
        touchpoint(
            f"break-mate-{n}", source="crm", channel="crm", type=v.RECORD_SEEN,
            record=crm(f"mate-{n}"), occurred_at=now - timedelta(days=20 + n),
            traits={
                "first_name": first, "last_name": breakout("mate"), "street": "Kaai 9",
                "postal_code": "9000", "city": breakout("home"), "country": "BE",
                "company": breakout("employer"), "job_title": breakout("title"),
            },
        )
        for n, first in enumerate(("Aaron", "Bernadette"))
    ]  # fmt: skip
    survey = touchpoint(
        "hostile-survey", source="survey", channel="survey", type=v.SURVEY_ANSWERED,
        record=email("x@evil.example"), occurred_at=now - timedelta(hours=1), text=HOSTILE,
        score=0.0, scale_min=0.0, scale_max=10.0, question="nps",
    )  # fmt: skip
    keep(company, [*eszter(now), *evil(now), *stranger(now), twin, *mates, survey])
    resolve_company(company)
    with company.ledger.read() as connection:
        ids = {
            name: str(connection.execute(
                select(profile.c.profile_id).where(
                    profile.c.name.contains(name), profile.c.merged_into.is_(None)
                )
            ).scalar_one())
            for name in ("Eszter Vandenberghe", "first_name", "Twin Maes")
        }  # fmt: skip
        [[found]] = tickets_of(connection, [ids["first_name"]]).values()
        number = found.ticket_id
    households = list_households(company, sort="last_seen", query="Bernadette").rows
    accounts = list_accounts(company, query="Bernadette").rows
    mate = household_view(company, households[0].household_id, reveal=True).members[0].profile_id
    say_works_at(
        company, ids["Eszter Vandenberghe"], accounts[0].account_id, together=True,
        author=author, reason=breakout("word"),
    )  # fmt: skip
    say_group_role(company, HOUSEHOLD, mate, "payer", author=author)
    join_customers(
        company, ids["first_name"], ids["Twin Maes"], author=author, reason=breakout("reason")
    )
    record_contact(company, ids["Eszter Vandenberghe"], channel="phone", author=author)
    note_ticket(company, number, body=breakout("note"), author=author)
    keep_picture(company, "web", "/fr/stores", "tablet", PNG, author=author)
    add_collector(company, name="website", label=breakout("label"))
    _refuse(company, SOURCE, now)
    _fetch_from(company, "loyalty", now)
    measure_quality(company)
    rule = where("city", "eq", breakout("rule_value"))
    rows = f'order_id,"{_quoted("column")}",total\nA1,"{_quoted("cell")}",12.50\n'
    return Placed(
        her=ids["Eszter Vandenberghe"],
        bad=ids["first_name"],
        ticket=number,
        segment=save_segment(company, name=breakout("segment"), rule=rule, author=author),
        source=SOURCE,
        token=keep_upload(company, name="orders.csv", content=rows.encode(), kind="orders"),
        rule='{"kind":"all","rules":[]}',
        household=households[0].household_id,
        account=accounts[0].account_id,
        journey=_journey(company, author),
        hypothesis=_hypothesis(company, author),
        persona=_personas(company, author),
        board=_board(company, author),
        typed="alert",
        path=breakout("path"),
        began=(now - timedelta(days=2)).isoformat(),
        last=(now - timedelta(days=2) + timedelta(minutes=3)).isoformat(),
        trial=_suggest(company, ids["first_name"], ids["Eszter Vandenberghe"], author),
    )


def _hypothesis(company: Company, author: str) -> int:
    """A hypothesis whose every word breaks out, and that was looked at."""
    belief = breakout("belief")
    made = write_hypothesis(
        company, statement=belief, author=author,
        definition=Hypothesis(
            exposure=Holds(rule=where("city", "eq", belief)), outcome=OUTCOMES["leave"]
        ),
    )  # fmt: skip
    look(company, made, author=author)
    return made


def _personas(company: Company, author: str) -> str:
    """A discovered group whose name breaks out; it is found twice, so that somebody moved."""
    for _ in range(2):
        plant_groups(company)
    key = list_personas(company).personas[0].persona.key
    rename_persona(company, key, breakout("persona"), author=author)
    return key


def _journey(company: Company, author: str) -> str:
    """A journey of the company's own whose every name breaks out."""
    definition = JourneyDefinition(
        stages=(
            Stage(key="consider", types=("Product Viewed", breakout("event_type"))),
            Stage(
                key="own",
                name=breakout("stage")[:60],
                types=(v.ORDER_COMPLETED,),
                conditions=(
                    StageCondition(
                        column="place", operator="is_not", value=breakout("stage_place")
                    ),
                ),
            ),
            Stage(key="tell", types=(v.SURVEY_ANSWERED, v.TICKET_OPENED), optional=True),
        ),
        starts=("consider",),
        goal="own",
    )
    return save_journey(
        company, name=breakout("journey")[:80], definition=definition, author=author
    )


def _suggest(company: Company, one: str, two: str, author: str) -> int:
    """A suggestion, a proposal and a trial of rules; returns the trial's number."""
    with company.ledger.read() as connection:
        members = atoms_of(connection, [one, two])
    alike(company.ledger, members[one][0], members[two][0])
    renew_queue(company)
    company.choose("approval_records", 1)
    join_customers(company, one, two, author="tom@kadar.example", reason=breakout("reason"))
    measure_identity(company)
    trial = ask_what_if(company, IdentityRules(limits={"email": 1}), author=author)
    run_identity_job(company)
    return trial


def _refuse(company: Company, source: str, now: datetime) -> None:
    refused = RefusedRecord(
        source=source, reason="wrong_type", detail=breakout("detail"),
        payload=breakout("payload").encode(), received_at=now, locator=breakout("locator"),
    )  # fmt: skip
    with company.ledger.write() as connection:
        source_id = find_source(company.ledger, source).source_id
        keep_refused(company.ledger, connection, {source: source_id}, [refused])


def _fetch_from(company: Company, source: str, now: datetime) -> None:
    """A source that is fetched, whose last visit failed and the one before found another shape."""
    came = {
        "source": source,
        "records": 9,
        "accepted": 7,
        "duplicates": 1,
        "refused": 1,
        "columns": ["id"],
        "drift": {"appeared": [breakout("column")], "missed": ["mail"]},
    }
    visits = (("done", came, None, 60), ("failed", {"again": False}, breakout("detail"), 5))
    with company.ledger.write() as connection:
        connection.execute(
            update(sources)
            .where(sources.c.name == source)
            .values(
                pull={"from": "sql", "url": "env:CRM_URL", "table": breakout("label")},
                every_minutes=60,
            )
        )
        for status, result, error, ago in visits:
            at = now - timedelta(minutes=ago)
            connection.execute(
                job.insert().values(
                    kind="pull", subject=source, arguments={}, status=status, done=0,
                    created_at=at, started_at=at, finished_at=at + timedelta(seconds=41),
                    error=error, result=result,
                )
            )  # fmt: skip


def _quoted(field: str) -> str:
    return breakout(field).replace('"', '""')
