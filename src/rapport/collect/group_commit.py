"""Group commit: one durable write for all requests that wait, so each pays a share of the fsync."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import chain

from msgspec import Struct
from sqlalchemy import Connection

from rapport.collect.refused import keep_refused
from rapport.engines.ledger import JournalEntry, Ledger
from rapport.errors import Overloaded, where_it_failed
from rapport.vocabulary.touchpoint import RefusedRecord

log = logging.getLogger(__name__)


class Kept(Struct, frozen=True, kw_only=True):
    """What became of one request's events: on disk, all of it."""

    accepted: int
    duplicates: int
    refused: int
    corrected: int = 0  # were there already, and now say something else


#: What a request brings, once it is read.
Content = tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]


class _Waiting:
    """One request's share of a group; what it brings is read when its group's turn comes."""

    __slots__ = ("future", "loop", "read", "size", "source_id")

    def __init__(
        self,
        source_id: int,
        read: Callable[[], Content],
        size: int,
        future: Future[Kept] | asyncio.Future[Kept],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.source_id = source_id
        self.read = read
        self.size = size
        self.future = future
        self.loop = loop


class GroupCommit:
    """One thread that writes what waits, then wakes those who sent it.

    While one group is on its way to the disk the next gathers, so groups grow with the load and
    nobody waits when there is none.

    Parameters
    ----------
    ledger : Ledger
        Where entries and refusals are kept.
    most_waiting_bytes : int
        Payload that may wait; more is answered with `Overloaded`, as memory is finite.
    most_waiting_requests : int
        Requests that may wait.
    largest_group_bytes : int
        Payload written in one transaction, so that other writers get their turn.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        most_waiting_bytes: int = 64_000_000,
        most_waiting_requests: int = 10_000,
        largest_group_bytes: int = 8_000_000,
    ) -> None:
        self._ledger = ledger
        self._most_bytes = most_waiting_bytes
        self._most_requests = most_waiting_requests
        self._largest_group = largest_group_bytes
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)
        self._thread.start()

    @property
    def waiting_requests(self) -> int:
        """How many requests wait for their group."""
        return len(self._waiting)

    def put(
        self, source_id: int, entries: Sequence[JournalEntry], refused: Sequence[RefusedRecord]
    ) -> Kept:
        """Keep them, and return once they are on disk."""
        future: Future[Kept] = Future()
        content = (entries, refused)
        self._join(_Waiting(source_id, lambda: content, _size(content), future, None))
        return future.result()

    def submit(
        self, source_id: int, entries: Sequence[JournalEntry], refused: Sequence[RefusedRecord]
    ) -> asyncio.Future[Kept]:
        """As `put`, for the event loop of the caller.

        Raises
        ------
        Overloaded
            If too much waits already, or the process is closing.
        """
        content = (entries, refused)
        return self.submit_unread(source_id, lambda: content, _size(content))

    def submit_unread(
        self, source_id: int, read: Callable[[], Content], size: int
    ) -> asyncio.Future[Kept]:
        """As `submit`, for what is still to be read.

        ``read`` is called in the thread that writes: what one processor has just read another need
        not fetch, and the event loop stays free. What it raises is raised to the caller. It is
        called again where a group could not be kept as one.

        Parameters
        ----------
        size : int
            Bytes that it holds while it waits.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Kept] = loop.create_future()
        self._join(_Waiting(source_id, read, size, future, loop))
        return future

    def _join(self, request: _Waiting) -> None:
        with self._changed:
            if self._closing:
                raise Overloaded("This collector is closing; send again", retry_after_seconds=1)
            if self._waiting and (
                len(self._waiting) >= self._most_requests
                or self._waiting_bytes + request.size > self._most_bytes
            ):
                raise Overloaded(
                    f"{len(self._waiting)} requests wait to be written; send again shortly",
                    retry_after_seconds=1,
                )
            self._waiting.append(request)
            self._waiting_bytes += request.size
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, then stop; later requests are `Overloaded`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while group := self._next_group():
            self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """All that waits, up to the largest group; empty when closed and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            group: list[_Waiting] = []
            size = 0
            while self._waiting and (
                not group or size + self._waiting[0].size <= self._largest_group
            ):
                request = self._waiting.popleft()
                size += request.size
                group.append(request)
            self._waiting_bytes -= size
            return group

    def _write(self, group: list[_Waiting]) -> None:
        try:
            outcomes = self._commit(group)
        except Exception as error:  # whatever it is, those who wait must hear of it
            if len(group) > 1:
                # One request may hold what the store cannot take; its neighbours do not pay.
                for request in group:
                    self._write([request])
                return
            log.error("a request could not be kept: %s", where_it_failed(error))
            outcomes = [(group[0], None, error)]
        _wake(outcomes)

    def _commit(self, group: list[_Waiting]) -> list[_Outcome]:
        """Read the requests and keep what they bring, in one transaction.

        What was read is appended and forgotten before the next is read, so that all of them pass
        through the same memory, which the processor still has at hand.
        """
        outcomes: list[_Outcome] = []
        with self._ledger.write() as connection:
            portion: list[tuple[_Waiting, Content]] = []
            entries = 0
            for request in group:
                try:
                    portion.append((request, request.read()))
                except Exception as error:  # its sender must hear of it, its neighbours need not
                    outcomes.append((request, None, error))
                    continue
                entries += len(portion[-1][1][0])
                if entries >= self._ledger.journal_portion:
                    outcomes += self._append(connection, portion)
                    portion.clear()
                    entries = 0
            outcomes += self._append(connection, portion)
        return outcomes

    def _append(
        self, connection: Connection, portion: Sequence[tuple[_Waiting, Content]]
    ) -> Iterator[_Outcome]:
        contents = [content for _, content in portion]
        every = contents[0][0] if len(contents) == 1 else list(chain(*(e for e, _ in contents)))
        fresh = self._ledger.append_journal(every, connection=connection)
        refused = [record for _, records in contents for record in records]
        if refused:
            ids = {r.source: request.source_id for request, (_, rs) in portion for r in rs}
            keep_refused(self._ledger, connection, ids, refused)
        start = 0
        for request, (entries, records) in portion:
            end = start + len(entries)
            accepted = sum(fresh[start:end])
            duplicates = len(entries) - accepted
            kept = Kept(accepted=accepted, duplicates=duplicates, refused=len(records))
            start = end
            yield request, kept, None


def _size(content: Content) -> int:
    entries, refused = content
    return sum(len(e.payload) for e in entries) + sum(len(r.payload) for r in refused)


_Outcome = tuple[_Waiting, Kept | None, BaseException | None]


def _wake(outcomes: list[_Outcome]) -> None:
    """Hand each request its outcome: one call into each event loop, however many wait there."""
    loops: dict[asyncio.AbstractEventLoop | None, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome[0].loop, []).append(outcome)
    for loop, theirs in loops.items():
        if loop is None:
            _settle(theirs)
            continue
        try:
            loop.call_soon_threadsafe(_settle, theirs)
        except RuntimeError:  # the loop is closed, so nobody waits there any more
            log.warning("%d requests were kept but their senders are gone", len(theirs))


def _settle(outcomes: list[_Outcome]) -> None:
    for request, kept, error in outcomes:
        if request.future.done():  # its sender hung up; the events are kept all the same
            continue
        if error is not None:
            request.future.set_exception(error)
        elif kept is not None:
            request.future.set_result(kept)
