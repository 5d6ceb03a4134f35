"""tills/ and late/: receipts per line, three tills with three ways of writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from rapport.demo.files import amount_text, copy_mapping, time_texts, write_csv
from rapport.demo.purchases import Orders, catalogue, local_seconds, utc_seconds
from rapport.demo.words import words
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

_HEADERS = {
    "BE": (
        "kassabonnr",
        "datum",
        "winkel",
        "kassa",
        "artikelcode",
        "artikel",
        "afdeling",
        "aantal",
        "prijs",
        "bedrag",
        "klantenkaart",
        "e-mail bon",
        "betaalwijze",
        "soort",
    ),
    "FR": (
        "ticket",
        "date_heure",
        "magasin",
        "caisse",
        "code_article",
        "libelle",
        "rayon",
        "qte",
        "prix_unitaire",
        "montant",
        "carte",
        "courriel",
        "reglement",
        "type",
    ),
    "HU": (
        "nyugtaszám",
        "időpont",
        "üzlet",
        "pénztár",
        "cikkszám",
        "megnevezés",
        "osztály",
        "mennyiség",
        "egységár",
        "érték",
        "törzskártya",
        "e-mail",
        "fizetés",
        "jelleg",
    ),
}
_TIMES = {"BE": "D/M/Y h:m:s", "FR": "Y-M-DTh:m:s", "HU": "Y.M.D h:m"}
_DECIMALS = {"BE": ",", "FR": ".", "HU": ","}
_LANGUAGES = {"BE": "nl", "FR": "fr", "HU": "hu"}
_KINDS = {"BE": ("verkoop", "retour"), "FR": ("vente", "retour"), "HU": ("eladás", "sztornó")}
_PAYMENTS = {
    "BE": ("Bancontact", "cash", "kredietkaart"),
    "FR": ("CB", "especes", "CB"),
    "HU": ("bankkártya", "készpénz", "SZÉP kártya"),
}
_FORMATS: dict[str, tuple[str, str]] = {
    "BE": (";", "utf-8"),
    "FR": ("\t", "utf-8"),
    "HU": (";", "cp1250"),
}

LATE_STORE = "Gent"

#: order id, UTC second, line rows
_Receipt = tuple[str, int, str, list[tuple[Any, ...]]]


def write(world: World) -> Written:
    files: list[WrittenFile] = []
    records: list[Record] = []
    totals: dict[str, Any] = {
        "orders": Counter(),
        "refunds": Counter(),
        "revenue": Counter(),
        "touchpoints": Counter(),
    }
    for country in ("BE", "FR", "HU"):
        receipts = _receipts(world, country, records, totals)
        if country == "BE":
            receipts, late, repeated = _late(world, receipts)
            files.append(_late_file(world, late, repeated))
        files += _quarter_files(world, country, receipts)
        copy_mapping(world.folder, f"tills/receipts_{country.lower()}")
    fragment, bad, good_revenue, good = _fragment()
    path = "late/receipts_be_fragment.csv"
    count = write_csv(world.folder / path, (*_HEADERS["BE"], "munt"), fragment, delimiter=";")
    copy_mapping(world.folder, "late/receipts_be_fragment")
    files.append(WrittenFile(path=path, source="till_be", rows=count, bad_rows=len(bad)))
    totals["orders"]["till_be"] += good
    totals["touchpoints"]["till_be"] += good
    totals["revenue"]["till_be", "EUR"] += good_revenue
    return Written(
        files=tuple(files),
        records=unique_records(records),
        bad_rows=tuple((path, line, reason) for line, reason in bad),
        **totals,
    )


def _receipts(
    world: World, country: str, records: list[Record], totals: dict[str, Any]
) -> list[_Receipt]:
    """All receipts of a country in the order of time: known buyers, strangers, refunds."""
    source = f"till_{country.lower()}"
    rng = world.rng(source)
    people = world.people
    receipts: list[_Receipt] = []
    for known, orders in ((True, world.orders), (False, world.strangers)):
        mask = ~orders.web & (orders.country == country) & (orders.day < world.story.days)
        where = np.flatnonzero(mask)
        u = rng.random((len(where), 6))
        back_day = orders.day[where] + 2 + (u[:, 0] * 22).astype(np.int64)
        back_at = utc_seconds(
            world.story,
            np.minimum(back_day, world.story.days),
            (36_000 + u[:, 1] * 28_000).astype(np.int64),
        )
        back = (u[:, 2] < 0.04) & (back_day < world.story.days)
        times = _time_texts(world, country, orders.second[where])
        back_times = _time_texts(world, country, back_at)
        for n, i in enumerate(where.tolist()):
            card = mail = ""
            if known:
                person = int(orders.person[i])
                if people.card[person] and (u[n, 3] < 0.96 or not people.persons[person].email):
                    card = people.card_number[person]
                    records.append((person, source, "loyalty_card", "", card))
                    # Some also had the receipt sent: the till is where card and e-mail meet.
                    mail = people.persons[person].email if u[n, 3] < 0.12 else ""
                else:
                    mail = people.persons[person].email
                    records.append((person, source, "email", "", mail))
            order_id = world.order_ids[i] if known else f"{country}-S{i:07d}"
            head = (orders.store[i], f"K{1 + int(u[n, 4] * 3)}")
            tail = (card, mail, _PAYMENTS[country][int(u[n, 5] * 3)])
            lines = _lines(orders, i, country, order_id, times[n], head, tail, sign=1)
            receipts.append((order_id, int(orders.second[i]), str(orders.store[i]), lines))
            totals["orders"][source] += 1
            totals["revenue"][source, str(orders.currency[i])] += int(orders.total[i])
            if back[n]:
                back_id = f"{order_id}-R"
                lines = _lines(orders, i, country, back_id, back_times[n], head, tail, sign=-1)[:1]
                receipts.append((back_id, int(back_at[n]), str(orders.store[i]), lines))
                totals["refunds"][source] += 1
                totals["revenue"][source, str(orders.currency[i])] -= int(
                    orders.line_amount[orders.line_from[i]]
                )
    receipts.sort(key=lambda r: (r[1], r[0]))
    totals["touchpoints"][source] += len(receipts)
    return receipts


def _time_texts(world: World, country: str, seconds: Any) -> list[str]:
    return time_texts(local_seconds(world.story, seconds), _TIMES[country])


def _lines(
    orders: Orders,
    i: int,
    country: str,
    order_id: str,
    time: str,
    head: tuple[str, str],
    tail: tuple[str, str, str],
    *,
    sign: int,
) -> list[tuple[Any, ...]]:
    language, decimal = _LANGUAGES[country], _DECIMALS[country]
    products = catalogue()
    rows = []
    for line in range(int(orders.line_from[i]), int(orders.line_from[i + 1])):
        product = products[int(orders.line_product[line])]
        rows.append(
            (
                order_id,
                time,
                *head,
                product.sku,
                product.names[language],
                words("catalogue")[product.category][language],
                sign * int(orders.line_quantity[line]),
                amount_text(int(orders.line_unit[line]), decimal),
                amount_text(sign * int(orders.line_amount[line]), decimal),
                *tail,
                _KINDS[country][0 if sign > 0 else 1],
            )
        )
    return rows


def _quarter_files(world: World, country: str, receipts: list[_Receipt]) -> list[WrittenFile]:
    """One file a quarter, as the till system rolls them over."""
    quarters: dict[str, list[_Receipt]] = {}
    months = (
        np.array([r[1] for r in receipts])
        .astype("datetime64[s]")
        .astype("datetime64[M]")
        .astype(int)
    )
    for receipt, month in zip(receipts, months.tolist(), strict=True):
        quarters.setdefault(f"{1970 + month // 12}Q{month % 12 // 3 + 1}", []).append(receipt)
    delimiter, encoding = _FORMATS[country]
    files = []
    for quarter, held in sorted(quarters.items()):
        path = f"tills/receipts_{country.lower()}_{quarter}.csv"
        count = write_csv(
            world.folder / path,
            _HEADERS[country],
            (row for receipt in held for row in receipt[3]),
            delimiter=delimiter,
            encoding=encoding,
        )
        files.append(WrittenFile(path=path, source=f"till_{country.lower()}", rows=count))
    return files


def _late(
    world: World, receipts: list[_Receipt]
) -> tuple[list[_Receipt], list[_Receipt], list[_Receipt]]:
    """Cut out one week of one store, which arrives a week late, and repeats what was there."""
    start = int(np.datetime64(world.story.start).astype(np.int64))
    begin, end = ((start + world.story.days - back) * 86_400 for back in (14, 7))
    late = [r for r in receipts if begin <= r[1] < end and r[2] == LATE_STORE]
    gone = {r[0] for r in late}
    rest = [r for r in receipts if r[0] not in gone]
    repeated = [r for r in rest if r[2] == LATE_STORE and r[1] < begin][-25:]
    return rest, late, repeated


def _late_file(world: World, late: list[_Receipt], repeated: list[_Receipt]) -> WrittenFile:
    path = "late/receipts_be_gent_late.csv"
    rows = (row for receipt in [*repeated, *late] for row in receipt[3])
    count = write_csv(world.folder / path, _HEADERS["BE"], rows, delimiter=";")
    copy_mapping(world.folder, "late/receipts_be_gent_late")
    return WrittenFile(path=path, source="till_be", rows=count)


def _fragment() -> tuple[list[tuple[Any, ...]], list[tuple[int, str]], int, int]:
    """A file cut off and mended by hand: rows, the bad lines, good cents, good count."""

    def row(
        key: str,
        time: str = "05/11/2026 10:15:00",
        item: str = "muts",
        quantity: str = "1",
        amount: str = "12,95",
        kind: str = "verkoop",
        currency: str = "EUR",
    ) -> tuple[str, ...]:
        return (
            key,
            time,
            LATE_STORE,
            "K9",
            "CLO-01",
            item,
            "kleding",
            quantity,
            "12,95",
            amount,
            "",
            "",
            "cash",
            kind,
            currency,
        )

    make: list[tuple[Callable[[str], tuple[str, ...]], str]] = [
        (row, ""),
        (lambda k: row(k, time="31/02/2026 10:00:00"), "invalid_timestamp"),
        (lambda k: row(k, time="vandaag"), "invalid_timestamp"),
        (lambda k: row(k, time=""), "missing_field"),
        (lambda k: row(k, time="14/03/2031 10:00:00"), "timestamp_out_of_range"),
        (lambda k: row(k, quantity="-2", amount="-25,90"), "invalid_amount"),
        (lambda k: row(k, amount="n.v.t."), "invalid_amount"),
        (lambda k: row(k, currency="XQQ"), "unknown_currency"),
        (lambda k: row(k, item="mu\0ts"), "contains_nul"),
        (lambda k: row(k, item="muts " * 220_000), "too_large"),
        (lambda k: row(k, item='=HYPERLINK("http://fraude.example";"klik hier")'), ""),
        (lambda k: row(k, item="<img src=x onerror=alert(1)>"), ""),
        (row, ""),
    ]
    rows = [build(f"BE-F{n:04d}") for n, (build, _) in enumerate(make)]
    bad = [(n + 2, reason) for n, (_, reason) in enumerate(make) if reason]
    good = len(make) - len(bad)
    return rows, bad, good * 1295, good
