"""The demo company: its silos' exports, walked through every room."""

from __future__ import annotations

from datetime import date
from time import perf_counter

from msgspec import Struct, to_builtins
from sqlalchemy import func, select

from rapport.demo.company import generate
from rapport.demo.shops import SHOPS
from rapport.demo.silos.behaviour import SOURCE as SITE
from rapport.demo.silos.site import sitemap
from rapport.errors import Conflict
from rapport.understand.hypotheses.reading import read_sentence
from rapport.vocabulary.ledger_tables import journal, profile, refused
from rapport.workflows.campaign import Campaign, run_campaign
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.hypotheses import look, write_hypothesis
from rapport.workflows.import_files import import_folder
from rapport.workflows.personas import find_personas
from rapport.workflows.resolve import resolve_company
from rapport.workflows.setup import ensure_company
from rapport.workflows.site_lists import save_site_list
from rapport.workflows.stated_figures import state_figure
from rapport.workflows.train import train_models
from rapport.workflows.users import create_user


class DemoUser(Struct, frozen=True, kw_only=True):
    """Somebody of the demo company."""

    email: str
    name: str
    role: str
    language: str
    password: str


#: The demo holds invented people only, so that its passwords may be known to all.
DEMO_USERS: tuple[DemoUser, ...] = (
    DemoUser(
        email="admin@kadar.example", name="Kadár Zsófia", role="admin", language="en",
        password="maison-kadar",
    ),
    DemoUser(
        email="manager@kadar.example", name="Sofie Maes", role="manager", language="nl",
        password="maison-kadar",
    ),
    DemoUser(
        email="agent@kadar.example", name="Tom Lefèvre", role="agent", language="fr",
        password="maison-kadar",
    ),
)  # fmt: skip

#: A message that asks lost customers back, in the languages of the company.
WINTER_CAMPAIGN = Campaign(
    key="winter-welcome",
    name="Winter welcome back",
    segment="slipping_away",
    subject={
        "nl": "We hebben je gemist",
        "fr": "Vous nous avez manqué",
        "hu": "Hiányzott nekünk",
        "en": "We missed you",
    },
    text={
        "nl": "Dag {name},\n\nDe winterselectie staat klaar. Kom je kijken?\n\nMaison Kadár",
        "fr": "Bonjour {name},\n\nLa sélection d’hiver vous attend. À bientôt !\n\nMaison Kadár",
        "hu": "Kedves {name}!\n\nMegérkezett a téli válogatás. Nézzen be hozzánk!\n\nMaison Kadár",
        "en": "Hello {name},\n\nOur winter selection is here. See you soon!\n\nMaison Kadár",
    },
    fallback_name={"nl": "klant", "fr": "cher client", "hu": "Vásárlónk", "en": "customer"},
)


class DemoBuilt(Struct, frozen=True, kw_only=True):
    """What there is now."""

    made: bool
    touchpoints: int
    profiles: int
    refused: int
    seconds: float
    steps: dict[str, float] = {}


def build_demo(
    company: Company, *, people: int = 6000, seed: int = 7, progress: Progress = silent
) -> DemoBuilt:
    """Make the demo company, or find it made.

    Every part can be repeated: what an interrupted start left is completed by the next.

    Raises
    ------
    Conflict
        If the data folder holds another company.
    """
    began = perf_counter()
    state = company.choice("demo")
    if state == "ready":
        return _built(company, made=False, seconds=perf_counter() - began)
    with company.ledger.read() as connection:
        inhabited = bool(connection.scalar(select(func.count()).select_from(journal)))
    if inhabited and state is None:
        raise Conflict(
            f"{company.settings.folder} holds a company already; "
            "give the demo a folder of its own: rapport --data demo-data demo"
        )
    steps: dict[str, float] = {}

    def timed(name: str, since: float) -> float:
        steps[name] = round(perf_counter() - since, 1)
        return perf_counter()

    company.choose("demo", "begun")
    silos = company.settings.folder / "silos"
    mark = began
    generate(
        silos,
        seed=seed,
        people=people,
        until=company.clock().date(),
        progress=lambda _step, done, total: progress("generate", done, total),
    )
    mark = timed("generate", mark)
    company.choose("company_name", "Maison Kadár")
    company.choose("reporting_currency", "EUR")
    company.choose("time_zone", "Europe/Brussels")
    ensure_company(company, owner_email=DEMO_USERS[2].email)
    _state_figures(company)
    save_site_list(company, SITE, sitemap(), author=DEMO_USERS[2].email)
    company.choose("shops", [to_builtins(shop) for shop in SHOPS])
    _ensure_users(company)
    import_folder(company, silos, progress=progress)
    mark = timed("import", mark)
    resolve_company(company, match=True, progress=progress)
    mark = timed("resolve", mark)
    train_models(company, progress=progress)
    _believe(company)
    mark = timed("train", mark)
    find_personas(company, progress=progress)
    mark = timed("personas", mark)
    run_campaign(company, WINTER_CAMPAIGN, progress=progress)
    timed("decide", mark)
    company.choose("demo", "ready")
    return _built(company, made=True, seconds=perf_counter() - began, steps=steps)


#: What its people believe, and for how many days customers are followed. A late parcel does bring
#: complaints in this world; who writes a review spends more only for buying more anyway.
_BELIEFS: tuple[tuple[DemoUser, str, int], ...] = (
    (DEMO_USERS[0], "Customers who configure a product spend more", 60),
    (DEMO_USERS[1], "Klanten die een beoordeling schrijven, besteden meer", 60),
    (DEMO_USERS[0], "Customers who wait over 4 days for their parcel leave more", 60),
    (DEMO_USERS[0], "Customers who wait over 4 days for their parcel complain more", 30),
)


def _believe(company: Company) -> None:
    for user, statement, days in _BELIEFS:
        made = write_hypothesis(
            company,
            statement=statement,
            definition=read_sentence(statement, user.language).hypothesis(days),
            author=user.email,
        )
        look(company, made, author=user.email)


#: What the invented company states of itself: name, amount, scope. Its world has no truth about
#: costs, so these are chosen to be plausible for a retailer and nothing is tested against them.
_STATED: tuple[tuple[str, str, str | None], ...] = (
    ("goods_cost_share", "0.58", None),
    ("goods_cost_share", "0.52", "winter"),
    ("ticket_cost", "6.50", None),
    ("call_cost", "5.20", None),
    ("chat_cost", "3.40", None),
    ("email_cost", "4.10", None),
    ("return_cost", "7.80", None),
    ("first_response_target_minutes", "60", None),
    ("resolution_target_hours", "24", None),
)
_STATED_SPEND: tuple[tuple[str, str], ...] = (
    ("email", "9000"),
    ("referral", "30000"),
    ("search", "55000"),
    ("social", "25000"),
)


def _state_figures(company: Company) -> None:
    """Costs and targets of three years up to the end of this one."""
    year = company.clock().year
    first, last = date(year - 2, 1, 1), date(year, 12, 31)
    for name, amount, scope in _STATED:
        state_figure(company, name=name, amount=amount, scope=scope, first_day=first, actor="demo")
    for channel, amount in _STATED_SPEND:
        state_figure(
            company,
            name="acquisition_spend",
            amount=amount,
            scope=channel,
            first_day=first,
            last_day=last,
            actor="demo",
        )


def _ensure_users(company: Company) -> None:
    for user in DEMO_USERS:
        try:
            create_user(
                company,
                email=user.email,
                name=user.name,
                role=user.role,
                password=user.password,
                language=user.language,
            )
        except Conflict:
            continue  # a start that was interrupted made this one


def _built(
    company: Company, *, made: bool, seconds: float, steps: dict[str, float] | None = None
) -> DemoBuilt:
    with company.ledger.read() as connection:
        counts = [
            int(connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in (journal, refused)
        ]
        profiles = connection.scalar(
            select(func.count()).select_from(profile).where(profile.c.merged_into.is_(None))
        )
    return DemoBuilt(
        made=made,
        touchpoints=counts[0],
        refused=counts[1],
        profiles=int(profiles or 0),
        seconds=round(seconds, 1),
        steps=steps or {},
    )
