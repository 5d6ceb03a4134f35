"""bank/: statements of the company's account, camt.053, one file a month."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from xml.sax.saxutils import escape

from rapport.demo.files import amount_text, copy_mapping
from rapport.demo.spelling import plain_letters
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "bank"
ACCOUNT = "BE65999000012396"
#: Of transfers, collected payments are given back by the bank at the payer's wish.
_RETURNED = 0.25
_COSTS = ("LONEN", "HUUR WINKEL GENT", "FLITSEXPRESS FACTUUR", "ELEKTRICITEIT")


@dataclass(frozen=True, kw_only=True)
class _Entry:
    day: int
    order: int  # −1: a cost of the company
    cents: int
    returned: bool
    label: str  # of a cost; else the number of the payment


def write(world: World) -> Written:
    entries = _entries(world)
    months: dict[str, list[_Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.day, e.order, e.returned, e.label)):
        day = world.story.start + timedelta(days=entry.day)
        months.setdefault(f"{day:%Y-%m}", []).append(entry)
    files = []
    for number, (month, held) in enumerate(sorted(months.items()), 1):
        path = f"bank/camt053_{month}.xml"
        target = world.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_statement(world, month, number, held), "utf-8", newline="\n")
        files.append(WrittenFile(path=path, source=SOURCE, rows=len(held)))
    copy_mapping(world.folder, "bank/statements")
    customers = [e for e in entries if e.order >= 0]
    records: list[Record] = [
        (int(world.orders.person[e.order]), SOURCE, "iban", "", world.transfers[e.order].iban)
        for e in customers
    ]
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: len(customers)}),
    )


def _entries(world: World) -> list[_Entry]:
    rng = world.rng("bank")
    orders, days = world.orders, world.story.days
    entries = []
    for i, u in zip(
        sorted(world.transfers), rng.random((len(world.transfers), 3)).tolist(), strict=True
    ):
        day, cents = int(orders.day[i]) + 1 + int(u[0] * 3), int(orders.total[i])
        collected = world.transfers[i].mandate
        if day >= days:
            continue
        entries.append(_Entry(day=day, order=i, cents=cents, returned=False, label=""))
        back = day + 4 + int(u[1] * 20)
        if collected and u[2] < _RETURNED and back < days:
            entries.append(_Entry(day=back, order=i, cents=cents, returned=True, label=""))
    for day in range(24, days, 30):
        for n, cost in enumerate(_COSTS):
            cents = int(rng.integers(150_000, 4_500_000))
            entries.append(
                _Entry(
                    day=min(day + n, days - 1), order=-1, cents=cents, returned=False, label=cost
                )
            )
    return entries


def _statement(world: World, month: str, number: int, entries: list[_Entry]) -> str:
    body = "".join(_entry_xml(world, entry) for entry in entries)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
<BkToCstmrStmt>
<GrpHdr><MsgId>KAD-{month}</MsgId><CreDtTm>{month}-28T02:00:00</CreDtTm></GrpHdr>
<Stmt><Id>{month}-{number:03d}</Id>
<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{body}</Stmt>
</BkToCstmrStmt>
</Document>
"""


def _entry_xml(world: World, entry: _Entry) -> str:
    booked: date = world.story.start + timedelta(days=entry.day)
    if entry.order < 0:
        return (
            f"<Ntry>{_head(entry, booked, 'DBIT')}<NtryDtls><TxDtls>"
            f"<RmtInf><Ustrd>{entry.label} {booked:%m/%Y}</Ustrd></RmtInf>"
            "</TxDtls></NtryDtls></Ntry>\n"
        )
    transfer = world.transfers[entry.order]
    person = world.people.persons[int(world.orders.person[entry.order])]
    number = world.order_ids[entry.order]
    # Banks write in capitals, with the letters that a line of a terminal had.
    name = plain_letters(person.name).upper()
    reference = (
        "<Strd><CdtrRefInf><Tp><CdOrPrtry><Prtry>BBA</Prtry></CdOrPrtry></Tp>"
        f"<Ref>{transfer.reference}</Ref></CdtrRefInf></Strd>"
        if transfer.structured
        else f"<Ustrd>{number}</Ustrd>"
    )
    mandate = f"<MndtId>KAD-{number}</MndtId>" if transfer.mandate else ""
    why = "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>" if entry.returned else ""
    return (
        f"<Ntry>{_head(entry, booked, 'DBIT' if entry.returned else 'CRDT')}<NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{number}</EndToEndId>{mandate}</Refs>"
        f"<RltdPties><Dbtr><Pty><Nm>{escape(name)}</Nm><PstlAdr>"
        f"<Ctry>{person.country}</Ctry></PstlAdr></Pty></Dbtr>"
        f"<DbtrAcct><Id><IBAN>{transfer.iban}</IBAN></Id></DbtrAcct>"
        f"<CdtrAcct><Id><IBAN>{ACCOUNT}</IBAN></Id></CdtrAcct></RltdPties>"
        f"<RmtInf>{reference}</RmtInf>{why}</TxDtls></NtryDtls></Ntry>\n"
    )


def _head(entry: _Entry, booked: date, direction: str) -> str:
    reversal = "<RvslInd>true</RvslInd>" if entry.returned else ""
    return (
        f'<Amt Ccy="EUR">{amount_text(entry.cents)}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"{reversal}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{booked}</Dt></BookgDt>"
        f"<AcctSvcrRef>{booked:%y%m%d}{max(entry.order, 0):07d}</AcctSvcrRef>"
    )
