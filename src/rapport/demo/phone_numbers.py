"""Phone numbers in the valid ranges of each country, and how people write them down."""

from __future__ import annotations

import numpy as np

from rapport.demo.story import IntArray

_BE_MOBILE = (470, 471, 472, 473, 474, 475, 476, 477, 478, 479, 483, 484, 485, 486, 487, 488, 489,
              491, 492, 493, 494, 495, 496, 497, 498, 499)  # fmt: skip
_HU_MOBILE = (20, 30, 70)

#: What tills and clerks type to get past an obligatory field.
PLACEHOLDERS = ("0000000000", "0123456789", "0470 00 00 00", "99999999", "-", "06 00 00 00 00")


def mobile_numbers(country: str, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different mobile numbers in E.164; country BE, FR, HU or GB."""
    if country == "BE":
        values = _distinct(len(_BE_MOBILE) * 900_000, count, rng)
        return [f"+32{_BE_MOBILE[v // 900_000]}{100_000 + v % 900_000}" for v in values.tolist()]
    if country == "FR":
        # 06 39 and 06 38 are reserved or overseas; 06 1x … 06 2x are not.
        return [f"+336{10_000_000 + v}" for v in _distinct(20_000_000, count, rng).tolist()]
    if country == "HU":
        values = _distinct(3 * 7_000_000, count, rng)
        return [
            f"+36{_HU_MOBILE[v // 7_000_000]}{2_300_000 + v % 7_000_000}" for v in values.tolist()
        ]
    return [f"+4474{10_000_000 + v}" for v in _distinct(80_000_000, count, rng).tolist()]


def landline_numbers(country: str, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different fixed numbers in E.164 of Brussels, Lille or Budapest."""
    if country == "BE":
        return [f"+322{2_200_000 + v}" for v in _distinct(1_700_000, count, rng).tolist()]
    if country == "FR":
        return [f"+33320{220_000 + v}" for v in _distinct(600_000, count, rng).tolist()]
    return [f"+361{2_000_000 + v}" for v in _distinct(2_800_000, count, rng).tolist()]


def _distinct(size: int, count: int, rng: np.random.Generator) -> IntArray:
    return rng.choice(size, size=count, replace=False)


def written_phone(e164: str, style: float) -> str:
    """The number as somebody writes it; ``style`` in [0, 1) chooses how."""
    if not e164:
        return ""
    if e164.startswith("+44"):  # from abroad always with its country code
        return e164 if style < 0.5 else f"+44 {e164[3:7]} {e164[7:]}"
    code, rest = e164[1:3], e164[3:]
    parts = _groups(code, rest)
    trunk = "06" if code == "36" else "0"
    styles = (
        (0.25, e164),
        (0.35, f"00{code}{rest}"),
        (0.50, f"+{code} {' '.join(parts)}"),
        (0.65, trunk + rest),
        (
            0.80,
            f"06-{parts[0]}/{'-'.join(parts[1:])}"
            if code == "36"
            else f"0{parts[0]}/{'.'.join(parts[1:])}",
        ),
        (1.00, f"06 {' '.join(parts)}" if code == "36" else f"0{' '.join(parts)}"),
    )
    return next(text for edge, text in styles if style < edge)


def _groups(code: str, rest: str) -> list[str]:
    """The digits as they are spoken in that country."""
    if code == "36":
        area = 1 if rest.startswith("1") else 2
        return [rest[:area], rest[area : area + 3], rest[area + 3 :]]
    if code == "33":
        return [rest[0], rest[1:3], rest[3:5], rest[5:7], rest[7:]]
    if len(rest) == 9:  # Belgian mobile
        return [rest[:3], rest[3:5], rest[5:7], rest[7:]]
    return [rest[0], rest[1:4], rest[4:6], rest[6:]]
