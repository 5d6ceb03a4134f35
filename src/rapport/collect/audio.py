"""Recordings: how long they are and, of plain samples, who speaks when.

Nothing of a header is believed that its file does not bear out, and no more than a second of sound
is in memory at once.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from msgspec import Struct

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

#: Seconds of a frame whose energy is measured.
_FRAME = 0.02
#: Speech lies this far above the room's noise (dB), and within these bounds (dB of full scale).
_ABOVE_NOISE, _QUIETEST, _LOUDEST = 15.0, -50.0, -30.0
#: Pauses within words, in frames, are speech; shorter bursts are clicks.
_BRIDGED, _BURST = 15, 5
_LONGEST_SECONDS = 24 * 3600
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
#: Sizes of a recorder that did not know how long the call would be.
_OPEN_ENDED = (0, 0xFFFFFFFF, 0x7FFFFFFF)


class NotAudio(ValueError):
    """A file that is no recording, or not what its header says."""


class Sound(Struct, frozen=True, kw_only=True):
    """A recording in figures.

    `talk_seconds` is one for each channel; it and the shares are None of sound that is packed.
    """

    format: str
    seconds: float
    channels: int
    sample_rate: int
    talk_seconds: tuple[float, ...] | None = None
    silence_share: float | None = None
    overlap_share: float | None = None


def measured(content: BinaryIO, head: bytes) -> Sound:
    """The figures of a recording.

    Parameters
    ----------
    content : binary file
        Seekable, at its start.
    head : bytes
        Its first bytes, a kilobyte or more where there are.

    Raises
    ------
    NotAudio
        If it is none that is known, or its header does not fit it.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _wav(content)
    if head[:4] == b"fLaC":
        return _flac(head)
    if head[:4] == b"OggS":
        return _ogg(content, head)
    if head[:3] == b"ID3" or (len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return _mp3(content, head)
    raise NotAudio("it is neither WAV, FLAC, Ogg nor MP3")


# ── WAV ────────────────────────────────────────────────────────────────────────────────────────


class _Format(Struct, frozen=True):
    code: int
    channels: int
    rate: int
    bytes_per_second: int
    block: int
    bits: int


def _wav(content: BinaryIO) -> Sound:
    length = content.seek(0, io.SEEK_END)
    content.seek(12)
    written: _Format | None = None
    while True:
        header = content.read(8)
        if len(header) < 8:
            raise NotAudio("the WAV file has no samples")
        name, size = header[:4], struct.unpack("<I", header[4:])[0]
        if name == b"fmt ":
            written = _wav_format(content.read(min(size, 64)))
            content.seek(max(size - 64, 0), io.SEEK_CUR)
        elif name == b"data":
            break
        else:
            content.seek(size, io.SEEK_CUR)
        if size % 2:
            content.seek(1, io.SEEK_CUR)
        if content.tell() > length:
            raise NotAudio("a part of the WAV file is said to be longer than the file")
    if written is None:
        raise NotAudio("the WAV file does not say how its samples are written")
    there = length - content.tell()
    if size not in _OPEN_ENDED and size > there + written.block:
        raise NotAudio(
            f"its header promises {size} bytes of sound and {there} follow; the file was cut off"
        )
    size = min(there, size) if size not in _OPEN_ENDED else there
    seconds = size / written.bytes_per_second
    if seconds > _LONGEST_SECONDS:
        raise NotAudio("it is longer than a day")
    sound = Sound(
        format="wav",
        seconds=round(seconds, 3),
        channels=written.channels,
        sample_rate=written.rate,
    )
    if written.code not in (_PCM, _FLOAT, _ALAW, _MULAW):
        return sound  # packed as GSM and its like: its length is all that can be said
    levels = _levels(content, size, written)
    return _with_talk(sound, levels)


def _wav_format(raw: bytes) -> _Format:
    if len(raw) < 16:
        raise NotAudio("the WAV file's description of its samples is too short")
    code, channels, rate, per_second, block, bits = struct.unpack("<HHIIHH", raw[:16])
    if code == _EXTENSIBLE and len(raw) >= 26:
        code = struct.unpack("<H", raw[24:26])[0]
    if not (1 <= channels <= 8 and 1_000 <= rate <= 384_000 and block > 0 and per_second > 0):
        raise NotAudio("the WAV file states channels or a rate that no recording has")
    plain = code in (_PCM, _FLOAT, _ALAW, _MULAW)
    width = 8 if code in (_ALAW, _MULAW) else bits
    fits = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _MULAW: (8,)}
    if plain and (
        width not in fits[code]
        or block != channels * width // 8
        or not 0.99 <= per_second / (rate * block) <= 1.01
    ):
        raise NotAudio("the WAV file's rate, channels and sample size do not fit together")
    return _Format(code, channels, rate, per_second, block, width)


def _levels(content: BinaryIO, size: int, written: _Format) -> FloatArray:
    """The loudness of each frame in dB of full scale, shape (frames, channels)."""
    frame = max(1, int(written.rate * _FRAME))
    found = [np.empty((0, written.channels))]
    for samples in _samples(content, size, written, frame):
        frames = samples.reshape(-1, frame, written.channels)
        power = np.mean(frames * frames, axis=1)
        found.append(10 * np.log10(np.maximum(power, 1e-12)))
    return np.concatenate(found)


def _samples(content: BinaryIO, size: int, written: _Format, frame: int) -> Iterator[FloatArray]:
    """Samples in [-1, 1] of whole frames, shape (n × frame, channels)."""
    unit = frame * written.block
    left = size
    while left >= unit:
        raw = content.read(min(left, 50 * unit))
        whole = len(raw) // unit * unit
        if whole == 0:
            return
        left -= len(raw)
        yield _decoded(raw[:whole], written).reshape(-1, written.channels)


def _decoded(raw: bytes, written: _Format) -> FloatArray:
    if written.code == _FLOAT:
        values = np.frombuffer(raw, "<f4" if written.bits == 32 else "<f8").astype(np.float64)
        return np.clip(np.nan_to_num(values), -1.0, 1.0)
    if written.code in (_ALAW, _MULAW):
        table = _ALAW_TABLE if written.code == _ALAW else _MULAW_TABLE
        return table[np.frombuffer(raw, np.uint8)]
    if written.bits == 8:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if written.bits == 24:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
        signed: FloatArray = ((whole ^ 0x800000) - 0x800000).astype(np.float64)
        return signed / 2**23
    kind = "<i2" if written.bits == 16 else "<i4"
    return np.frombuffer(raw, kind).astype(np.float64) / 2.0 ** (written.bits - 1)


def _alaw_table() -> FloatArray:
    """ITU-T G.711, A-law: 8 bits to a sample in [-1, 1]."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(
        exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0)
    )
    values: FloatArray = np.where(code & 0x80, 1.0, -1.0) * size / 4096
    return values


def _mulaw_table() -> FloatArray:
    """ITU-T G.711, µ-law: 8 bits to a sample in [-1, 1]."""
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = ((2 * mantissa + 33) << exponent) - 33
    values: FloatArray = np.where(code & 0x80, -1.0, 1.0) * size / 8192
    return values


_ALAW_TABLE, _MULAW_TABLE = _alaw_table(), _mulaw_table()


def _with_talk(sound: Sound, levels: FloatArray) -> Sound:
    """Who speaks when, by energy: enough to count talk, silence and talking over each other."""
    if len(levels) == 0:
        return sound
    noise = np.percentile(levels, 10, axis=0)
    threshold = np.clip(noise + _ABOVE_NOISE, _QUIETEST, _LOUDEST)
    speaks = np.stack(
        [_steady(levels[:, c] > threshold[c]) for c in range(levels.shape[1])], axis=1
    )
    several = speaks.sum(axis=1)
    sides = sound.channels if sound.channels <= 2 else 2
    return Sound(
        format=sound.format, seconds=sound.seconds, channels=sound.channels,
        sample_rate=sound.sample_rate,
        talk_seconds=tuple(round(float(s) * _FRAME, 2) for s in speaks.sum(axis=0)),
        silence_share=round(float(np.mean(several == 0)), 4),
        overlap_share=round(float(np.mean(several >= 2)), 4) if sides == 2 else None,
    )  # fmt: skip


def _steady(speaks: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Speech with pauses within words bridged and clicks taken away."""
    steady = speaks.copy()
    for value, most in ((False, _BRIDGED), (True, _BURST)):
        edges = np.flatnonzero(np.diff(steady.astype(np.int8), prepend=-1, append=-1))
        for begin, end in pairwise(edges.tolist()):
            # A pause at either end of the call is one; within, it is a breath.
            inner = value or (begin > 0 and end < len(steady))
            if steady[begin] == value and end - begin < most and inner:
                steady[begin:end] = not value
    return steady


# ── packed sound: its length ───────────────────────────────────────────────────────────────────


def _flac(head: bytes) -> Sound:
    if len(head) < 26 or head[4] & 0x7F != 0:
        raise NotAudio("the FLAC file does not begin with its description")
    bits = int.from_bytes(head[18:26], "big")
    rate, channels = bits >> 44, ((bits >> 41) & 7) + 1
    samples = bits & ((1 << 36) - 1)
    if rate == 0 or samples / rate > _LONGEST_SECONDS:
        raise NotAudio("the FLAC file states a rate or a length that no recording has")
    return Sound(
        format="flac", seconds=round(samples / rate, 3), channels=channels, sample_rate=rate
    )


def _ogg(content: BinaryIO, head: bytes) -> Sound:
    opus, vorbis = head.find(b"OpusHead"), head.find(b"\x01vorbis")
    if opus >= 0 and len(head) >= opus + 12:
        channels, rate = head[opus + 9], 48_000  # Opus counts in 48 kHz whatever it holds
        skip = int.from_bytes(head[opus + 10 : opus + 12], "little")
    elif vorbis >= 0 and len(head) >= vorbis + 16:
        channels, skip = head[vorbis + 11], 0
        rate = int.from_bytes(head[vorbis + 12 : vorbis + 16], "little")
    else:
        raise NotAudio("the Ogg file holds neither Opus nor Vorbis")
    if not (1 <= channels <= 8 and 1_000 <= rate <= 384_000):
        raise NotAudio("the Ogg file states channels or a rate that no recording has")
    length = content.seek(0, io.SEEK_END)
    content.seek(max(0, length - 70_000))
    tail = content.read()
    last = tail.rfind(b"OggS")
    if last < 0 or len(tail) < last + 14:
        raise NotAudio("the Ogg file has no last page; it was cut off")
    samples = int.from_bytes(tail[last + 6 : last + 14], "little", signed=True) - skip
    if not 0 <= samples / rate <= _LONGEST_SECONDS:
        raise NotAudio("the Ogg file states a length that no recording has")
    return Sound(
        format="ogg", seconds=round(samples / rate, 3), channels=channels, sample_rate=rate
    )


#: Bytes that hold any frame of MP3: of 320 kbit/s at 32 kHz, and of 160 at 8 kHz.
_LARGEST_FRAME = 4_096
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MP3_BITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def _mp3(content: BinaryIO, head: bytes) -> Sound:
    """By its frames one after another: of variable bit rate, no header need be believed."""
    content.seek(0)
    start = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        start = 10 + sum((head[6 + n] & 0x7F) << (21 - 7 * n) for n in range(4))
    content.seek(start)
    frames = samples = rate = channels = 0
    buffer, at = b"", 0
    while True:
        if len(buffer) - at < _LARGEST_FRAME:
            # Once for hundreds of frames: cutting each off would copy what is left each time.
            buffer, at = buffer[at:] + content.read(256 * 1024), 0
        if len(buffer) - at < 4:
            break
        found = _mp3_frame(buffer[at : at + 4])
        if found is None:
            break  # a tag at the end, or damage
        size, rate, channels, per_frame = found
        at += size
        frames += 1
        samples += per_frame
    if frames < 2 or rate == 0:
        raise NotAudio("no frames of MP3 follow one another")
    seconds = samples / rate
    if seconds > _LONGEST_SECONDS:
        raise NotAudio("it is longer than a day")
    return Sound(format="mp3", seconds=round(seconds, 3), channels=channels, sample_rate=rate)


def _mp3_frame(raw: bytes) -> tuple[int, int, int, int] | None:
    """(bytes, rate, channels, samples) of the layer III frame that begins here."""
    if raw[0] != 0xFF or raw[1] & 0xE0 != 0xE0:
        return None
    version, layer = (raw[1] >> 3) & 3, (raw[1] >> 1) & 3
    bits, rate_at, padding = raw[2] >> 4, (raw[2] >> 2) & 3, (raw[2] >> 1) & 1
    if version == 1 or layer != 1 or bits in (0, 15) or rate_at == 3:
        return None
    rate = _MP3_RATES[version][rate_at]
    first = version == 3
    kilobits = (_MP3_BITS_1 if first else _MP3_BITS_2)[bits]
    size = (144 if first else 72) * kilobits * 1000 // rate + padding
    return size, rate, 1 if raw[3] >> 6 == 3 else 2, 1152 if first else 576
