"""Conversations as vCon (IETF draft-ietf-vcon-vcon-core): parties, dialog, transcripts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.conversation import Side, Turn, conversation_facts, customer_text, side_of
from rapport.collect.event_checks import Refusal
from rapport.collect.html_text import html_to_text
from rapport.collect.json_records import Found, an_object, json_objects, objects_in, plain, words
from rapport.collect.long_texts import clean_lines
from rapport.collect.own_addresses import OwnAddresses, own_addresses
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.tables import BadRow
from rapport.vocabulary.identifier_values import clean_text, normalise_email
from rapport.vocabulary.touchpoint import (
    CALL_ENDED,
    CALL_MADE,
    CALL_MISSED,
    CHAT_ENDED,
    Touchpoint,
)

_LONGEST_BODY = 2_000_000
_MOST_DIALOGS = 5_000


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    for found in json_objects(file.content, file.name, ("vcons",))():
        yield found if isinstance(found, BadRow) else _record(found)


def _record(found: Found) -> Record | BadRow:
    vcon, signed = found.value, False
    if "ciphertext" in vcon:
        refusal = Refusal("wrong_type", "the vCon is encrypted; export it decrypted")
        return BadRow(found.at, found.raw, refusal)
    if "payload" in vcon and "signatures" in vcon:
        payload = _payload(vcon["payload"])
        if payload is None:
            refusal = Refusal("wrong_type", "the payload of the signed vCon is no vCon")
            return BadRow(found.at, found.raw, refusal)
        vcon, signed = payload, True
    raw = found.raw
    return Record(found.at, {"vcon": vcon, "signed": signed}, lambda: raw)


def _payload(value: Any) -> dict[str, Any] | None:
    """What a JWS signs (RFC 7515); whether its signature is good needs keys that we have not."""
    if not isinstance(value, str):
        return None
    try:
        decoded = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        vcon = msgspec.json.decode(decoded)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None
    return vcon if isinstance(vcon, dict) and b"\\u0000" not in decoded else None


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    vcon = an_object(row.cell("vcon"))
    uuid = words(vcon.get("uuid"))
    if uuid is None:
        raise RowError("missing_field", "`uuid` of the vCon is empty")
    parties = objects_in(vcon.get("parties"))
    sides = _sides(parties, row)
    dialogs = objects_in(vcon.get("dialog"), _MOST_DIALOGS)
    if not dialogs:
        raise RowError("missing_field", "`dialog` of the vCon is empty")
    started, ended = _span(row, dialogs, vcon)
    turns = _turns(row, vcon, dialogs, parties, sides, started)
    # A transcript that does not tell speakers apart is of both: the best words there are.
    mixed = [text for who, text in _transcripts(vcon) if who is None]
    said = customer_text(turns) or clean_lines("\n".join(mixed)) or None
    kinds = {words(dialog.get("type")) for dialog in dialogs}
    spoken = bool({"recording", "incomplete", "transfer"} & kinds)
    media = [dialog for dialog in dialogs if dialog.get("type") == "recording"]
    customer = _customer(parties, sides)
    part = row.part(
        email=_mail(customer),
        phone=_tel(customer),
        name=words(customer.get("name")),
        language=_language(vcon),
    )
    facts: dict[str, Any] = {
        "subject": clean_text(words(vcon.get("subject")) or "")[:500] or None,
        "agents": [
            name
            for party, side in zip(parties, sides, strict=True)
            if side == "agent" and (name := words(party.get("name")))
        ][:20]
        or None,
        "summary": _analysis_text(vcon, "summary"),
        "signed": True if row.cell("signed") is True else None,
    }
    if turns:
        said_when = conversation_facts(turns)
        if "text" not in kinds:
            # A transcript says who spoke and not when: there are no times to take differences of.
            said_when |= {"first_response_minutes": None, "duration_minutes": None}
        facts = {**said_when, **{k: v for k, v in facts.items() if v is not None}}
    type_ = CHAT_ENDED
    if spoken:
        answered = bool(media) or "transfer" in kinds
        facts |= {
            "duration_seconds": round((ended - started).total_seconds(), 1),
            "answered": answered,
            "outcome": "answered" if answered else _disposition(dialogs),
            "direction": _direction(dialogs, sides),
        }
        type_ = CALL_ENDED if answered else CALL_MISSED
        if facts["direction"] == "outbound":
            type_ = CALL_MADE
    yield part.touchpoint(
        f"vcon:{uuid}",
        type=type_,
        channel=_channel(media) if spoken else "chat",
        occurred_at=ended,
        text=said,
        language=part.language(),
        media=next((_reference(dialog) for dialog in media), None),
        properties=facts,
    )


# ── who ────────────────────────────────────────────────────────────────────────────────────────


def _sides(parties: Sequence[dict[str, Any]], row: Row) -> list[Side]:
    """The side of each party: by its role, else by the company's addresses and numbers."""
    try:
        own = own_addresses(row.text("own_addresses") or "")
    except ValueError:
        own = OwnAddresses()
    numbers = {
        re.sub(r"\D", "", each) for each in (row.text("own_numbers") or "").split(",")
    } - {""}  # fmt: skip
    stated: list[Side | None] = []
    for party in parties:
        side = side_of(words(party.get("role")))
        mail, tel = _mail(party), re.sub(r"\D", "", _tel(party) or "")
        if side is None and ((mail and own.has(mail)) or (tel and tel in numbers)):
            side = "agent"
        stated.append(side)
    if "agent" not in stated and "customer" not in stated:
        raise RowError(
            "missing_identity",
            "no party says by its `role` whether it is the customer; state `own_addresses` or "
            "`own_numbers` of the company",
        )
    # Where one side is known, whoever is left is the other.
    other: Side = "customer" if "agent" in stated else "agent"
    return [side or other for side in stated]


def _customer(parties: Sequence[dict[str, Any]], sides: Sequence[Side]) -> dict[str, Any]:
    return next(
        (party for party, side in zip(parties, sides, strict=True) if side == "customer"), {}
    )


def _mail(party: dict[str, Any]) -> str | None:
    stated = words(party.get("mailto"))
    return normalise_email(stated) if stated else None


def _tel(party: dict[str, Any]) -> str | None:
    stated = words(party.get("tel")) or words(party.get("sip"))
    if stated is None:
        return None
    bare = re.sub(r"^(?:tel|sips?):", "", stated).partition("@")[0].partition(";")[0]
    return bare if re.fullmatch(r"\+?[\d ()./-]{5,24}", bare) else None


# ── what and when ──────────────────────────────────────────────────────────────────────────────


def _span(
    row: Row, dialogs: Sequence[dict[str, Any]], vcon: dict[str, Any]
) -> tuple[datetime, datetime]:
    starts, ends = [], []
    for dialog in dialogs:
        start = row.part(start=dialog.get("start") or vcon.get("created_at"))
        began = start.required_moment("start")
        seconds = plain(dialog.get("duration"))
        seconds = float(seconds) if isinstance(seconds, int | float) else 0.0
        if not 0 <= seconds < 7 * 86_400:
            raise RowError("wrong_type", "`duration` is no length of a conversation in seconds")
        starts.append(began)
        ends.append(began + timedelta(seconds=seconds))
    return min(starts), max(ends)


def _turns(
    row: Row,
    vcon: dict[str, Any],
    dialogs: Sequence[dict[str, Any]],
    parties: Sequence[dict[str, Any]],
    sides: Sequence[Side],
    started: datetime,
) -> list[Turn]:
    """Messages in writing, and what a transcript says was spoken, in their order."""
    turns = []
    for dialog in dialogs:
        if dialog.get("type") != "text":
            continue
        who = _party(dialog.get("originator"), dialog.get("parties"))
        at = row.part(start=dialog.get("start")).moment("start") or started
        turns.append(_turn(who, at, _body_text(dialog), parties, sides))
    turns += [
        _turn(who, started, text, parties, sides)
        for who, text in _transcripts(vcon)
        if who is not None
    ]
    return sorted(turns, key=lambda turn: turn.said_at)


def _transcripts(vcon: dict[str, Any]) -> list[tuple[int | None, str]]:
    return [
        said
        for analysis in objects_in(vcon.get("analysis"))
        if analysis.get("type") == "transcript"
        for said in _transcript(analysis)
    ]


def _turn(
    who: int | None,
    at: datetime,
    text: str,
    parties: Sequence[dict[str, Any]],
    sides: Sequence[Side],
) -> Turn:
    known = who is not None and 0 <= who < len(sides)
    return Turn(
        said_at=at,
        side=sides[who] if known and who is not None else "customer",
        author=words(parties[who].get("name")) if known and who is not None else None,
        text=clean_lines(text),
    )


def _party(originator: Any, parties: Any) -> int | None:
    if isinstance(originator, int):
        return originator
    first = parties[0] if isinstance(parties, list) and parties else parties
    return first if isinstance(first, int) else None


def _body(part: dict[str, Any]) -> Any:
    """The body of a dialog or analysis in its encoding."""
    body = part.get("body")
    if not isinstance(body, str):
        return body
    body = body[:_LONGEST_BODY]
    encoding = part.get("encoding")
    if encoding == "base64url":
        try:
            return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode(
                "utf-8", "replace"
            )
        except (binascii.Error, ValueError):
            return None
    if encoding == "json":
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return body
    return body


def _body_text(part: dict[str, Any]) -> str:
    body = _body(part)
    text = body if isinstance(body, str) else ""
    kind = words(part.get("mediatype")) or words(part.get("mimetype")) or ""
    return html_to_text(text) if "html" in kind else text


_SPEAKER = ("speaker", "party", "originator", "channel", "participant")
_WORDS = ("message", "text", "transcript", "utterance", "sentence", "content", "body")
_LISTS = ("segments", "utterances", "messages", "paragraphs", "results", "sentences", "turns")


def _transcript(analysis: dict[str, Any]) -> list[tuple[int | None, str]]:
    """(party, words) of a transcript: plain text, or a vendor's list of utterances."""
    body = _body(analysis)
    if isinstance(body, str):
        return [(None, body)] if body.strip() else []
    if isinstance(body, dict):
        listed = next((body[name] for name in _LISTS if isinstance(body.get(name), list)), None)
        if listed is None:
            whole = next((text for name in _WORDS if (text := words(body.get(name)))), None)
            return [(None, whole)] if whole else []
        body = listed
    said = []
    for one in objects_in(body):
        text = next((text for name in _WORDS if (text := words(one.get(name)))), None)
        speaker = next((one[name] for name in _SPEAKER if isinstance(one.get(name), int)), None)
        if text:
            said.append((speaker, text))
    return said


def _analysis_text(vcon: dict[str, Any], kind: str) -> str | None:
    for analysis in objects_in(vcon.get("analysis")):
        if analysis.get("type") == kind and isinstance(body := _body(analysis), str):
            return clean_lines(body)[:2_000] or None
    return None


def _language(vcon: dict[str, Any]) -> str | None:
    for analysis in objects_in(vcon.get("analysis")):
        body = _body(analysis) if analysis.get("type") == "transcript" else None
        if isinstance(body, dict) and (stated := words(body.get("language"))):
            return stated
    return None


def _channel(media: Sequence[dict[str, Any]]) -> str:
    kinds = (words(m.get("mediatype")) or words(m.get("mimetype")) or "" for m in media)
    return "video" if any(kind.startswith("video/") for kind in kinds) else "phone"


def _reference(dialog: dict[str, Any]) -> str | None:
    return words(dialog.get("url")) or words(dialog.get("filename"))


def _disposition(dialogs: Sequence[dict[str, Any]]) -> str:
    stated = next((words(d.get("disposition")) for d in dialogs if d.get("disposition")), None)
    return (stated or "no_answer").replace("-", "_")


def _direction(dialogs: Sequence[dict[str, Any]], sides: Sequence[Side]) -> str | None:
    first = _party(dialogs[0].get("originator"), dialogs[0].get("parties"))
    if first is None or not 0 <= first < len(sides):
        return None
    return "inbound" if sides[first] == "customer" else "outbound"


def _recognises(head: bytes, name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return False
    if b'"signatures"' in head and b'"payload"' in head and b'"header"' in head:
        return True
    return (b'"vcon"' in head and b'"parties"' in head) or name.endswith(".vcon")


CONNECTOR = Connector(
    kind="vcon",
    label="Conversations as vCon (JSON)",
    required=(),
    optional=(
        *("own_addresses", "own_numbers", "language"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=_read,
    records=_records,
    recognises=_recognises,
    suffixes=(".vcon",),
)
