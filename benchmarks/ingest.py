"""How many events a second the collector keeps, through its real HTTP server, and what is possible.

    python benchmarks/ingest.py [--seconds 5] [--rounds 3] [--connections 16] [--ledger URL]

Starts the collector on granian with an empty ledger, sends batches of 100 and of 1 from several
keep-alive connections of a client process on the same machine, and counts only events whose
success was answered, which is after their fsync. A core's share is said too: the server's processor
time (all its threads, user and system) per event.

Two floors are measured in the same run, in turns with the collector, and the medians of all rounds
are printed. The first is a server that gets the same requests from the same client through the same
HTTP server, decodes every event, appends them to a file, and answers after one fsync for all that
wait: it checks nothing and keeps nothing once. That is what any collector in Python must at least
do. The second does not even listen: it decodes bodies that lie in memory and appends them, with one
fsync for as many requests as there are connections.

Then a load of half the measured speed is sent at its own pace, whether or not answers come (an
open loop), and each request's time counts from the moment at which it was due.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from litestar import Litestar
from sqlalchemy import func, select

from rapport.api.collector import Bodies, CollectorDoor
from rapport.asgi import Application
from rapport.collect.group_commit import GroupCommit
from rapport.collect.intake import Intake
from rapport.collect.segment import decode_batch, decode_event
from rapport.collect.sources import WriteKeys, create_source, create_write_key
from rapport.engines.ledger import Ledger, open_ledger
from rapport.vocabulary.ledger_tables import journal

_LEDGER = "BENCHMARK_LEDGER"


def app() -> Litestar:
    """The collector alone, as granian loads it."""
    ledger = open_ledger(os.environ[_LEDGER], migrate=False)
    commit = GroupCommit(ledger)
    intake = Intake(WriteKeys(ledger), commit, lambda: datetime.now(UTC))

    @asynccontextmanager
    async def life(_: Litestar) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(commit.close)
        ledger.close()

    application = Application(lifespan=[life], openapi_config=None)
    application.collector = CollectorDoor(intake, Bodies())
    return application


class FloorServer:
    """An ASGI application that decodes, appends and syncs, and nothing else."""

    def __init__(self) -> None:
        path = Path(os.environ[_LEDGER].removeprefix("sqlite:///") + ".floor")
        self._file = path.open("wb")  # open for as long as the server lives
        self._waiting: list[tuple[bytes, asyncio.Future[None], asyncio.AbstractEventLoop]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                group, self._waiting = self._waiting, []
            for body, _, _ in group:
                for raw in decode_batch(body).batch:
                    decode_event(raw)
                    self._file.write(raw)
            self._file.flush()
            os.fsync(self._file.fileno())
            group[0][2].call_soon_threadsafe(
                lambda done: [future.set_result(None) for _, future, _ in done], group
            )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._waiting.append((body, future, loop))
            self._changed.notify()
        await future
        headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"success":true}'})


def body_of(batch: int, first: int, at: datetime) -> bytes:
    """A batch of page views and product views, as analytics.js sends them."""
    events = [
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": f"ajs-next-{first + n:032d}",
            "anonymousId": f"8f6b2c1e-0000-4000-8000-{(first + n) % 5000:012d}",
            "userId": f"user-{(first + n) % 2000}" if n % 3 == 0 else None,
            "timestamp": (at - timedelta(milliseconds=n)).isoformat(),
            "properties": {"product_id": f"P{n % 400}", "price": 12.5, "category": "camping"},
            "context": {
                "page": {"path": "/p/1", "url": "https://shop.example/p/1", "title": "Tent"},
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
                "locale": "nl-BE",
                "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
            },
        }
        for n in range(batch)
    ]
    return json.dumps({"batch": events, "sentAt": at.isoformat()}).encode()


def send(
    pipe: Connection, port: int, key: str, batch: int, connections: int, seconds: float, run: int
) -> None:
    """The client: how many events were answered with success, and how long each answer took."""
    pipe.send(asyncio.run(_send(port, key, batch, connections, seconds, run)))


async def _send(
    port: int, key: str, batch: int, connections: int, seconds: float, run: int
) -> tuple[int, float, list[float]]:
    at = datetime.now(UTC)
    # Made before the clock starts: encoding the bodies is no work of the collector. Enough for
    # twice the speed ever seen; a connection that runs out stops.
    each = int(seconds * (400_000 if batch > 1 else 12_000) / batch / connections) + 50
    requests: list[list[bytes]] = []
    number = run * 1_000_000_000
    for _ in range(connections):
        mine = []
        for _ in range(each):
            body = body_of(batch, number, at)
            number += batch
            head = (
                f"POST /v1/batch?writeKey={key} HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            mine.append(head.encode() + body)
        requests.append(mine)
    began = time.perf_counter()
    end = began + seconds

    async def connection(mine: list[bytes]) -> tuple[int, list[float]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done, waits = 0, []
        for request in mine:
            sent = time.perf_counter()
            if sent > end:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(16)
            assert b" 200 " in head.split(b"\r\n", 1)[0], head
            assert answer == b'{"success":true}', answer
            done += batch
            waits.append(time.perf_counter() - sent)
        writer.close()
        return done, waits

    results = await asyncio.gather(*map(connection, requests))
    took = time.perf_counter() - began
    waits = sorted(w for _, mine in results for w in mine)
    return sum(done for done, _ in results), took, waits


def send_at_pace(
    pipe: Connection, port: int, key: str, batch: int, rate: float, seconds: float, run: int
) -> None:
    """The client of half load: how long each request took from the moment it was due."""
    pipe.send(asyncio.run(_send_at_pace(port, key, batch, rate, seconds, run)))


async def _send_at_pace(
    port: int, key: str, batch: int, rate: float, seconds: float, run: int
) -> tuple[int, list[float]]:
    at = datetime.now(UTC)
    count = int(seconds * rate / batch)
    requests = []
    for n in range(count):
        body = body_of(batch, run * 1_000_000_000 + n * batch, at)
        head = (
            f"POST /v1/batch?writeKey={key} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    waits: list[float] = []

    async def one(request: bytes, due: float) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n", 1)[0], head
        await reader.readexactly(16)
        waits.append(time.perf_counter() - due)
        idle.append((reader, writer))

    began = time.perf_counter() + 0.1
    sending = set()
    for n, request in enumerate(requests):
        due = began + n * batch / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sending.add(asyncio.create_task(one(request, due)))
    await asyncio.gather(*sending)
    for _, writer in idle:
        writer.close()
    return count * batch, sorted(waits)


def processor_seconds(process: int) -> float:
    """Processor time of a process and its children until now, of all their threads."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if process in (int(folder.name), int(fields[1])):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def floor(folder: Path, batch: int, connections: int, seconds: float) -> float:
    """Events a second by decoding and one fsync per round of the connections; nothing else."""
    bodies = [body_of(batch, n * batch, datetime.now(UTC)) for n in range(connections)]
    done, began = 0, time.perf_counter()
    with (folder / "floor").open("wb") as file:
        while time.perf_counter() - began < seconds:
            for body in bodies:
                events = decode_batch(body).batch
                for raw in events:
                    decode_event(raw)
                    file.write(raw)
                done += len(events)
            file.flush()
            os.fsync(file.fileno())
    return done / (time.perf_counter() - began)


@contextmanager
def served(target: str, ledger_url: str) -> Iterator[tuple[int, int]]:
    """Granian with ``target`` of this file; its process and its port."""
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "asgi", "--factory"),
            *("--loop", "uvloop", "--no-ws", "--log-level", "warning"),
            *("--host", "127.0.0.1", "--port", str(port), f"ingest:{target}"),
        ],
        cwd=Path(__file__).parent,
        env={**os.environ, _LEDGER: ledger_url},
    )
    try:
        wait_for(port)
        yield server.pid, port
    finally:
        server.terminate()
        server.wait(20)


class Driven(NamedTuple):
    """What one client got done."""

    events: int
    seconds: float
    processor_seconds: float  # of the server
    waits: list[float]

    @property
    def speed(self) -> float:
        return self.events / self.seconds

    @property
    def per_core(self) -> float:
        return self.events / self.processor_seconds


def drive(
    server: int, port: int, key: str, batch: int, given: argparse.Namespace, run: int
) -> tuple[Driven, int]:
    """A client at full speed, after a short run that pays for imports and cold caches.

    Returns what it got done, and how many events both runs sent.
    """
    sent = 0
    for number, seconds in ((run * 10, 0.5), (run * 10 + 1, given.seconds)):
        ours, theirs = Pipe()
        arguments = (theirs, port, key, batch, given.connections, seconds, number)
        client = Process(target=send, args=arguments)
        used = processor_seconds(server)
        client.start()
        done, took, waits = ours.recv()
        client.join()
        used = processor_seconds(server) - used
        sent += done
    return Driven(done, took, used, waits), sent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(1200):  # a busy machine takes long to import all that a server needs
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--ledger", default="", help="SQLAlchemy URL; default: SQLite in a folder")
    parser.add_argument("--folder", default=None, help="where to write; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        url = given.ledger or f"sqlite:///{folder}/ledger.sqlite"
        ledger = open_ledger(url)
        name = f"benchmark-{time.time_ns()}"
        create_source(ledger, datetime.now(UTC), name=name, label="", kind="collector")
        key = create_write_key(ledger, name)
        with served("FloorServer", url) as at_floor, served("app", url) as (process, port):
            before = _kept(ledger)
            acknowledged = 0
            for number, batch in enumerate((100, 1), 1):
                heres: list[Driven] = []
                theirs: list[Driven] = []
                least: list[float] = []
                for turn in range(given.rounds):  # taking turns: the machine is not always as quick
                    run = number * 100 + turn
                    theirs.append(drive(*at_floor, key, batch, given, run)[0])
                    here, sent = drive(process, port, key, batch, given, run)
                    heres.append(here)
                    acknowledged += sent
                    seconds = min(given.seconds, 3.0)
                    least.append(floor(Path(folder), batch, given.connections, seconds))
                waits = sorted(wait for here in heres for wait in here.waits)
                speed = median(here.speed for here in heres)
                per_core = [here.per_core for here in heres]
                print(
                    f"batches of {batch:>3}: {speed:>9,.0f} events/s durable, "
                    f"{median(per_core):,.0f} per core ({min(per_core):,.0f} to "
                    f"{max(per_core):,.0f}; {given.connections} connections, "
                    f"p50 {waits[len(waits) // 2] * 1e3:.1f} ms, "
                    f"p99 {waits[len(waits) * 99 // 100] * 1e3:.1f} ms)"
                )
                floors = {
                    "through HTTP": [their.per_core for their in theirs],
                    "in memory": least,
                }
                for name, speeds in floors.items():
                    ratios = [ours / floor for ours, floor in zip(per_core, speeds, strict=True)]
                    print(
                        f"  floor {name} {median(speeds):,.0f} per core: ratio "
                        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                    )
                pipe, paced_pipe = Pipe()
                paced = (paced_pipe, port, key, batch, speed / 2, given.seconds, number)
                client = Process(target=send_at_pace, args=paced)
                client.start()
                done, waits = pipe.recv()
                client.join()
                acknowledged += done
                print(
                    f"  at half load, {done / given.seconds:,.0f} events/s: "
                    f"p50 {waits[len(waits) // 2] * 1e3:.1f} ms, "
                    f"p99 {waits[len(waits) * 99 // 100] * 1e3:.1f} ms"
                )
            kept = _kept(ledger) - before
            print(f"acknowledged {acknowledged:,}, in the ledger {kept:,}")
            assert kept == acknowledged, "an acknowledged event is missing, or one is double"
        ledger.close()


def _kept(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return int(connection.execute(select(func.count()).select_from(journal)).scalar_one())


if __name__ == "__main__":
    main()
