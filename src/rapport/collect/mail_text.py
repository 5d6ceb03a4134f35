"""What the sender of a letter wrote: without what it quotes, forwards and signs with.

English, Dutch, French, Hungarian and German clients. Lines are compared with plain words, not with
patterns that look back: a letter made to be slow is read as fast as any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST_ATTRIBUTION = 400
_SPACE = re.compile(r"\s+")

#: (how it begins, what it holds, how it ends), each in small letters: "Op … schreef …:".
_ATTRIBUTIONS = (
    ("on ", "", "wrote:"),
    ("on ", "", "writes:"),
    ("", "wrote on ", ":"),
    ("op ", " schreef", ":"),
    ("op ", " heeft ", "geschreven:"),
    ("", " schreef op ", ":"),
    ("le ", "", "a écrit :"),
    ("le ", "", "a écrit:"),
    ("am ", " schrieb", ":"),
    ("", " schrieb am ", ":"),
    ("", " ezt írta", ":"),
    ("", "következőt írta", ":"),
    ("", "", "> írta:"),
)
_FROM = ("from", "van", "de", "von", "feladó", "afzender", "expéditeur", "küldő")
_OTHER_HEADERS = frozenset(
    {"sent", "date", "to", "cc", "subject", "reply-to"}
    | {"verzonden", "datum", "aan", "onderwerp", "antwoord-aan"}
    | {"envoyé", "envoyé le", "date", "à", "objet", "destinataire"}
    | {"gesendet", "an", "betreff"}
    | {"elküldve", "küldve", "dátum", "címzett", "tárgy", "másolatot kap"}
)
_SEPARATORS = (
    *("original message", "original appointment", "forwarded message"),
    *("oorspronkelijk bericht", "doorgestuurd bericht"),
    *("message d'origine", "message original", "message transféré", "message réexpédié"),
    *("ursprüngliche nachricht", "originalnachricht", "weitergeleitete nachricht"),
    *("eredeti üzenet", "továbbított üzenet", "továbbított levél"),
)
_FORWARD_STARTS = (
    *("begin forwarded message:", "begin doorgestuurd bericht:"),
    *("début du message réexpédié", "début du message transféré"),
    *("anfang der weitergeleiteten nachricht:", "továbbított üzenet kezdete:"),
)
_DEVICE_STARTS = (
    *("sent from my ", "sent from mail for ", "sent from outlook", "get outlook for "),
    *("sent via ", "sent from yahoo", "sent from samsung"),
    *("verzonden vanaf mijn ", "verstuurd vanaf mijn ", "verzonden met ", "verzonden vanuit "),
    *("outlook voor ", "downloaden outlook voor "),
    *("envoyé de mon ", "envoyé depuis ", "envoyé à partir de ", "télécharger outlook pour "),
    *("von meinem ", "gesendet von ", "gesendet mit ", "outlook für "),
    *("elküldve az ", "elküldve a ", "az outlook letöltése", "iphone-omról küldve"),
)
_DEVICE_ENDS = ("készülékemről küldve", "iphone-omról küldve", "ipademről küldve")
_CLOSINGS = frozenset(
    {"kind regards", "best regards", "warm regards", "regards", "best wishes", "best", "cheers"}
    | {"yours sincerely", "sincerely", "yours faithfully", "many thanks", "thanks", "thank you"}
    | {"met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "mvg", "groet"}
    | {"vriendelijke groeten", "groeten", "groetjes", "hartelijke groeten", "hoogachtend"}
    | {"beste groeten", "met de meeste hoogachting"}
    | {"cordialement", "bien cordialement", "bien à vous", "salutations", "meilleures salutations"}
    | {"sincères salutations", "cdlt", "bonne journée", "sincèrement"}
    | {"mit freundlichen grüßen", "mit freundlichen grüssen", "freundliche grüße", "mfg", "lg"}
    | {"viele grüße", "beste grüße", "liebe grüße", "herzliche grüße", "hochachtungsvoll"}
    | {"üdvözlettel", "tisztelettel", "köszönettel", "üdv", "üdvözlet", "szívélyes üdvözlettel"}
    | {"baráti üdvözlettel", "előre is köszönöm"}
)
#: Lines that may follow a closing, and how long each may be, to be taken for a signature.
_SIGNATURE_LINES, _SIGNATURE_WIDTH = 8, 80


def own_words(text: str) -> str:
    """The text without quotations, forwarded headers and signatures.

    A letter that only forwards another keeps that one's words, without its headers.

    Examples
    --------
    >>> own_words("De tent lekt.\\n\\nOp 3 mei 2026 om 10:02 schreef Winkel <w@x.be>:\\n> Dag")
    'De tent lekt.'
    """
    lines = [line.rstrip() for line in text.split("\n")]
    kept = _unquoted(lines)
    said = "\n".join(_unsigned(kept)).strip()
    if said:
        return said
    forwarded = _forwarded(lines)
    return "\n".join(_unsigned(_unquoted(forwarded))).strip() if forwarded else ""


def _unquoted(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith(">"):
            at += 1
            continue
        taken = _attribution(lines, at)
        if taken:
            after = _next_said(lines, at + taken)
            if after is None or not lines[after].lstrip().startswith(">"):
                break  # what follows is the quoted letter, without marks
            at = after
            continue
        if _begins_another(lines, at):
            break
        kept.append(line)
        at += 1
    return kept


def _next_said(lines: Sequence[str], at: int) -> int | None:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at if at < len(lines) else None


def _plain(line: str) -> str:
    # A letter's bold and its non-breaking spaces are no part of the words.
    return _SPACE.sub(" ", line.replace("*", "")).strip().lower()


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from here say who wrote what follows; clients break them at 78 letters."""
    if not lines[at].strip():
        return 0
    joined = ""
    for taken in range(1, 5):
        if at + taken > len(lines) or (taken > 1 and not lines[at + taken - 1].strip()):
            return 0
        joined = f"{joined} {_plain(lines[at + taken - 1][:_LONGEST_ATTRIBUTION])}".strip()
        if len(joined) > _LONGEST_ATTRIBUTION:
            return 0
        if joined.endswith(":") and any(
            joined.startswith(start) and held in joined and joined.endswith(end)
            for start, held, end in _ATTRIBUTIONS
        ):
            # A name or a day stands between; "on the phone you wrote:" has neither.
            return taken if "@" in joined or any(c.isdigit() for c in joined) else 0
        if joined.endswith((":", ".", "!", "?")) and taken == 1:
            return 0
    return 0


def _header_name(line: str) -> str | None:
    name, colon, _ = _plain(line[:200]).partition(":")
    return name.strip() if colon else None


def _begins_another(lines: Sequence[str], at: int) -> bool:
    """Whether a quoted or forwarded letter with headers of its own begins here."""
    plain = _plain(lines[at][:200])
    if not plain:
        return False
    bare = plain.strip("-_= :")
    if plain.startswith(("--", "__")) and bare in _SEPARATORS:
        return True
    if plain.startswith(_FORWARD_STARTS):
        return True
    if len(plain) >= 20 and not plain.strip("_"):
        return _has_headers(lines, at + 1)
    return _has_headers(lines, at)


def _has_headers(lines: Sequence[str], at: int) -> bool:
    start = _next_said(lines, at)
    if start is None or _header_name(lines[start]) not in _FROM:
        return False
    return sum(_header_name(line) in _OTHER_HEADERS for line in lines[start + 1 : start + 6]) >= 2


def _forwarded(lines: Sequence[str]) -> list[str]:
    """The words after the headers of the letter that is forwarded; empty where none is."""
    for at in range(len(lines)):
        if not _begins_another(lines, at):
            continue
        rest = at
        while rest < len(lines):
            name = _header_name(lines[rest])
            heading = name in _FROM or name in _OTHER_HEADERS
            if heading or not lines[rest].strip() or rest == at:
                rest += 1
                continue
            return list(lines[rest:])
    return []


def _unsigned(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for at, line in enumerate(lines):
        if line in ("--", "-- ", "—"):
            break
        plain = _plain(line[:200])
        if plain.startswith(_DEVICE_STARTS) and len(plain) < 80:
            continue
        if plain.endswith(_DEVICE_ENDS) and len(plain) < 60 and _alone(lines, at):
            continue
        if any(kept) and plain.rstrip(" ,.!") in _CLOSINGS and _is_signature(lines[at + 1 :]):
            break
        kept.append(line)
    return kept


def _alone(lines: Sequence[str], at: int) -> bool:
    """Whether nothing is said after this line."""
    return _next_said(lines, at + 1) is None


def _is_signature(after: Sequence[str]) -> bool:
    said = [line for line in after[: 3 * _SIGNATURE_LINES] if line.strip()]
    rest = any(line.strip() for line in after[3 * _SIGNATURE_LINES :])
    return (
        not rest
        and len(said) <= _SIGNATURE_LINES
        and all(len(line) <= _SIGNATURE_WIDTH for line in said)
    )
