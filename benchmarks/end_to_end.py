"""From the journal to the profile: events a second per core, and how soon one can be seen.

    python benchmarks/end_to_end.py [--people 6000] [--events 60] [--folder …]

Makes the demo company's silos (6,000 inhabitants: 221,000 touchpoints of web, shops, calls,
surveys, CRM and loyalty cards) and imports them to the journal, which is not counted. Then the
worker's own steps are: who is who, rows of the lake, profiles. Counted is processor time of all
threads, user and system, which other work on the machine distorts less than the clock does.

Then `rapport serve` runs on that company, with its worker, while orders of new and known customers
arrive one by one over HTTP. For each the time is taken from the answer 200 until `customer_360`,
asked by another process again and again, shows the order in the timeline and in the sums.
"""

from __future__ import annotations

import argparse
import random
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from ingest import free_port, wait_for
from sqlalchemy import func, select

from rapport.collect.sources import create_source, create_write_key
from rapport.demo.company import generate
from rapport.errors import NotFound
from rapport.settings import read_settings
from rapport.unify.assign import profile_id_of
from rapport.vocabulary.identifier import Identifier, atom_id
from rapport.vocabulary.ledger_tables import journal
from rapport.workflows.company import Company, open_company
from rapport.workflows.customer import customer_360
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.import_files import import_folder
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles, snapshot_membership
from rapport.workflows.setup import ensure_company
from rapport.workflows.users import create_user

SOURCE = "benchmark"
SHOPPERS = 20


def fill_journal(company: Company, people: int) -> int:
    """The demo's silos in the journal; how many entries."""
    silos = company.settings.folder / "silos"
    until = company.clock().date()
    generate(silos, seed=7, people=people, until=until, progress=lambda *_: None)
    company.choose("reporting_currency", "EUR")
    owner = "owner@kadar.example"
    ensure_company(company, owner_email=owner)
    password = secrets.token_urlsafe()
    create_user(company, email=owner, name="Owner", role="admin", password=password, language="en")
    import_folder(company, silos)
    with company.ledger.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(journal)) or 0)


def throughput(company: Company, entries: int) -> None:
    """Print what each part of the walk cost."""
    before = time.process_time()
    applied = apply_journal(company)
    walked = time.process_time()
    snapshot_membership(company)
    refresh_profiles(company)
    done = time.process_time()
    rebuild_customers(company)
    customers = time.process_time() - done
    company.lake.compact()  # as `rapport resolve` does at its end
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"journal to profile: {entries:,} events in {done - before:.1f} s of processor time, "
        f"{entries / (done - before):,.0f} events/s per core\n"
        f"  identity and lake {walked - before:.1f} s, profiles {done - walked:.1f} s; "
        f"the table of customers after it {customers:.1f} s; most memory {memory:,.0f} MB"
    )
    steps = sorted(applied.seconds.items(), key=lambda step: -step[1])
    print("  by the clock: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps))


def visibility(company: Company, events: int, port: int, key: str) -> list[float]:
    """Seconds from each order's answer until the customer's page shows it."""
    rng = random.Random(1)  # noqa: S311  # not a secret: repeatable
    orders = dict.fromkeys(range(SHOPPERS), 0)
    waits: list[float] = []
    for number in range(events):
        shopper = rng.randrange(SHOPPERS)
        orders[shopper] += 1
        _order(port, key, f"shopper-{shopper}", number)
        answered = time.perf_counter()
        record = Identifier(kind="user_id", value=f"shopper-{shopper}", namespace=SOURCE)
        while not _shows(company, profile_id_of(atom_id(record)), orders[shopper]):
            if time.perf_counter() - answered > 60:
                raise SystemExit("an order was not visible after a minute")
            time.sleep(0.02)
        waits.append(time.perf_counter() - answered)
        time.sleep(rng.uniform(0, 1))  # not in step with the worker's pauses
    return sorted(waits)


def _shows(company: Company, profile_id: str, orders: int) -> bool:
    try:
        customer = customer_360(company, profile_id, reveal=True)
    except NotFound:
        return False
    return customer.value.order_count >= orders and customer.timeline.total >= orders


def _order(port: int, key: str, shopper: str, number: int) -> None:
    event = {
        "event": "Order Completed",
        "userId": shopper,
        "messageId": f"order-{number}",
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"order_id": f"B{number}", "total": 49.9, "currency": "EUR"},
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/track",
        data=msgspec.json.encode(event),
        headers={"Authorization": "Basic " + b64encode(f"{key}:".encode()).decode()},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # our own server
        assert answer.status == 200, answer.status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=6000)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--folder", default=None, help="where to write; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        settings = read_settings({}, data=str(Path(folder) / "company"))
        with open_company(settings) as company:
            throughput(company, fill_journal(company, given.people))
            create_source(
                company.ledger, datetime.now(UTC), name=SOURCE, label="", kind="collector"
            )
            key = create_write_key(company.ledger, SOURCE)
            port = free_port()
            command = [Path(sys.executable).with_name("rapport"), "--data", settings.data, "serve"]
            server = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
            try:
                wait_for(port)
                time.sleep(3)  # the worker starts beside the server
                waits = visibility(company, given.events, port, key)
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(60)
    median, late = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    print(
        f"from the answer 200 to the customer's page: p50 {median:.2f} s, p95 {late:.2f} s, "
        f"worst {waits[-1]:.2f} s ({len(waits)} orders)"
    )


if __name__ == "__main__":
    main()
