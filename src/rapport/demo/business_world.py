"""An invented world of businesses: what each is called, where it sits, who acts for it.

Arrays and columns hold one row per business (or person, or address), so that a hundred thousand of
them take seconds. How silos write it all down is another file's matter (`dirty_companies`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from rapport.demo import business_numbers
from rapport.demo.dirty_columns import (
    Chosen,
    Numbers,
    chosen,
    drawn,
    falling,
    without_accents,
)
from rapport.demo.family_names import family_names
from rapport.demo.words import words

#: Sole traders, small, middling and large: share of businesses, how much they are heard of, and how
#: many contacts they have at most.
SIZES = ((0.32, 0.6, 0), (0.46, 1.0, 2), (0.18, 1.8, 4), (0.04, 4.0, 9))
#: What a business is called after: family and trade; a family and its sons; the founder in full; a
#: house's name and the trade; a made-up word; its town and trade; a registered description.
CALLED = (0.36, 0.07, 0.10, 0.20, 0.15, 0.06, 0.06)
FAMILY, SONS, FOUNDER, HOUSE, COINED, TOWN, LONG = range(len(CALLED))

#: Shares of businesses.
OTHER_TRADING_NAME, RELATIVES, FRANCHISES, MOVED, TWO_SEATS, CENTRE = (
    0.2,
    0.025,
    0.04,
    0.1,
    0.1,
    0.04,
)
OWN_DOMAIN = (0.35, 0.7, 0.93, 1.0)  # by size
GROUPS = {1: 0.97, 2: 0.017, 3: 0.007, 4: 0.004, 5: 0.002}
Columns = Mapping[str, Any]


class Market(Struct, frozen=True, kw_only=True):
    """A country and a language, with the words of its businesses."""

    country: str
    language: str
    share: float
    code: str
    trunk: str
    areas: tuple[str, ...]
    mobiles: tuple[str, ...]
    forms: tuple[tuple[str, ...], ...]
    form_shares: tuple[float, ...]
    sole: tuple[str, ...]
    trades: tuple[tuple[str, str, str], ...]
    partners: tuple[str, ...]
    arms: tuple[str, ...]
    long: tuple[str, ...]
    houses: tuple[str, ...]
    desks: tuple[str, ...]
    billing: tuple[str, ...]
    cities: tuple[tuple[str, str, float], ...]
    streets: tuple[str, ...]
    families: tuple[str, ...]
    given: tuple[str, ...]


def markets() -> tuple[Market, ...]:
    """All markets, in the order in which companies number them."""
    return tuple(_market(listed) for listed in words("companies")["market"])


def _market(listed: Columns) -> Market:
    country, language = listed["country"], listed["language"]
    cities, streets = listed.get("cities"), listed.get("streets")
    if cities is None:
        place = words("places")[country]
        cities = [c[:3] for c in place["cities"] if c[4] == language]
        streets = place[f"streets_{language}"]
    names = words("names")[language]
    given = [name for pair in zip(names["female"], names["male"], strict=False) for name in pair]
    lists = ("areas", "mobiles", "sole", "partners", "arms", "long", "houses", "desks", "billing")
    given_lists: dict[str, Any] = {name: tuple(listed[name]) for name in lists}
    return Market(
        **given_lists,
        country=country,
        language=language,
        share=listed["share"],
        code=listed["code"],
        trunk=listed["trunk"],
        forms=tuple(tuple(form["written"]) for form in listed["forms"]),
        form_shares=tuple(form["share"] for form in listed["forms"]),
        trades=tuple((before, after, short) for before, after, short in listed["trades"]),
        cities=tuple((name, code, float(size)) for name, code, size in cities),
        streets=tuple(streets or ()),
        families=family_names(language),
        given=tuple(given),
    )


def by_market(
    listed: Sequence[Market], market: Numbers, of: Callable[[Market, Numbers], Any]
) -> Any:
    """Texts of rows: ``of`` is asked market by market, with the numbers of its rows."""
    found = np.full(len(market), "", dtype=object)
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        found[here] = of(one, here)
    return found


def texts(values: Sequence[str]) -> Any:
    """Texts that are picked by number."""
    return np.array(values, dtype=object)


def make_companies(listed: Sequence[Market], n: int, rng: np.random.Generator) -> dict[str, Any]:
    """What every business is: its names, size, owner's group, seats, numbers and domain."""
    sizes_of_groups = rng.choice(list(GROUPS), n, p=list(GROUPS.values()))
    group = np.repeat(np.arange(n), sizes_of_groups)[:n]
    head = np.searchsorted(group, group)
    daughter = head != np.arange(n)
    in_group = daughter | np.isin(np.arange(n), head[daughter])
    market = rng.choice(len(listed), n, p=_shares([one.share for one in listed]))[head]
    size = rng.choice(len(SIZES), n, p=_shares([share for share, _, _ in SIZES]))
    size = np.where(in_group, np.maximum(size, 1), size)
    world: dict[str, Any] = {"group": head, "head": head, "market": market, "size": size}
    world |= _seats(listed, market, head, daughter, rng)
    called = rng.choice(len(CALLED), n, p=_shares(CALLED))
    called = np.where((size == 0) & (rng.random(n) < 0.35), FOUNDER, called)
    world |= _names_of(listed, world, called, daughter, in_group, rng)
    most = np.array([size[2] for size in SIZES])[size]
    world["people"] = np.where(most > 0, rng.integers(1, np.maximum(most, 1) + 1), 1)
    world["people_from"] = np.cumsum(world["people"]) - world["people"]
    world["serial"] = rng.choice(business_numbers.MOST, n, replace=False)
    world["establishment"] = rng.choice([1, 2, 3, 11, 24], n, p=[0.45, 0.25, 0.1, 0.15, 0.05])
    world["county"] = rng.integers(0, 43, n)
    world |= _mailboxes_of(listed, world, rng)
    line = 2_000_000 + rng.choice(7_000_000, n, replace=False)
    shares_line = daughter & (rng.random(n) < 0.65)
    world["line"] = np.where(shares_line, line[head], line)
    # In a business centre somebody answers for all.
    centre = world["centre"]
    world["line"] = np.where(
        (centre >= 0) & (rng.random(n) < 0.3), 9_900_000 + centre, world["line"]
    )
    world["area"] = world["city"][world["home"]]
    return world


def _seats(
    listed: Sequence[Market], market: Numbers, head: Numbers, daughter: Chosen,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Addresses: of each business one, perhaps another, and those of business centres."""
    n = len(market)
    centres = max(n // 400, 1)  # in each market
    address_market = np.concatenate([market, market, np.repeat(np.arange(len(listed)), centres)])
    total = len(address_market)
    city = np.empty(total, dtype=np.int64)
    street = np.empty(total, dtype=np.int64)
    for number, one in enumerate(listed):
        here = np.flatnonzero(address_market == number)
        city[here] = rng.choice(
            len(one.cities), len(here), p=_shares([size for _, _, size in one.cities])
        )
        street[here] = rng.integers(0, len(one.streets), len(here))
    # Who moves, or keeps shop elsewhere, mostly stays in town.
    stays = rng.random(n) < 0.7
    city[n : 2 * n] = np.where(stays, city[:n], city[n : 2 * n])
    at_centre = (rng.random(n) < CENTRE) & ~daughter
    centre = np.where(at_centre, market * centres + rng.integers(0, centres, n), -1)
    own = np.where(centre >= 0, 2 * n + centre, np.arange(n))
    home = np.where(daughter & (rng.random(n) < 0.75), own[head], own)
    fate = rng.random(n)
    return {
        "address_market": address_market, "city": city, "street": street,
        "house": rng.integers(1, 160, total), "box": np.where(rng.random(total) < 0.12,
                                                              rng.integers(1, 30, total), 0),
        "home": home, "other": np.arange(n, 2 * n), "centre": centre,
        "moved": fate < MOVED, "two_seats": (fate >= MOVED) & (fate < MOVED + TWO_SEATS),
    }  # fmt: skip


def _names_of(
    listed: Sequence[Market], world: Columns, called: Numbers, daughter: Chosen, in_group: Chosen,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Of each business the registered name and the one over the door, in parts.

    Arrays hold the registered names of all, then the others: rows 0 to n - 1 and n to 2n - 1.
    """
    market, n = world["market"], len(world["market"])
    family, given, trade = (np.zeros(n, dtype=np.int64) for _ in range(3))
    form = np.zeros(n, dtype=np.int64)
    core = np.empty(2 * n, dtype=object)
    arm = np.full(n, "", dtype=object)
    door = np.where(rng.random(n) < OTHER_TRADING_NAME, HOUSE, -1)
    door = np.where(in_group, -1, door)
    town = world["city"][world["home"]]
    brand = np.full(n, -1, dtype=np.int64)
    one_owner = np.flatnonzero(~in_group & (rng.random(n) < FRANCHISES))
    brands = words("companies")["brands"]["names"]
    many = max(min(len(one_owner) // 8, len(brands)), 1)
    brand[one_owner] = falling(many, len(one_owner), 0.6, rng)
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        family[here] = falling(len(one.families), len(here), 0.5, rng)
        given[here] = falling(len(one.given), len(here), 0.5, rng)
        trade[here] = falling(len(one.trades), len(here), 0.4, rng)
        form[here] = rng.choice(len(one.forms), len(here), p=_shares(one.form_shares))
    # Relatives run the same trade under the same name, elsewhere.
    kin = _kin(market, town, called, rng)
    for part in (family, given, trade, called):
        part[:] = part[kin]
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        families, givens = np.array(one.families)[family[here]], np.array(one.given)[given[here]]
        houses = np.array(one.houses)[falling(len(one.houses), len(here), 0.5, rng)]
        cities = np.array([name for name, _, _ in one.cities])[town[here]]
        coined = _coined(len(here), rng)
        long = np.array(one.long)[rng.integers(0, len(one.long), len(here))]
        joined = [text.replace("{}", name) for text, name in zip(long, families, strict=True)]
        founder = _in_order(one.language, givens, families, rng)
        texts = [families, families, founder, houses, coined, cities, np.array(joined)]
        core[here] = np.choose(called[here], [text.astype(object) for text in texts])
        core[n + here] = np.where(door[here] >= 0, houses.astype(object), core[here])
        arm[here] = np.where(
            daughter[here],
            np.array(one.arms, dtype=object)[(here - world["head"][here]) % len(one.arms)],
            "",
        )
    # Daughters mostly bear the holding's name; their own arm tells them apart.
    named_after = daughter & (rng.random(n) < 0.7)
    core[:n] = np.where(named_after, core[:n][world["head"]], core[:n])
    core[n:] = np.where(named_after, core[:n], core[n:])
    called = np.where(named_after, called[world["head"]], called)
    core[n:] = np.where(brand >= 0, np.array(brands, dtype=object)[brand], core[n:])
    kinds = np.concatenate([called, np.where(door >= 0, HOUSE, called)])
    bare = np.isin(kinds, [LONG, COINED]) | ((kinds == FOUNDER) & (rng.random(2 * n) < 0.5))
    bare |= np.concatenate([named_after, named_after | (brand >= 0)])
    return {
        "core": pa.array(core, pa.string()),
        "partners": np.concatenate([called == SONS, (called == SONS) & (door < 0) & (brand < 0)]),
        "trade": np.where(bare, -1, np.concatenate([trade, trade])),
        "behind": np.tile(rng.random(n) < np.where(called == COINED, 0.9, 0.3), 2),
        "arm": np.where(named_after, arm, ""), "form": form, "family": family, "given": given,
        "called": called, "brand": brand, "town": town,
    }  # fmt: skip


def _kin(market: Numbers, town: Numbers, called: Numbers, rng: np.random.Generator) -> Numbers:
    """For each business whose name it has: a few have that of another one in another town."""
    other = _another(market, rng)
    takes = (rng.random(len(market)) < RELATIVES) & np.isin(called[other], [FAMILY, SONS])
    takes &= (town != town[other]) & ~takes[other]
    return np.where(takes, other, np.arange(len(market)))


def _another(market: Numbers, rng: np.random.Generator) -> Numbers:
    """For each row any row of its market."""
    order = np.argsort(market, kind="stable")
    begins = np.searchsorted(market[order], market)
    within = (rng.random(len(market)) * np.bincount(market)[market]).astype(np.int64)
    another: Numbers = order[begins + within]
    return another


def _coined(n: int, rng: np.random.Generator) -> Any:
    parts = words("companies")["coined"]
    starts, ends = np.array(parts["starts"]), np.array(parts["ends"])
    return np.char.add(starts[rng.integers(0, len(starts), n)], ends[rng.integers(0, len(ends), n)])


def _in_order(language: str, given: Any, family: Any, rng: np.random.Generator) -> Any:
    """Hungarians write the family first; others seldom do."""
    first = rng.random(len(given)) < (0.95 if language == "hu" else 0.08)
    space = np.char.add(given.astype(str), " ")
    other = np.char.add(family.astype(str), " ")
    return np.where(first, np.char.add(other, given), np.char.add(space, family))


def _mailboxes_of(
    listed: Sequence[Market], world: Columns, rng: np.random.Generator
) -> dict[str, Any]:
    """Domain or mailbox at a provider, and the name before the sign."""
    n, market, head = len(world["market"]), world["market"], world["head"]
    plain = pc.utf8_lower(without_accents(world["core"].slice(n)))
    plain = pc.replace_substring_regex(plain, "[^a-z0-9]+", "")
    trade = by_market(
        listed,
        market,
        lambda one, here: texts([*(before for before, _, _ in one.trades), ""])[
            world["trade"][n + here]
        ],
    )
    trades = pc.replace_substring_regex(
        pc.utf8_lower(without_accents(pa.array(trade, pa.string()))), "[^a-z0-9]+", ""
    )
    with_trade = pa.array((rng.random(n) < 0.7) | (world["called"] == HOUSE))
    slug = pc.binary_join_element_wise(pc.if_else(with_trade, trades, ""), plain, "")
    # A domain is one owner's: who comes later adds the town, and a number if that is gone too.
    for extra in (_towns(listed, world), pa.array(np.arange(n)).cast(pa.string())):
        again = _again(slug) & (world["brand"] < 0)
        slug = pc.if_else(pa.array(again), pc.binary_join_element_wise(slug, extra, "-"), slug)
    at_head = (head != np.arange(n)) & (rng.random(n) < 0.5)
    slug = slug.take(pa.array(np.where(at_head, head, np.arange(n))))
    domain = pc.binary_join_element_wise(slug, "example", ".")
    own = rng.random(n) < np.array(OWN_DOMAIN)[world["size"]]
    own = (own | (world["brand"] >= 0)) & ((world["brand"] < 0) | (rng.random(n) < 0.8))
    desks = by_market(listed, market, lambda one, here: _any_of(one.desks, len(here), rng))
    billing = by_market(listed, market, lambda one, here: _any_of(one.billing, len(here), rng))
    # A brand gives each shop a mailbox by its town; a second shop there gets a number.
    branded = pa.array(world["brand"] >= 0)
    shop = pc.binary_join_element_wise(slug, _towns(listed, world), "-")
    number = pa.array(np.arange(n)).cast(pa.string())
    shop = pc.if_else(pa.array(_again(shop)), pc.binary_join_element_wise(shop, number, ""), shop)
    town = pc.replace_substring_regex(shop, "^.*-", "")
    desk = pc.if_else(branded, town, pa.array(desks, pa.string()))
    bills = pc.if_else(branded, town, pa.array(billing, pa.string()))
    providers = words("companies")["mailboxes"]["domains"]
    some = pc.if_else(drawn(n, 0.3, rng), pa.array(np.arange(n) % 97).cast(pa.string()), "")
    free = pc.binary_join_element_wise(
        pc.binary_join_element_wise(pc.if_else(branded, shop, slug), some, ""),
        chosen(providers, falling(len(providers), n, 0.8, rng)),
        "@",
    )
    at_own = pa.array(own)
    return {
        "domain": domain,
        "own_domain": own,
        "desk": pc.if_else(at_own, pc.binary_join_element_wise(desk, domain, "@"), free),
        "billing": pc.if_else(at_own, pc.binary_join_element_wise(bills, domain, "@"), free),
    }


def _any_of(values: Sequence[str], n: int, rng: np.random.Generator) -> Any:
    return texts(values)[rng.integers(0, len(values), n)]


def _towns(listed: Sequence[Market], world: Columns) -> pa.Array:
    """Each business's town, in letters that a mailbox may have."""
    named = town_names(listed, world["market"], world["town"])
    return pc.replace_substring_regex(pc.utf8_lower(without_accents(named)), "[^a-z]+", "")


def town_names(listed: Sequence[Market], market: Numbers, town: Numbers) -> pa.Array:
    """Towns by their number in the market's list."""
    return pa.array(
        by_market(
            listed, market, lambda one, here: texts([name for name, _, _ in one.cities])[town[here]]
        ),
        pa.string(),
    )


def _again(column: pa.Array) -> Chosen:
    """Where a value has been before."""
    codes = column.dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    again = np.ones(len(codes), dtype=bool)
    again[first] = False
    return again


def make_people(
    listed: Sequence[Market], world: Columns, rng: np.random.Generator
) -> dict[str, Any]:
    """Those who act for a business; of a sole trader's the first is the trader."""
    company = np.repeat(np.arange(len(world["market"])), world["people"])
    n = len(company)
    first_of = world["people_from"][company] == np.arange(n)
    market = world["market"][company]
    given, family = np.empty(n, dtype=object), np.empty(n, dtype=object)
    family_firm = np.isin(world["called"], [FAMILY, SONS, FOUNDER, LONG])[company]
    same = family_firm & ((world["size"][company] == 0) | (rng.random(n) < 0.35))
    founder = first_of & (world["called"][company] == FOUNDER)
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        of = falling(len(one.families), len(here), 0.5, rng)
        of = np.where((same | founder)[here], world["family"][company[here]], of)
        family[here] = np.array(one.families, dtype=object)[of]
        of = falling(len(one.given), len(here), 0.4, rng)
        of = np.where(founder[here], world["given"][company[here]], of)
        given[here] = np.array(one.given, dtype=object)[of]
    # A few act for two businesses, such as a bookkeeper or who sits on two boards.
    other = _another(market, rng)
    double = (rng.random(n) < 0.03) & (world["size"][company] > 0)
    double &= world["size"][company[other]] > 0
    nicknames = {
        name: nickname
        for one in listed
        for name, nickname in words("names")[one.language].get("nicknames", {}).items()
    }
    return {
        "is": np.where(double & ~double[other], other, np.arange(n)),
        "company": company, "market": market,
        "given": pa.array(given, pa.string()), "family": pa.array(family, pa.string()),
        "nickname": pa.array([nicknames.get(name, name) for name in given], pa.string()),
        "mobile": 2_000_000 + rng.choice(7_000_000, n, replace=False),
        "style": rng.random(n), "private": rng.random(n),
    }  # fmt: skip


def _shares(weights: Sequence[float]) -> Any:
    whole = np.asarray(weights, dtype=float)
    return whole / whole.sum()
