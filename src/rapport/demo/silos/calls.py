"""calls/: the call centre's log with the agents' notes; calls_hu/: Budapest's, with transcripts."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv, write_json_lines
from rapport.demo.phone_numbers import written_phone
from rapport.demo.purchases import local_seconds, utc_seconds
from rapport.demo.replies import agent, said
from rapport.demo.silos.support import occasion_of, trouble
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_call, write_text

SOURCE = "callcentre"
#: Hungary telephones over a system of its own, which records and transcribes.
SOURCE_HU = "callcentre_hu"
_LINE_HU = "+3617001234"
#: Of the calls of Budapest, those that were tried in vain before.
MISSED = 0.12
HEADER = ("call_id", "ended", "seconds", "caller", "agent", "language", "topic", "country", "notes")


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("calls")
    order, second = trouble(
        world,
        rng,
        {
            "late_delivery": 0.22,
            "damaged_parcel": 0.16,
            "wrong_item": 0.2,
            "poor_service": 0.05,
            "web": 0.03,
            "store": 0.02,
        },
    )
    # The lines are open from half past eight to eight, local time.
    local_day = local_seconds(world.story, second) // 86_400
    day = local_day - int(np.datetime64(world.story.start).astype(np.int64))
    second = utc_seconds(world.story, day, 30_600 + rng.integers(0, 41_400, len(order)))
    by_time = np.lexsort((order, second))
    order, second = order[by_time], second[by_time]
    stamps = time_texts(local_seconds(world.story, second), "D-M-Y h:m")
    chance, text_chance = rng.random((len(order), 8)).tolist(), draw(rng, len(order))
    seconds = (40 + rng.gamma(2.0, 110.0, len(order))).astype(np.int64).tolist()
    starts = time_texts(second - np.array(seconds, dtype=np.int64), "Y-M-DTh:m:s")
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows = []
    months: dict[str, list[dict[str, Any]]] = {}
    for n, i in enumerate(order.tolist()):
        who, u = int(world.orders.person[i]), chance[n]
        person = people.persons[who]
        phone = person.landline if person.landline and u[2] < 0.4 else person.mobile
        occasion = occasion_of(world, i, who, u)
        call_id = f"CC-{n + 1:06d}"
        budapest = person.country == "HU"
        uuid = _uuid(world.seed, call_id)
        spoken = u[3] < 0.85
        if spoken:
            texts.append(
                WrittenText(
                    source=SOURCE_HU if budapest else SOURCE,
                    touchpoint_id=f"vcon:{uuid}" if budapest else f"calls:{call_id}",
                    person=who,
                    language=person.language,
                    polarity=occasion.polarity,
                    topic=occasion.topic,
                )
            )
        records.append((who, SOURCE_HU if budapest else SOURCE, "phone", "", phone))
        if budapest:
            words = text_chance[n] if spoken else None
            call = _vcon(uuid, starts[n], seconds[n], phone, occasion, u, words)
            months.setdefault(starts[n][:7], []).append(call)
            continue
        rows.append(
            (
                call_id,
                stamps[n],
                seconds[n],
                written_phone(phone, u[4]),
                f"agent{1 + int(u[5] * 14):02d}",
                person.language,
                occasion.topic,
                person.country,
                write_call(occasion, text_chance[n]) if spoken else "",
            )
        )
    _add_missed(world, months)
    count = write_csv(world.folder / "calls" / "calls.csv", HEADER, rows, delimiter=";")
    copy_mapping(world.folder, "calls/calls")
    files = [WrittenFile(path="calls/calls.csv", source=SOURCE, rows=count)]
    for month, calls in sorted(months.items()):
        path = f"calls_hu/calls_{month}.vcon"
        made = write_json_lines(world.folder / path, calls)
        files.append(WrittenFile(path=path, source=SOURCE_HU, rows=made))
    copy_mapping(world.folder, "calls_hu/calls")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count, SOURCE_HU: sum(f.rows for f in files[1:])}),
    )


def _add_missed(world: World, months: dict[str, list[dict[str, Any]]]) -> None:
    """Calls of Budapest that nobody answered, before the caller tried again."""
    rng = world.rng("missed calls")
    for month, calls in months.items():
        missed = []
        for call in calls:
            chance, before, rang = rng.random(), rng.uniform(300, 5400), int(rng.uniform(20, 75))
            if chance >= MISSED:
                continue
            (dialog,) = call["dialog"]
            start = np.datetime64(dialog["start"][:-1], "s") - np.timedelta64(int(before), "s")
            if str(start)[:7] != month:
                continue
            missed.append(
                {
                    "vcon": call["vcon"],
                    "uuid": _uuid(world.seed, f"missed before {call['uuid']}"),
                    "created_at": f"{start}Z",
                    "parties": call["parties"],
                    "dialog": [
                        {
                            "type": "incomplete",
                            "start": f"{start}Z",
                            "duration": rang,
                            "parties": dialog["parties"],
                            "originator": dialog["originator"],
                            "disposition": "no-answer",
                        }
                    ],
                }
            )
        months[month] = sorted([*calls, *missed], key=lambda call: str(call["created_at"]))


def _uuid(seed: int, call_id: str) -> str:
    digest = blake2b(f"{seed}:{call_id}".encode(), digest_size=16).digest()
    # Version 8, which is for ids made in one's own way (RFC 9562).
    value = int.from_bytes(digest) & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    return str(UUID(int=value))


def _vcon(
    uuid: str,
    start: str,
    seconds: int,
    phone: str,
    occasion: Occasion,
    u: list[float],
    words: list[float] | None,
) -> dict[str, Any]:
    """A recorded call; without ``words`` the recording was not transcribed."""
    language = occasion.language
    name = agent("hu", u[5])
    call: dict[str, Any] = {
        "vcon": "0.0.2",
        "uuid": uuid,
        "created_at": f"{start}Z",
        "parties": [
            {"tel": f"tel:{phone}", "role": "customer"},
            {"tel": f"tel:{_LINE_HU}", "name": name, "role": "agent"},
        ],
        "dialog": [
            {
                "type": "recording",
                "start": f"{start}Z",
                "duration": seconds,
                "parties": [0, 1],
                "originator": 0,
                "mediatype": "audio/x-wav",
                "url": f"https://hangtar.kadar.example/{uuid}.wav",
            }
        ],
    }
    if words is None:
        return call
    turns = [
        {"speaker": 1, "text": said(language, "hello_call", u[4], agent=name)},
        # Nobody speaks with slips of the finger.
        {"speaker": 0, "text": write_text(occasion, [*words[:11], 0.0])},
        {"speaker": 1, "text": said(language, occasion.topic, u[6])},
    ]
    body = msgspec.json.encode({"language": language, "segments": turns}).decode()
    call["analysis"] = [
        {"type": "transcript", "dialog": 0, "vendor": "szoveg", "encoding": "json", "body": body}
    ]
    return call
