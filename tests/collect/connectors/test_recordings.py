"""Recordings: who is in them by their name, and who spoke how much by their sound."""

from __future__ import annotations

import io
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.audio import _ALAW_TABLE, _MULAW_TABLE, measured
from rapport.collect.guess import guess_mapping
from rapport.collect.mapping import mapping_from
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint
from tests.collect.connectors.conversations_read import mapping_for, read_bytes, survives
from tests.collect.connectors.whole_way import spoilt, whole_way

PATTERN = "{date}-{time}_{phone}_{agent}"
CALLS = mapping_for("recordings", zone="Europe/Brussels", pattern=PATTERN, agent_channel="left")
NAME = "20261103-100000_+32470123456_Sofie.wav"
RATE = 8000


def speech(seconds: float, *, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.2, int(seconds * RATE))
    return np.clip(noise, -1, 1)


def hush(seconds: float) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 0.0005, int(seconds * RATE))


#: Agent 4 s, both silent 2 s, customer 3 s, both 1 s.
AGENT = np.concatenate([speech(4), hush(2), hush(3), speech(1)])
CUSTOMER = np.concatenate([hush(4), hush(2), speech(3, seed=2), speech(1, seed=3)])


def wav(*channels: np.ndarray, width: int = 2) -> bytes:
    samples = np.stack(channels, axis=1)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(width)
        file.setframerate(RATE)
        if width == 1:
            file.writeframes(((samples * 127) + 128).astype(np.uint8).tobytes())
        elif width == 3:
            whole = (samples * (2**23 - 1)).astype("<i4").reshape(-1)
            file.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
        else:
            kind = "<i2" if width == 2 else "<i4"
            file.writeframes((samples * (2 ** (8 * width - 1) - 1)).astype(kind).tobytes())
    return out.getvalue()


def read_one(tmp_path: Path, content: bytes, name: str = NAME) -> Touchpoint:
    (touch,), bad = read_bytes(tmp_path, content, CALLS, name)
    assert bad == []
    return touch


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_talk_silence_and_overlap_of_each_side_are_measured(tmp_path: Path, width: int) -> None:
    touch = read_one(tmp_path, wav(AGENT, CUSTOMER, width=width))
    assert (touch.type, touch.record) == (
        "Call Ended",
        Identifier(kind="phone", value="+32470123456"),
    )
    assert touch.occurred_at == datetime(2026, 11, 3, 9, 0, 10, tzinfo=UTC)
    about = touch.properties
    assert (about["agent"], about["duration_seconds"], about["audio_channels"]) == (
        "Sofie",
        10.0,
        2,
    )
    assert about["talk_seconds_agent"] == pytest.approx(5.0, abs=0.1)
    assert about["talk_seconds_customer"] == pytest.approx(4.0, abs=0.1)
    assert about["silence_share"] == pytest.approx(0.2, abs=0.01)
    assert about["overlap_share"] == pytest.approx(0.1, abs=0.01)
    assert touch.media is not None
    assert touch.media.startswith("sha256:")


def test_the_agent_may_be_on_the_right(tmp_path: Path) -> None:
    mapping = mapping_for("recordings", pattern=PATTERN, agent_channel="right")
    (touch,), _ = read_bytes(tmp_path, wav(AGENT, CUSTOMER), mapping, NAME)
    assert touch.properties["talk_seconds_customer"] == pytest.approx(5.0, abs=0.1)


def test_one_channel_gives_talk_without_sides(tmp_path: Path) -> None:
    about = read_one(tmp_path, wav(AGENT)).properties
    assert about["talk_seconds"] == pytest.approx(5.0, abs=0.1)
    assert "overlap_share" not in about
    assert "talk_seconds_agent" not in about


def companded(code: int) -> bytes:
    table = _ALAW_TABLE if code == 6 else _MULAW_TABLE
    order = np.argsort(table)
    both = np.stack([AGENT, CUSTOMER], axis=1).reshape(-1)
    coded = order[np.searchsorted(table[order], both).clip(0, 255)].astype(np.uint8).tobytes()
    fmt = struct.pack("<HHIIHH", code, 2, RATE, RATE * 2, 2, 8)
    body = (
        b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(coded)) + coded
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("code", [6, 7])
def test_telephones_own_codings_are_read(tmp_path: Path, code: int) -> None:
    about = read_one(tmp_path, companded(code)).properties
    assert about["talk_seconds_agent"] == pytest.approx(5.0, abs=0.15)
    assert about["talk_seconds_customer"] == pytest.approx(4.0, abs=0.15)


def test_the_tables_of_g711_hold_the_standards_values() -> None:
    # ITU-T G.711, tables 1a and 2a: the largest values and the smallest positive ones.
    assert _ALAW_TABLE[0xAA] * 4096 == 4032
    assert _ALAW_TABLE[0xD5] * 4096 == 1
    assert _ALAW_TABLE[0x2A] * 4096 == -4032
    assert _MULAW_TABLE[0x80] * 8192 == 8031
    assert _MULAW_TABLE[0x00] * 8192 == -8031
    assert _MULAW_TABLE[0xFF] == 0


def changed(at: int, value: bytes) -> bytes:
    whole = bytearray(wav(AGENT, CUSTOMER))
    whole[at : at + len(value)] = value
    return bytes(whole)


@pytest.mark.parametrize(
    "lying",
    [
        wav(AGENT, CUSTOMER)[:-50_000],  # cut off
        changed(40, struct.pack("<I", 2**31)),  # promises two gigabytes
        changed(22, struct.pack("<H", 0)),  # no channels
        changed(22, struct.pack("<H", 60_000)),
        changed(24, struct.pack("<I", 0)),  # no rate
        changed(28, struct.pack("<I", 1)),  # one byte a second
        changed(34, struct.pack("<H", 5)),  # five bits
        changed(16, struct.pack("<I", 2**32 - 1)),  # a description of four gigabytes
        wav(AGENT)[:20],
        b"RIFF\x00\x00\x00\x00WAVE",
    ],
)
def test_headers_that_lie_are_refused(tmp_path: Path, lying: bytes) -> None:
    good, bad = read_bytes(tmp_path, lying, CALLS, NAME)
    assert (good, [r.reason for r in bad]) == ([], ["wrong_type"])


def test_a_recorder_that_did_not_know_the_length_is_believed_by_its_samples(tmp_path: Path) -> None:
    assert (
        read_one(tmp_path, changed(40, b"\xff\xff\xff\xff")).properties["duration_seconds"] == 10.0
    )


def flac(seconds: int) -> bytes:
    bits = (44_100 << 44) | (1 << 41) | (15 << 36) | (44_100 * seconds)
    return b"fLaC\x80\x00\x00\x22" + bytes(10) + bits.to_bytes(8, "big") + bytes(16)


def opus(seconds: int) -> bytes:
    first = b"OggS" + bytes(24) + b"OpusHead\x01\x02" + struct.pack("<H", 312) + bytes(7)
    last = b"OggS\x00\x04" + struct.pack("<q", 48_000 * seconds + 312) + bytes(20)
    return first + bytes(1000) + last


def mp3(frames: int) -> bytes:
    frame = b"\xff\xfb\x90\xc4" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono
    return b"ID3\x04\x00\x00\x00\x00\x00\x05hello" + frame * frames


@pytest.mark.parametrize(
    ("content", "name", "seconds", "channels"),
    [
        (flac(90), "flac", 90.0, 2),
        (opus(61), "ogg", 61.0, 2),
        (mp3(100), "mp3", 2.6, 1),
    ],
)
def test_packed_sound_gives_its_length(
    tmp_path: Path, content: bytes, name: str, seconds: float, channels: int
) -> None:
    touch = read_one(tmp_path, content, NAME.replace("wav", name))
    assert (touch.properties["duration_seconds"], touch.properties["audio_channels"]) == (
        seconds, channels
    )  # fmt: skip
    assert measured(io.BytesIO(content), content[:65_536]).format == name


def test_recordings_go_the_whole_way_and_ask_how_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "other.wav"
    path.write_bytes(wav(AGENT, CUSTOMER))
    guess = guess_mapping(path)
    assert guess.mapping.kind == "recordings"
    assert "`pattern`" in guess.questions[0]
    way = whole_way(tmp_path, NAME, wav(AGENT, CUSTOMER), CALLS)
    assert (way.imported.accepted, way.profiles) == (1, 1)
    with pytest.raises(InvalidMapping, match="pattern"):
        read_bytes(tmp_path, wav(AGENT), CALLS, "call.wav")
    good, bad = read_bytes(tmp_path, wav(AGENT), CALLS, NAME.replace("20261103", "20261399"))
    assert (good, [r.reason for r in bad]) == ([], ["invalid_timestamp"])


@pytest.mark.parametrize(
    "pattern", ["", "x", "{phone}", "{date}{phone}", "{date}_{date}", "{Date}"]
)
def test_patterns_that_say_too_little_are_mistakes(pattern: str) -> None:
    with pytest.raises(InvalidMapping, match="pattern"):
        mapping_from({"source": "r", "kind": "recordings", "constants": {"pattern": pattern}}, "m")


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_recordings_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    short = wav(AGENT[:8000], CUSTOMER[:8000])
    sample = {"wav": short, "flac": flac(9), "ogg": opus(9), "mp3": mp3(9)}[kind]
    head = data.draw(spoilt(sample[:120]))
    name = NAME.replace("wav", kind)
    survives(tmp_path_factory.getbasetemp(), head + sample[120:], CALLS, name)
