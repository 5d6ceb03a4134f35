"""Records of businesses, and of people who work there, as silos keep them, with the truth.

Sales, finance, a web shop, tills and support state different things of one world of businesses in
Belgium, the Netherlands, France, Hungary and Germany. What makes it hard is what makes it hard in
companies' own files:

- A business has a registered name and perhaps another over its door; silos write the legal form,
  leave it out, keep the old one (BVBA since it became a BV) or spell it out; they shorten, drop,
  translate or move the word for the trade, cut at 24 characters, write capitals and acronyms.
- **Namesakes**: two bakeries Peeters in two towns are two businesses. Names fall as people's do,
  and a few businesses are run by relatives under one name.
- **Franchises**: a brand in many towns, each shop another owner's, with one domain for all.
- **Groups**: a holding and its daughters, mostly at one address with one switchboard, some with one
  domain, and now and then with the holding's number: related, and not the same.
- **Business centres and bookkeepers**: an address, a telephone, a mailbox of many businesses.
- **Sole traders**: the person is the business, and some records name nobody else.
- **Contacts**: people who order or write for a business. They name it, and use its domain and
  telephone, and are never the business itself; a few work for two.

Shares are conventions near what registers and surveys of small businesses say; none was chosen by
looking at what any matching makes of it. Numbers of `business_numbers` are right except where a
clerk slipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.demo import business_numbers
from rapport.demo.business_world import (
    SIZES,
    Columns,
    Market,
    by_market,
    make_companies,
    make_people,
    markets,
    texts,
    town_names,
)
from rapport.demo.dirty_columns import (
    Chosen,
    Numbers,
    chosen,
    drawn,
    falling,
    stated_where,
    with_typos,
    without_accents,
)
from rapport.demo.words import words

#: Records of one business and its contacts together, on average.
RECORDS_PER_COMPANY = 6.0

#: Of each silo: its share of the records, of these the share that contacts make, where it writes a
#: business's name, and the share of its records that state a field.
SILOS: dict[str, tuple[float, float, str, dict[str, float]]] = {
    "crm": (0.32, 0.42, "company",
            {"email": 0.72, "phone": 0.72, "address": 0.82, "number": 0.35}),
    "finance": (0.22, 0.03, "name",
                {"email": 0.5, "phone": 0.3, "address": 0.99, "number": 0.9}),
    "web": (0.22, 0.5, "company",
            {"email": 0.98, "phone": 0.55, "address": 0.8, "number": 0.4}),
    "till": (0.12, 0.05, "name",
             {"email": 0.12, "phone": 0.2, "place": 0.6, "number": 0.25, "card": 0.35}),
    "support": (0.12, 0.5, "company", {"email": 0.85, "phone": 0.6, "place": 0.1, "number": 0.02}),
}  # fmt: skip

#: Of a silo's records, those that bear the registered name where there is another over the door,
#: and those that write the legal form.
REGISTERED = {"crm": 0.55, "finance": 0.93, "web": 0.45, "till": 0.2, "support": 0.3}
WITH_FORM = {"crm": 0.6, "finance": 0.92, "web": 0.45, "till": 0.2, "support": 0.3}
#: Silos that write capitals, and that cut a name.
CAPITALS = {"crm": 0.05, "finance": 0.4, "web": 0.05, "till": 0.3, "support": 0.03}
CUT = {"finance": 35, "till": 24}

#: Shares of records.
NO_TRADE, OTHER_TRADE, SHORT_TRADE, MOVED_TRADE, BOTH_NAMES, ACRONYM = (
    0.07,
    0.03,
    0.04,
    0.04,
    0.03,
    0.05,
)
WITH_TOWN, FORM_FIRST, PLAIN, TYPO, SMALL = 0.03, 0.05, 0.12, 0.04, 0.02
BOOKKEEPER, PLACEHOLDER, NUMBER_SLIP, NUMBER_OF_HEAD = 0.03, 0.012, 0.012, 0.08


def dirty_companies(records: int, seed: int = 7) -> pa.Table:
    """Records as silos state them, with the truth beside.

    Parameters
    ----------
    records : int
        At least 50.
    seed : int
        The same gives the same records.

    Returns
    -------
    pa.Table
        What is stated (`source`, `name`, `first_name`, `last_name`, `company`, `email`, `phone`,
        `street`, `house_number`, `postal_code`, `city`, `country`, `loyalty_card`,
        `business_id`) as text; then the truth: `company_id` (for a contact the employer that
        the record names), `person_id` (of contacts, null elsewhere), `group_id` (one owner's
        businesses; equal for no others), `entity_id` (whose the record is: a person's where it is
        a contact's, else the business's), `record_of` (``company``; ``owner``: a sole trader's
        that names the trader; ``contact``).
    """
    rng = np.random.default_rng(seed)
    listed = markets()
    world = make_companies(listed, max(int(records / RECORDS_PER_COMPANY), 8), rng)
    people = make_people(listed, world, rng)
    n = len(world["market"])
    weights = np.array([size[1] for size in SIZES])[world["size"]]
    more = rng.choice(n, max(records - n, 0), p=weights / weights.sum())
    which = rng.permutation(np.concatenate([np.arange(n), more])[:records])
    kinds = list(SILOS)
    silo = rng.choice(len(kinds), records, p=[SILOS[kind][0] for kind in kinds])
    by_silo = [np.array([SILOS[kind][3].get(field, 0.0) for kind in kinds])[silo]
               for field in ("email", "phone", "address", "place", "number", "card")]  # fmt: skip
    email, phone, address, place, number, card = (rng.random(records) < of for of in by_silo)

    sole = world["size"][which] == 0
    by_person = rng.random(records) < np.array([SILOS[kind][1] for kind in kinds])[silo]
    contact, owner = by_person & ~sole, by_person & sole
    who = world["people_from"][which] + np.where(
        contact, _falling_below(world["people"][which], rng), 0
    )
    who = np.where(contact, people["is"][who], who)
    anybody = contact | owner

    called = _company_names(listed, world, which, silo, rng)
    # A sole trader's name may be all there is; a contact mostly says for whom.
    named = np.where(contact, rng.random(records) < 0.93, ~owner | (rng.random(records) < 0.55))
    in_one_field = np.array([SILOS[kind][2] == "name" for kind in kinds])[silo]
    one_name = anybody & (in_one_field | (rng.random(records) < 0.12))
    first, last = _person_names(people, who, rng)
    whole = _whole_names(listed, world["market"][which], first, last, rng)
    in_name = ~anybody & in_one_field
    seat = _addresses_of(world, which, silo, rng)
    stated = {
        "source": chosen(kinds, silo),
        "name": pc.coalesce(stated_where(in_name, called), stated_where(one_name, whole)),
        "first_name": stated_where(anybody & ~one_name, first),
        "last_name": stated_where(anybody & ~one_name, last),
        "company": stated_where(named & ~in_name, called),
        "email": stated_where(email, _mails(world, people, which, who, silo, anybody, rng)),
        "phone": stated_where(phone, _phones(listed, world, people, which, who, anybody, rng)),
        **_written_addresses(
            listed,
            world,
            seat,
            address & (~contact | (rng.random(records) < 0.6)),
            (place | address) & (~contact | (rng.random(records) < 0.6)),
            rng,
        ),
        "country": chosen([market.country for market in listed], world["market"][which]),
        "loyalty_card": stated_where(card & ~contact, _cards(which)),
        "business_id": stated_where(
            number & (~contact | (rng.random(records) < 0.4)),
            _numbers(listed, world, which, silo, rng),
        ),
    }
    record_of = np.where(contact, "contact", np.where(owner, "owner", "company"))
    return pa.table(
        {
            **stated,
            "company_id": pa.array(which),
            "person_id": pa.array(who, mask=~contact),
            "group_id": pa.array(world["group"][which]),
            "entity_id": pa.array(np.where(contact, n + who, which)),
            "record_of": pa.array(record_of),
        }
    )


# ── what a record says ─────────────────────────────────────────────────────────────────────────


def _company_names(
    listed: Sequence[Market], world: Columns, which: Numbers, silo: Numbers,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """The business's name as this silo's record has it."""
    kinds, records, n = list(SILOS), len(which), len(world["market"])

    def of_silo(shares: Mapping[str, float]) -> Any:
        return np.array([shares[kind] for kind in kinds])[silo]

    registered = rng.random(records) < of_silo(REGISTERED)
    name = np.where(registered, which, n + which)
    said = _in_parts(listed, world, which, name, rng)
    other = _in_parts(listed, world, which, np.where(registered, n + which, which), rng)
    differ = pc.fill_null(pc.not_equal(said, other), False).to_numpy(zero_copy_only=False)
    different = differ & (
        world["core"].take(pa.array(which)).to_numpy(zero_copy_only=False)
        != world["core"].take(pa.array(n + which)).to_numpy(zero_copy_only=False)
    )
    # A form belongs to the registered name; over the door it is seldom written.
    over_the_door = ~registered & different
    form = rng.random(records) < of_silo(WITH_FORM) * np.where(over_the_door, 0.3, 1.0)
    said = _with_forms(listed, world, which, said, form, rng)
    both = different & (rng.random(records) < BOTH_NAMES)
    said = pc.if_else(pa.array(both), pc.binary_join_element_wise(said, " (", other, ")", ""), said)
    town = town_names(listed, world["market"][which], world["town"][which])
    at_town = (rng.random(records) < np.where(world["brand"][which] >= 0, 0.45, WITH_TOWN)) & ~form
    said = pc.if_else(pa.array(at_town), pc.binary_join_element_wise(said, town, " "), said)
    said = pc.if_else(drawn(records, PLAIN, rng), without_accents(said), said)
    said = with_typos(said, rng.random(records) < TYPO, rng)
    said = pc.if_else(pa.array(rng.random(records) < of_silo(CAPITALS)), pc.utf8_upper(said), said)
    said = pc.if_else(drawn(records, SMALL, rng), pc.utf8_lower(said), said)
    for kind, length in CUT.items():
        short = pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(said, 0, length))
        said = pc.if_else(pa.array(silo == kinds.index(kind)), short, said)
    return said


def _in_parts(
    listed: Sequence[Market], world: Columns, which: Numbers, name: Numbers,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """Core, trade and partners, in the order and the spelling of one record."""
    records, market = len(which), world["market"][which]
    trade = world["trade"][name]
    spelling = rng.random(records)
    edges = np.cumsum([NO_TRADE, OTHER_TRADE, SHORT_TRADE])
    # 0 left out, 1 the other word, 2 shortened, 3 as it is
    spelt = np.searchsorted(edges, spelling, side="right")
    before, partner = np.full(records, "", dtype=object), np.full(records, "", dtype=object)
    behind = world["behind"][name] ^ (rng.random(records) < MOVED_TRADE)
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        of = np.array(
            [*(["", after, short, front] for front, after, short in one.trades), [""] * 4],
            dtype=object,
        )
        # Behind a name it is the other word that people use: Dubois Automobiles.
        kind = np.where(behind[here] & (spelt[here] == 3), 1, spelt[here])
        before[here] = of[trade[here], kind]
        partner[here] = np.array(one.partners, dtype=object)[
            falling(len(one.partners), len(here), 1.0, rng)
        ]
    dropped = rng.random(records) < 0.12  # "& Zonen" is soon forgotten
    partner = np.where(world["partners"][name] & ~dropped, partner, "")
    arm = np.where(rng.random(records) < 0.03, "", world["arm"][which])
    core = world["core"].take(pa.array(name))
    words_of_trade = pa.array(before, pa.string())
    front = pc.if_else(pa.array(behind), "", words_of_trade)
    back = pc.if_else(pa.array(behind), words_of_trade, "")
    parts = (front, core, pa.array(partner, pa.string()), back, pa.array(arm, pa.string()))
    joined = pc.utf8_trim_whitespace(
        pc.replace_substring_regex(pc.binary_join_element_wise(*parts, " "), " +", " ")
    )
    # Letters for a long name: Algemene Bouwonderneming Peeters is ABP.
    letters = pc.replace_substring_regex(joined, r"(\p{L})[^\s]*\s*|[^\p{L}]+", r"\1")
    long = pc.greater_equal(pc.count_substring(joined, " "), 2)
    shortened = pc.and_(drawn(records, ACRONYM, rng), long)
    return pc.if_else(shortened, pc.utf8_upper(letters), joined)


def _with_forms(
    listed: Sequence[Market], world: Columns, which: Numbers, said: pa.Array, stated: Chosen,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """With the legal form behind, seldom before; a sole trader has none, or a word for it."""
    records, market = len(which), world["market"][which]
    sole = world["size"][which] == 0

    def behind(one: Market, here: Numbers) -> Any:
        width = max(len(written) for written in one.forms)
        padded = np.array([[*w, *w[:1] * (width - len(w))] for w in one.forms], dtype=object)
        of = padded[world["form"][which[here]], falling(width, len(here), 1.3, rng)]
        return np.where(sole[here], texts(one.sole)[rng.integers(0, len(one.sole), len(here))], of)

    form = by_market(listed, market, behind)
    form = np.where(stated, form, "")
    # SPRL Dubois is usual in French and Dutch, and unknown in Hungarian and German.
    early = np.isin(market, [i for i, one in enumerate(listed) if one.language in {"nl", "fr"}])
    early &= (rng.random(records) < FORM_FIRST) & ~sole
    written = pa.array(form, pa.string())
    return pc.utf8_trim_whitespace(
        pc.binary_join_element_wise(
            pc.if_else(pa.array(early), written, ""),
            said,
            pc.if_else(pa.array(early), "", written),
            " ",
        )
    )


def _person_names(
    people: Columns, who: Numbers, rng: np.random.Generator
) -> tuple[pa.Array, pa.Array]:
    n = len(who)
    at = pa.array(who)
    first, last = people["given"].take(at), people["family"].take(at)
    first = pc.if_else(drawn(n, 0.06, rng), people["nickname"].take(at), first)
    letter = pc.binary_join_element_wise(pc.utf8_slice_codeunits(first, 0, 1), ".", "")
    first = pc.if_else(drawn(n, 0.05, rng), letter, first)
    dirty = []
    for column in (first, last):
        said = pc.if_else(drawn(n, PLAIN, rng), without_accents(column), column)
        said = with_typos(said, rng.random(n) < 0.03, rng)
        dirty.append(pc.if_else(drawn(n, 0.05, rng), pc.utf8_upper(said), said))
    swapped = drawn(n, 0.02, rng)
    return pc.if_else(swapped, dirty[1], dirty[0]), pc.if_else(swapped, dirty[0], dirty[1])


def _whole_names(
    listed: Sequence[Market], market: Numbers, first: pa.Array, last: pa.Array,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    hungarian = np.array([one.language == "hu" for one in listed])[market]
    family_first = pa.array(rng.random(len(market)) < np.where(hungarian, 0.88, 0.12))
    return pc.if_else(
        family_first,
        pc.binary_join_element_wise(last, first, " "),
        pc.binary_join_element_wise(first, last, " "),
    )


def _mails(
    world: Columns, people: Columns, which: Numbers, who: Numbers,
    silo: Numbers, anybody: Chosen, rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """The desk's, the bookkeepers', or somebody's; now and then nobody's."""
    n, kinds, at = len(which), list(SILOS), pa.array(which)
    given = pc.utf8_lower(without_accents(people["given"].take(pa.array(who))))
    family = pc.utf8_lower(without_accents(people["family"].take(pa.array(who))))
    given, family = (pc.replace_substring_regex(x, "[^a-z]", "") for x in (given, family))
    # Under one brand are many Thomases; there everybody has a whole name.
    style = np.where(world["brand"][people["company"][who]] >= 0, 0.0, people["style"][who])
    initial = pc.utf8_slice_codeunits(given, 0, 1)
    local = pc.if_else(
        pa.array(style < 0.5),
        pc.binary_join_element_wise(given, family, "."),
        pc.if_else(pa.array(style < 0.75), given, pc.binary_join_element_wise(initial, family, "")),
    )
    at_work = pc.binary_join_element_wise(
        local, world["domain"].take(pa.array(people["company"][who])), "@"
    )
    providers = words("companies")["mailboxes"]["domains"]
    number = pa.array(who % 997).cast(pa.string())
    private = pc.binary_join_element_wise(
        pc.binary_join_element_wise(given, family, number, "."),
        chosen(providers, who % len(providers)),
        "@",
    )
    has_work = world["own_domain"][people["company"][who]] & (people["private"][who] < 0.9)
    personal = pc.if_else(pa.array(has_work), at_work, private)
    finance = silo == kinds.index("finance")
    desk = pc.if_else(
        pa.array(finance & (rng.random(n) < 0.55)),
        world["billing"].take(at),
        world["desk"].take(at),
    )
    # Who writes down a business's address often writes down a person's.
    somebody = rng.random(n) < np.where(anybody, 0.88, np.where(finance, 0.1, 0.22))
    mailbox = pc.if_else(pa.array(somebody), personal, desk)
    bookkeeper = pa.array(finance & (rng.random(n) < BOOKKEEPER))
    market = world["market"][which]
    offices = pa.array(market * 40 + which % 40).cast(pa.string())
    mailbox = pc.if_else(
        bookkeeper,
        pc.binary_join_element_wise("dossiers@kantoor", offices, ".example", ""),
        mailbox,
    )
    mailbox = with_typos(mailbox, rng.random(n) < 0.012, rng)
    nobody = words("companies")["mailboxes"]["placeholders"]
    return pc.if_else(
        drawn(n, PLACEHOLDER, rng), chosen(nobody, falling(len(nobody), n, 1.0, rng)), mailbox
    )


def _phones(
    listed: Sequence[Market], world: Columns, people: Columns, which: Numbers, who: Numbers,
    anybody: Chosen, rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """The switchboard's or somebody's mobile number, in one of four ways of writing."""
    n, market = len(which), world["market"][which]
    sole = world["size"][which] == 0
    mobile = rng.random(n) < np.where(anybody, 0.6, np.where(sole, 0.75, 0.2))

    def before(one: Market, here: Numbers) -> Any:
        area = texts(one.areas)[world["area"][which[here]] % len(one.areas)]
        of = texts(one.mobiles)[people["mobile"][who[here]] % len(one.mobiles)]
        return np.where(mobile[here], of, area)

    prefix = by_market(listed, market, before)
    number = np.where(mobile, people["mobile"][who], world["line"][which])
    national = pc.binary_join_element_wise(
        pa.array(prefix, pa.string()),
        pc.utf8_lpad(pa.array(number).cast(pa.string()), 7, "0"),
        "",
    )
    code = chosen([one.code for one in listed], market)
    trunk = chosen([one.trunk for one in listed], market)
    paired = pc.replace_substring_regex(national, r"^(\d{1,4})(\d{3})(\d\d)(\d\d)$", r"\1 \2 \3 \4")
    ways = (
        pc.binary_join_element_wise(code, national, ""),
        pc.binary_join_element_wise(pc.replace_substring(code, "+", "00"), national, ""),
        pc.binary_join_element_wise(trunk, national, ""),
        pc.binary_join_element_wise(trunk, paired, ""),
        pc.binary_join_element_wise(code, " ", paired, ""),
        pc.binary_join_element_wise(
            trunk, pc.replace_substring(paired, " ", "/", max_replacements=1), ""
        ),
    )
    written = pc.choose(pa.array(rng.integers(0, len(ways), n)), *ways)
    return pc.if_else(drawn(n, 0.008, rng), pa.scalar("0000000000"), written)


def _addresses_of(
    world: Columns, which: Numbers, silo: Numbers, rng: np.random.Generator
) -> Numbers:
    """At which address this record has the business."""
    kinds = list(SILOS)
    old = world["moved"][which] & (rng.random(len(which)) < 0.4)
    # Finance keeps the registered seat, others mostly where the shop is.
    shop = np.array([{"finance": 0.05, "crm": 0.5}.get(kind, 0.85) for kind in kinds])[silo]
    elsewhere = world["two_seats"][which] & (rng.random(len(which)) < shop)
    seat: Numbers = np.where(old | elsewhere, world["other"][which], world["home"][which])
    return seat


#: By language, what is long in a street's name, and what people write.
_SHORT = {
    "nl": ((r"straat$", "str."), (r"steenweg$", "stwg"), (r"laan$", "ln"), (r"plein$", "pl.")),
    "fr": (("^[Aa]venue", "av."), ("^[Bb]oulevard", "bd"), ("^[Cc]haussée", "ch."),
           ("^[Rr]ue", "r.")),
    "hu": ((r"utca$", "u."), (r"körtér$", "krt."), (r"út$", "ú.")),
    "de": ((r"straße$", "str."), (r"Straße$", "Str."), (r"straße$", "strasse")),
}  # fmt: skip
#: What stands between a house's number and the one inside; the French say 12 bis.
_INSIDE = {"BE": {"nl": " bus ", "fr": " bte "}, "HU": {"hu": " fsz. "}, "DE": {"de": " Haus "}}


def _written_addresses(
    listed: Sequence[Market], world: Columns, seat: Numbers, whole: Chosen, place: Chosen,
    rng: np.random.Generator,
) -> dict[str, pa.Array]:  # fmt: skip
    """Street, number, postal code and city as one record has them."""
    n, market = len(seat), world["address_market"][seat]
    street, short, cities, codes, inside = (np.empty(n, dtype=object) for _ in range(5))
    for number, one in enumerate(listed):
        here = np.flatnonzero(market == number)
        streets = np.array(one.streets, dtype=object)[world["street"][seat[here]]]
        street[here] = streets
        brief = pa.array(streets, pa.string())
        for pattern, letters in _SHORT[one.language]:
            brief = pc.replace_substring_regex(brief, pattern, letters)
        short[here] = brief.to_numpy(zero_copy_only=False)
        city = world["city"][seat[here]]
        cities[here] = np.array([name for name, _, _ in one.cities], dtype=object)[city]
        codes[here] = np.array([code for _, code, _ in one.cities], dtype=object)[city]
        inside[here] = _INSIDE.get(one.country, {}).get(one.language, "-")
    said = pc.if_else(
        drawn(n, 0.2, rng), pa.array(short, pa.string()), pa.array(street, pa.string())
    )
    said = pc.if_else(drawn(n, PLAIN, rng), without_accents(said), said)
    said = with_typos(said, rng.random(n) < TYPO, rng)
    house = pa.array(world["house"][seat]).cast(pa.string())
    with_box = (world["box"][seat] > 0) & (rng.random(n) < 0.7)
    french = np.isin(market, [i for i, one in enumerate(listed) if one.country == "FR"])
    boxed = pc.if_else(
        pa.array(french),
        pc.binary_join_element_wise(house, "bis", " "),
        pc.binary_join_element_wise(
            house, pa.array(inside, pa.string()), pa.array(world["box"][seat]).cast(pa.string()), ""
        ),
    )
    numbered = pc.if_else(pa.array(with_box), boxed, house)
    # French numbers stand before the street.
    joined = pc.if_else(
        pa.array(french),
        pc.binary_join_element_wise(numbered, said, " "),
        pc.binary_join_element_wise(said, numbered, " "),
    )
    together = rng.random(n) < 0.5
    city_name = pa.array(cities, pa.string())
    city_name = pc.if_else(
        drawn(n, 0.08, rng), pc.utf8_upper(without_accents(city_name)), city_name
    )
    return {
        "street": stated_where(whole, pc.if_else(pa.array(together), joined, said)),
        "house_number": stated_where(whole & ~together, numbered),
        "postal_code": stated_where(
            place, with_typos(pa.array(codes, pa.string()), rng.random(n) < 0.01, rng)
        ),
        "city": stated_where(place & (rng.random(n) < 0.97), city_name),
    }


def _cards(which: Numbers) -> pa.Array:
    return pc.binary_join_element_wise(
        "LC", pa.array(800_000_000 + 7 * which).cast(pa.string()), ""
    )


def _numbers(
    listed: Sequence[Market], world: Columns, which: Numbers, silo: Numbers,
    rng: np.random.Generator,
) -> pa.Array:  # fmt: skip
    """The number for taxes in finance and shop, the register's in sales; slips and placeholders."""
    n, market, kinds = len(which), world["market"][which], list(SILOS)
    whose = np.where(rng.random(n) < NUMBER_OF_HEAD, world["head"][which], which)
    by_register = silo == kinds.index("crm")
    found = np.empty(n, dtype=object)
    for country in dict.fromkeys(one.country for one in listed):
        of = [i for i, one in enumerate(listed) if one.country == country]
        here = np.flatnonzero(np.isin(market, of))
        serial = world["serial"][whose[here]]
        tax = business_numbers.tax_numbers(country, serial, world["county"][whose[here]])
        register = business_numbers.register_numbers(
            country, serial, world["establishment"][whose[here]]
        )
        stated = pc.if_else(pa.array(by_register[here]), pc.coalesce(register, tax), tax)
        written = business_numbers.as_written(country, stated, rng)
        found[here] = written.to_numpy(zero_copy_only=False)
    said = with_typos(pa.array(found, pa.string()), rng.random(n) < NUMBER_SLIP, rng)
    nothing = business_numbers.PLACEHOLDERS
    said = pc.if_else(
        drawn(n, PLACEHOLDER, rng), chosen(nothing, rng.integers(0, len(nothing), n)), said
    )
    # Many a sole trader is below the sum from which one has a number for taxes.
    none = (world["size"][which] == 0) & (which % 10 < 3)
    return stated_where(~none, said)


def _falling_below(most: Numbers, rng: np.random.Generator) -> Numbers:
    """Numbers below each of ``most``: the first contact is mostly the one."""
    return np.minimum((rng.random(len(most)) ** 1.7 * most).astype(np.int64), most - 1)
