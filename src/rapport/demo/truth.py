"""truth/: what no real company has, the answers."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rapport.demo.files import write_json
from rapport.demo.motives import MOTIVES, motives_of
from rapport.demo.people import People
from rapport.demo.silos.deliveries import SOURCE as DELIVERIES
from rapport.demo.story import (
    DRIVER_WEIGHTS,
    EVENT_HARM,
    EVENT_RATES,
    FUTURE_DAYS,
    INTERCEPT,
    LEAVING_MIDDLE,
    LEAVING_PEAK,
    LEAVING_SLOPE,
    PROBLEM_RATES,
    SATISFACTION_NOISE,
)
from rapport.demo.world import World, Written


def person_id(index: int) -> str:
    return f"P{index:06d}"


def write_truth(world: World, written: list[Written]) -> dict[str, Any]:
    """Write the truth files and give back the story as written."""
    folder = world.folder / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "people.parquet", _people_table(world.people, written))
    _write(folder / "others.parquet", _others_table(written))
    _write(folder / "lifetimes.parquet", _lifetimes_table(world))
    _write(folder / "texts.parquet", _texts_table(written))
    _write(folder / "campaign_arms.parquet", _arms_table(world))
    _write(folder / "motives.parquet", _motives_table(world))
    story = _story(world, written)
    write_json(folder / "story.json", story)
    return story


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")


def _people_table(people: People, written: list[Written]) -> pa.Table:
    """One row per person, silo and record; `shared`: several people use the same record."""
    records = sorted({r for part in written for r in part.records})
    owners: dict[tuple[str, str, str], set[int]] = {}
    for who, _, kind, namespace, value in records:
        owners.setdefault((kind, namespace, value), set()).add(who)
    persons = [people.persons[r[0]] for r in records]
    return pa.table(
        {
            "person_id": [person_id(r[0]) for r in records],
            "household_id": [f"H{p.household:06d}" for p in persons],
            "name": [p.name for p in persons],
            "country": [p.country for p in persons],
            "language": [p.language for p in persons],
            "source": [r[1] for r in records],
            "kind": [r[2] for r in records],
            "namespace": [r[3] for r in records],
            "value": [r[4] for r in records],
            "shared": [len(owners[r[2], r[3], r[4]]) > 1 for r in records],
        }
    )


def _others_table(written: list[Written]) -> pa.Table:
    """Records of companies and suppliers: they stand in the exports and are none of the people."""
    rows = sorted({row for part in written for row in part.others})
    names = ("name", "source", "kind", "namespace", "value")
    return pa.table(
        {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(names)}
    )


def _lifetimes_table(world: World) -> pa.Table:
    people, truth, story = world.people, world.lifetimes, world.story
    who = np.flatnonzero(people.buyer)
    start = np.datetime64(story.start, "s")

    def moment(days: Any) -> Any:
        return start + np.rint(days * 86_400).astype("timedelta64[s]")

    inside = world.is_written() & ~world.orders.cancelled
    made = np.bincount(world.orders.person[inside], minlength=people.count)
    return pa.table(
        {
            "person_id": [person_id(i) for i in who.tolist()],
            "born_at": pa.array(moment(people.born[who]), pa.timestamp("s", tz="UTC")),
            "purchase_rate_per_day": people.purchase_rate[who],
            "dropout_rate_per_day": people.dropout_rate[who],
            "spend_level": people.spend_level[who],
            # Far beyond the end for those who never leave.
            "dropout_at": pa.array(
                moment(np.minimum(truth.dropout[who], 36_500)), pa.timestamp("s", tz="UTC")
            ),
            "alive_at_end": truth.dropout[who] >= story.days,
            "dropout_cause": truth.cause[who].tolist(),
            "orders_in_period": made[who],
            "expected_orders_90_days": truth.expected_orders[who],
            "future_orders_90_days": truth.future_orders[who],
            "future_revenue_90_days_eur": truth.future_cents_eur[who] / 100.0,
        }
    )


def _texts_table(written: list[Written]) -> pa.Table:
    texts = [text for part in written for text in part.texts]
    return pa.table(
        {
            "source": [t.source for t in texts],
            "touchpoint_id": [t.touchpoint_id for t in texts],
            "person_id": [person_id(t.person) for t in texts],
            "language": [t.language for t in texts],
            "polarity": pa.array([t.polarity for t in texts], pa.int8()),
            "topic": [t.topic for t in texts],
        }
    )


def _arms_table(world: World) -> pa.Table:
    """Audience and arm of each campaign that has a hold-out."""
    story, arms, people = world.story, world.arms, world.people
    tested = np.array([c.holdout_share > 0 for c in story.campaigns])
    keep = np.flatnonzero(tested[arms.campaign])
    orders = world.orders
    inside = world.is_written() & ~orders.cancelled
    rows: dict[str, list[Any]] = {
        k: [] for k in ("campaign", "person_id", "email", "arm", "orders_14_days")
    }
    for index in np.flatnonzero(tested).tolist():
        day = story.campaigns[index].day
        window = inside & (orders.day >= day) & (orders.day < day + 14)
        made = np.bincount(orders.person[window], minlength=people.count)
        of = keep[arms.campaign[keep] == index]
        for who, held in zip(arms.person[of].tolist(), arms.held_out[of].tolist(), strict=True):
            rows["campaign"].append(story.campaigns[index].name)
            rows["person_id"].append(person_id(who))
            rows["email"].append(people.persons[who].email)
            rows["arm"].append("holdout" if held else "treated")
            rows["orders_14_days"].append(int(made[who]))
    return pa.table(rows)


def _motives_table(world: World) -> pa.Table:
    """Which kind of customer each person is."""
    return pa.table(
        {
            "person_id": [person_id(i) for i in range(world.people.count)],
            "motive": [MOTIVES[i] for i in motives_of(world).tolist()],
        }
    )


def _made_by(world: World, index: int) -> dict[str, float]:
    """What the campaign really brought: orders that would not have been, per person written to."""
    treated = int(((world.arms.campaign == index) & ~world.arms.held_out).sum())
    day = world.story.campaigns[index].day
    orders = world.orders
    extra = (
        orders.campaign_order & ~orders.cancelled & (orders.day >= day) & (orders.day < day + 15)
    )
    made = int(extra.sum()) if world.story.campaigns[index].effect else 0
    return {"treated": treated, "extra_orders": made, "true_effect": made / max(treated, 1)}


def _story(world: World, written: list[Written]) -> dict[str, Any]:
    story, people = world.story, world.people
    totals: dict[str, Counter[Any]] = {
        name: sum((getattr(part, name) for part in written), Counter())
        for name in ("orders", "refunds", "cancelled", "touchpoints")
    }
    revenue: Counter[tuple[str, str]] = Counter()
    for part in written:
        revenue.update(part.revenue)
    files = [f for part in written for f in part.files]
    sources = sorted({f.source for f in files})
    silos_of: dict[int, set[str]] = {}
    for part in written:
        for record in part.records:
            # Carriers know people only as the shop named them: no other silo to be met in.
            if record[1] != DELIVERIES:
                silos_of.setdefault(record[0], set()).add(record[1])
    buyers = people.buyer
    return {
        "company": "Maison Kadár",
        "seed": world.seed,
        "start": story.start.isoformat(),
        "until": story.until.isoformat(),
        "people": people.count,
        "people_in_one_silo": sum(1 for s in silos_of.values() if len(s) == 1),
        "people_in_any_silo": len(silos_of),
        "buyers": int(buyers.sum()),
        "buyers_alive_at_end": int((world.lifetimes.dropout[buyers] >= story.days).sum()),
        "dropout_causes": dict(sorted(Counter(world.lifetimes.cause[buyers].tolist()).items())),
        "hungary_opened": story.hungary_opened.isoformat(),
        "delivery_problem": {
            "country": "BE",
            "channel": "web",
            "from": story.problem_from.isoformat(),
            "carrier_before": "Pakketlijn",
            "carrier_since": "FlitsExpress",
            "rates_before": EVENT_RATES,
            "rates_since": {**EVENT_RATES, **PROBLEM_RATES},
        },
        "driver_weights": DRIVER_WEIGHTS,
        "driver_intercept": INTERCEPT,
        "satisfaction_noise": SATISFACTION_NOISE,
        "event_harm": {name: {"driver": d, "points": p} for name, (d, p) in EVENT_HARM.items()},
        "leaving": {"peak": LEAVING_PEAK, "slope": LEAVING_SLOPE, "middle": LEAVING_MIDDLE},
        "future_days": FUTURE_DAYS,
        "campaigns": [
            {
                "name": c.name,
                "day": (story.start + timedelta(days=c.day)).isoformat(),
                "countries": list(c.countries),
                "holdout_share": c.holdout_share,
                "extra_orders_per_buyer_14_days": c.effect,
                **_made_by(world, index),
            }
            for index, c in enumerate(story.campaigns)
        ],
        "silos": {
            source: {
                "rows": sum(f.rows for f in files if f.source == source),
                "bad_rows": sum(f.bad_rows for f in files if f.source == source),
                "touchpoints": totals["touchpoints"][source],
                "orders": totals["orders"][source],
                "refunds": totals["refunds"][source],
                "cancelled": totals["cancelled"][source],
                "revenue": {
                    c: f"{v / 100:.2f}" for (s, c), v in sorted(revenue.items()) if s == source
                },
            }
            for source in sources
        },
        "files": [
            {"path": f.path, "source": f.source, "rows": f.rows, "bad_rows": f.bad_rows}
            for f in sorted(files, key=lambda f: f.path)
        ],
        "bad_rows": [
            {"path": path, "line": line, "reason": reason}
            for part in written
            for path, line, reason in part.bad_rows
        ],
    }
