"""Who the customers are: households, names, addresses, identifiers, and which silos know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np

from rapport.demo.phone_numbers import landline_numbers, mobile_numbers
from rapport.demo.spelling import nickname, plain_letters
from rapport.demo.story import (
    DROPOUT_MEAN,
    DROPOUT_SHAPE,
    PURCHASE_MEAN,
    PURCHASE_SHAPE,
    SPEND_SHAPE,
    BoolArray,
    FloatArray,
    Story,
)
from rapport.demo.words import words

T_ = TypeVar("T_")

CATEGORIES = ("camping", "footwear", "clothing", "winter", "cycling", "garden", "home", "kitchen")
ACQUISITION = ("store", "search", "social", "referral", "email", "direct")

# Domains under `.example`, which nobody can own: a demo must not be able to write to anybody.
_MAIL_DOMAINS = {
    "nl": ("brievenbus.example", "netpost.example", "telemail.example"),
    "fr": ("boite.example", "courriel.example", "messagerie.example"),
    "hu": ("postafiok.example", "netlevel.example", "drotposta.example"),
    "en": ("inbox.example", "quickmail.example"),
}
_WORK_DOMAINS = ("bouwbedrijf.example", "conseil.example", "iroda.example", "studio.example")
#: Name, then how adults of a household call their common mailbox.
_FAMILY = {"nl": "familie", "fr": "famille", "hu": "csalad", "en": "family"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """One real person, as only the truth knows them. Empty text: has none."""

    household: int
    country: str
    language: str
    female: bool
    first: str
    last: str
    married_name: str  # Hungarian "-né" form, used by some silos instead of the own name
    birthday: date
    street: str
    postal_code: str
    city: str
    store: str  # the nearby one
    old_street: str  # before they moved; equal to `street` for most
    old_postal_code: str
    old_city: str
    email: str
    email_other: str
    mobile: str
    landline: str

    @property
    def name(self) -> str:
        """As the person writes it: family name first in Hungarian."""
        return f"{self.last} {self.first}" if self.language == "hu" else f"{self.first} {self.last}"


@dataclass(frozen=True, kw_only=True)
class People:
    """The population, in columns of equal length n beside the list of persons.

    `solo` is "" for most, else the only silo that knows the person: crm, till, guest, newsletter,
    support or card. `born` and days elsewhere count from the story's start.
    """

    persons: list[Person]
    country: Any  # array of str
    solo: Any  # array of str
    buyer: BoolArray
    crm: BoolArray
    card: BoolArray
    account: BoolArray
    tracked: BoolArray
    newsletter: BoolArray
    born: FloatArray  # acquisition; negative: before the exports begin
    purchase_rate: FloatArray  # orders per day
    dropout_rate: FloatArray  # per day, apart from bad experiences
    spend_level: FloatArray  # mean 1
    web_share: FloatArray
    interests: FloatArray  # (n, 8), rows sum to 1
    halo: FloatArray  # how kindly one scores everything
    acquisition: Any  # array of str
    card_number: list[str]
    user_id: list[str]

    @property
    def count(self) -> int:
        return len(self.persons)


def _pick(options: Sequence[T_], u: float, *, skew: float = 1.0) -> T_:
    """An option; ``skew`` > 1 favours the first."""
    return options[int(u**skew * len(options))]


def make_people(story: Story, count: int, rng: np.random.Generator) -> People:
    """A population of ``count`` persons."""
    persons = _persons(count, story.until, rng)
    country = np.array([p.country for p in persons])
    has_email = np.array([bool(p.email) for p in persons])
    near_store = np.array([bool(p.store) for p in persons])
    u = rng.random((count, 8))

    solo = np.select(
        [u[:, 0] < edge for edge in (0.055, 0.105, 0.20, 0.24, 0.265, 0.29)],
        ["crm", "till", "guest", "newsletter", "support", "card"],
        "",
    )
    # A till knows no person without an e-mail receipt or a shop nearby.
    solo = np.where((solo == "till") & ~near_store, "guest", solo)
    solo = np.where(~has_email & (solo != "card"), "", solo)
    everywhere = solo == ""
    buyer = everywhere | (solo == "till") | (solo == "guest")

    card = (everywhere & (u[:, 1] < np.where(near_store, 0.72, 0.12))) | (solo == "card")
    card |= everywhere & ~has_email
    account = everywhere & has_email & (u[:, 2] < 0.60)
    crm = (everywhere & (u[:, 3] < 0.60)) | (everywhere & ~card & ~account) | (solo == "crm")
    tracked = account & (u[:, 4] < 0.62)
    newsletter = (everywhere & has_email & (u[:, 5] < 0.56)) | (solo == "newsletter")

    days = story.days
    opened = np.where(country == "HU", story.day(story.hungary_opened), 0)
    # Growth: newcomers come ever faster; a third of the older countries came before.
    born = opened + (days - 1 - opened) * rng.beta(1.25, 1.0, count)
    opening_wave = (country == "HU") & (rng.random(count) < 0.2)
    born = np.where(opening_wave, opened + rng.exponential(20.0, count), born)
    born = np.minimum(born, days - 1.0)
    before = (country != "HU") & (rng.random(count) < 0.33) & (crm | card) & everywhere
    born = np.where(before, -rng.uniform(1, 1200, count), born)

    # Who only reads the newsletter is known once one was sent.
    born = np.where(solo == "newsletter", opened + (born - opened) * 0.8, born)

    share = rng.beta(1.4, 1.4, count)
    share = np.where(country == "HU", share * 0.75, share)
    share = np.where(card & near_store, share * 0.75, share)
    share = np.where(near_store, share, 1.0)
    share = np.where(~has_email | (solo == "till"), 0.0, share)
    share = np.where(solo == "guest", 1.0, share)
    # Without a card a shop visit is known only by an e-mail receipt; most then buy online.
    share = np.where(everywhere & ~card & near_store, np.maximum(share, 0.5), share)

    tilt = {
        "BE": (1, 1, 1.2, 0.6, 1.3, 1.1, 1, 0.9),
        "FR": (1.1, 1.1, 1.1, 1.6, 0.9, 0.8, 0.9, 0.9),
        "HU": (1.3, 1.1, 1, 0.6, 1, 1.2, 1.1, 1),
    }
    alpha = np.array([tilt[c] for c in country.tolist()]) * 0.7
    gammas = rng.gamma(alpha) + 1e-6
    numbers = rng.choice(900_000_000, size=2 * count, replace=False)
    return People(
        persons=persons,
        country=country,
        solo=solo,
        buyer=buyer,
        crm=crm,
        card=card,
        account=account,
        tracked=tracked,
        newsletter=newsletter,
        born=born,
        purchase_rate=rng.gamma(PURCHASE_SHAPE, PURCHASE_MEAN / PURCHASE_SHAPE, count),
        dropout_rate=rng.gamma(DROPOUT_SHAPE, DROPOUT_MEAN / DROPOUT_SHAPE, count),
        spend_level=rng.gamma(SPEND_SHAPE, 1.0 / SPEND_SHAPE, count),
        web_share=share,
        interests=gammas / gammas.sum(axis=1, keepdims=True),
        halo=rng.normal(0.0, 0.28, count),
        acquisition=np.where(
            share < 0.35,
            "store",
            np.array(ACQUISITION)[(u[:, 6] ** 1.3 * len(ACQUISITION)).astype(int)],
        ),
        card_number=[_card_number(v) for v in numbers[:count].tolist()],
        user_id=[f"u{100_000_000 + v}" for v in numbers[count:].tolist()],
    )


def _card_number(value: int) -> str:
    """Thirteen digits with the check digit of EAN-13, in the range kept for shops' own use."""
    digits = f"290{value:09d}"
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return digits + str(-total % 10)


def _persons(count: int, today: date, rng: np.random.Generator) -> list[Person]:
    """Households until ``count`` persons exist, the last one cut short."""
    mobiles = {c: iter(mobile_numbers(c, count, rng)) for c in ("BE", "FR", "HU", "GB")}
    landlines = {c: iter(landline_numbers(c, count, rng)) for c in ("BE", "FR", "HU")}
    mailboxes = _Mailboxes()
    persons: list[Person] = []
    household = 0
    while len(persons) < count:
        u = rng.random(24).tolist()
        members = 1 if u[0] < 0.60 else 2 if u[0] < 0.83 else 3 if u[0] < 0.92 else 4
        members = min(members, count - len(persons))
        country = "BE" if u[1] < 0.50 else "FR" if u[1] < 0.78 else "HU"
        city = _weighted_city(country, u[2])
        language = "en" if u[3] < 0.06 else city[4]
        home, old = (
            _address(country, city, u[4:7]),
            _address(country, _weighted_city(country, u[7]), u[8:11]),
        )
        moved = u[11] < 0.12
        last = _last_name(country, language, u[12])
        landline = next(landlines[country]) if u[13] < (0.5 if members > 1 else 0.12) else ""
        shared_mail = members > 1 and u[14] < 0.10
        family_mail = (
            mailboxes.new(f"{_FAMILY[language]}.{last}", language, u[15]) if shared_mail else ""
        )
        twins, junior = members == 4 and u[16] < 0.4, members > 2 and u[17] < 0.2
        partner_keeps_name = u[18] < (0.75 if country == "BE" else 0.35)
        husband = ""
        child_birthday = today - timedelta(days=int(365.25 * (16 + 9 * u[19])))
        for member in range(members):
            v = rng.random(16).tolist()
            child = member >= 2
            female = u[20] < 0.5 if member == 0 else u[20] >= 0.5 if member == 1 else v[0] < 0.5
            if junior and member == 2:
                female = False
            age = 25 + 52 * v[1] ** 1.3
            birthday = today - timedelta(days=int(365.25 * age))
            if child:
                birthday = (
                    child_birthday if twins else child_birthday + timedelta(days=int(1400 * v[2]))
                )
            first = _pick(words("names")[language]["female" if female else "male"], v[3], skew=1.4)
            if junior and member == 2 and husband:
                first = husband
            keeps_name = member == 1 and partner_keeps_name
            own_last = _last_name(country, language, v[4]) if keeps_name else last
            if not female and not child:
                husband = husband or first
            wife = language == "hu" and female and not child and age > 38 and v[5] < 0.5
            given = husband or _pick(words("names")["hu"]["male"], v[6])
            married = f"{last} {given}né" if wife else ""
            no_mail = age > 66 and not child and v[7] < 0.35
            email = (
                ""
                if no_mail
                else family_mail or mailboxes.of(first, own_last, language, birthday, v[8:10])
            )
            second = bool(email) and v[10] < 0.25
            other = mailboxes.second(first, own_last, language, v[11:13]) if second else ""
            foreign = language == "en" and v[13] < 0.4
            persons.append(
                Person(
                    household=household,
                    country=country,
                    language=language,
                    female=female,
                    first=first,
                    last=own_last,
                    married_name=married,
                    birthday=birthday,
                    street=home[0],
                    postal_code=home[1],
                    city=home[2],
                    store=city[3],
                    old_street=old[0] if moved else home[0],
                    old_postal_code=old[1] if moved else home[1],
                    old_city=old[2] if moved else home[2],
                    email=email,
                    email_other=other,
                    mobile=next(mobiles["GB" if foreign else country]),
                    landline=landline,
                )
            )
        household += 1
    return persons


class _Mailboxes:
    """Gives out e-mail addresses, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def _claim(self, local: str, domain: str) -> str:
        address, n = f"{local}@{domain}", 1
        while address in self._taken:
            n += 1
            address = f"{local}{n}@{domain}"
        self._taken.add(address)
        return address

    def new(self, local: str, language: str, u: float) -> str:
        return self._claim(_mail_text(local), _pick(_MAIL_DOMAINS[language], u, skew=1.5))

    def of(self, first: str, last: str, language: str, birthday: date, u: list[float]) -> str:
        f, n = _mail_text(first), _mail_text(last)
        local = _pick(
            (
                f"{f}.{n}",
                f"{n}.{f}" if language == "hu" else f"{f}{n}",
                f"{f[0]}.{n}",
                f"{f}_{n}",
                f"{f}.{n}{birthday:%y}",
                f"{f}{birthday.year}",
                f"{_mail_text(nickname(first, language))}.{n}",
            ),
            u[0],
        )
        return self._claim(local, _pick(_MAIL_DOMAINS[language], u[1], skew=1.5))

    def second(self, first: str, last: str, language: str, u: list[float]) -> str:
        f, n = _mail_text(first), _mail_text(last)
        if u[0] < 0.5:
            return self._claim(f"{f}.{n}", _pick(_WORK_DOMAINS, u[1]))
        return self._claim(f"{n}{f[:2]}", _pick(_MAIL_DOMAINS[language], u[1]))


def _mail_text(text: str) -> str:
    return "".join(c for c in plain_letters(text).lower() if c.isalnum() or c == ".")


def _weighted_city(country: str, u: float) -> tuple[str, str, int, str, str]:
    cities = words("places")[country]["cities"]
    total = sum(c[2] for c in cities)
    rest = u * total
    for city in cities:
        rest -= city[2]
        if rest < 0:
            break
    found: tuple[str, str, int, str, str] = tuple(city)
    return found


def _address(
    country: str, city: tuple[str, str, int, str, str], u: list[float]
) -> tuple[str, str, str]:
    """Street with number, postal code and city as written in that country."""
    place = words("places")[country]
    number = 1 + int(u[1] ** 2 * 190)
    if country == "HU":
        flat = f" {1 + int(u[2] * 20)}. em. {1 + int(u[2] * 97) % 12}." if u[2] < 0.3 else ""
        street = f"{_pick(place['streets_hu'], u[0])} {number}.{flat}"
    elif country == "FR":
        bis = " bis" if u[2] < 0.08 else ""
        street = f"{number}{bis} {_pick(place['streets_fr'], u[0])}"
    else:
        box = f" {'bus' if city[4] == 'nl' else 'bte'} {1 + int(u[2] * 40)}" if u[2] < 0.2 else ""
        street = f"{_pick(place['streets_' + city[4]], u[0])} {number}{box}"
    return street, city[1], city[0]


def _last_name(country: str, language: str, u: float) -> str:
    names = words("names")[language]
    belgian = country == "BE" and language == "fr"
    common: list[str] = names["last_be" if belgian else "last"]
    return _pick(common, u, skew=1.25)
