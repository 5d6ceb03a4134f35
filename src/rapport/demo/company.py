"""Maison Kadár, an invented retailer: makes its world, then lets each silo export its part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path

import numpy as np

from rapport.demo.people import People, make_people
from rapport.demo.purchases import Orders, choose_arms, make_orders, passers_by
from rapport.demo.silos import SILOS
from rapport.demo.story import Story, plan_story
from rapport.demo.truth import write_truth
from rapport.demo.world import Transfer, World, Written, WrittenFile
from rapport.errors import InvalidInput

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What was written where."""

    folder: Path
    people: int
    start: date
    until: date
    files: tuple[WrittenFile, ...]
    touchpoints: int  # that a complete import yields
    texts: int

    @property
    def rows(self) -> int:
        return sum(f.rows for f in self.files)

    @property
    def bad_rows(self) -> int:
        """Rows made to be refused."""
        return sum(f.bad_rows for f in self.files)


def generate(
    folder: Path,
    *,
    seed: int = 7,
    people: int = 6000,
    until: date = date(2026, 11, 15),
    months: int = 18,
    progress: Progress | None = None,
) -> DemoReport:
    """Write the exports of the demo company, their mappings and the truth.

    The same arguments give the same bytes.

    Parameters
    ----------
    folder : Path
        Made if need be; files of an earlier run with the same names are replaced.
    seed : int
        Not negative; another one is another company with the same story.
    people : int
        Real persons, 100 to 200,000; the silos hold more records than that.
    until : date
        The first day that is not exported any more.
    months : int
        Length of the exported period, 9 to 60.
    progress : callable, optional
        Called with the step's name, steps done and steps in all.

    Raises
    ------
    InvalidInput
        If a number is outside its range.
    """
    if not 100 <= people <= 200_000:
        raise InvalidInput(f"The demo makes 100 to 200,000 people, not {people}")
    if seed < 0:
        raise InvalidInput(f"The seed of the demo is 0 or more, not {seed}")
    story = plan_story(until, months)
    steps = len(SILOS) + 2
    tell = progress or (lambda _step, _done, _steps: None)
    tell("people and purchases", 0, steps)
    world = make_world(folder, story, people, seed)
    written: list[Written] = []
    for done, silo in enumerate(SILOS, start=1):
        tell(silo, done, steps)
        written.append(import_module(f"rapport.demo.silos.{silo}").write(world))
    tell("truth", steps - 1, steps)
    write_truth(world, written)
    tell("done", steps, steps)
    return DemoReport(
        folder=folder,
        people=people,
        start=story.start,
        until=story.until,
        files=tuple(sorted((f for part in written for f in part.files), key=lambda f: f.path)),
        touchpoints=sum(sum(part.touchpoints.values()) for part in written),
        texts=sum(len(part.texts) for part in written),
    )


def make_world(folder: Path, story: Story, count: int, seed: int) -> World:
    """The company as it really is, before any silo has written a line."""

    def rng(step: int) -> np.random.Generator:
        return np.random.default_rng([seed, step])

    people = make_people(story, count, rng(1))
    arms = choose_arms(story, people, rng(2))
    orders, lifetimes = make_orders(story, people, arms, rng(3))
    order_ids = [
        f"W{1_000_000 + i}" if web else f"{country}-{i:07d}"
        for i, (web, country) in enumerate(
            zip(orders.web.tolist(), orders.country.tolist(), strict=True)
        )
    ]
    return World(
        story=story,
        people=people,
        arms=arms,
        orders=orders,
        strangers=passers_by(story, orders, rng(4), people),
        lifetimes=lifetimes,
        order_ids=order_ids,
        webshop_buyer=_webshop_buyers(people, orders, rng(5)),
        transfers=_transfers(people, orders, order_ids, rng(6)),
        folder=folder,
        seed=seed,
    )


#: Of Belgians who are known everywhere, those who pay the web shop over the bank.
_PAY_BY_BANK = 0.10


def _transfers(
    people: People, orders: Orders, order_ids: list[str], rng: np.random.Generator
) -> dict[int, Transfer]:
    """Which orders are paid over the bank, and from which account; couples may share one."""
    u = rng.random((people.count, 4))
    numbers = rng.choice(90_000_000, size=people.count, replace=False) + 10_000_000
    first_of: dict[int, int] = {}
    for i, person in enumerate(people.persons):
        first_of.setdefault(person.household, i)
    found = {}
    pays = (u[:, 0] < _PAY_BY_BANK) & (people.country == "BE") & (people.solo == "")
    can = orders.web & ~orders.cancelled & (orders.currency == "EUR") & pays[orders.person]
    for i in np.flatnonzero(can).tolist():
        who = int(orders.person[i])
        head = first_of[people.persons[who].household]
        owner = head if u[head, 1] < 0.3 else who
        found[i] = Transfer(
            iban=_belgian_account(int(numbers[owner])),
            reference=_with_check(f"{int(order_ids[i][1:]):010d}"),
            structured=bool(u[who, 2] < 0.6),
            mandate=bool(u[who, 3] < 0.12),
        )
    return found


def _with_check(digits: str) -> str:
    """With the two check digits of Belgian accounts and structured communications."""
    return f"{digits}{int(digits) % 97 or 97:02d}"


def _belgian_account(number: int) -> str:
    """An IBAN whose check digits are right."""
    account = _with_check(f"99{number:08d}")
    return f"BE{98 - int(account + '111400') % 97:02d}{account}"


def _webshop_buyers(
    people: People, orders: Orders, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Under which account or e-mail each web order is placed; some forget that they have one."""
    result = []
    u = rng.random((orders.count, 2)).tolist()
    for i, (who, web) in enumerate(zip(orders.person.tolist(), orders.web.tolist(), strict=True)):
        person = people.persons[who]
        if not web:
            result.append(("", ""))
        elif people.account[who] and u[i][0] < 0.92:
            result.append((people.user_id[who], person.email))
        else:
            other = person.email_other and people.solo[who] == "" and u[i][1] < 0.2
            result.append(("", person.email_other if other else person.email))
    return result
