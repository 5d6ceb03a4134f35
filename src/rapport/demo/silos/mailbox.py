"""mailbox/: the mailbox of customer service, letters and answers, as a mail program keeps them."""

from __future__ import annotations

import quopri
from binascii import b2a_base64
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from zoneinfo import ZoneInfo

import numpy as np

from rapport.demo.files import copy_mapping, day_text
from rapport.demo.people import Person
from rapport.demo.replies import agent, said
from rapport.demo.silos.support import Case, cases
from rapport.demo.silos.whatsapp import SHOPS, chatters
from rapport.demo.story import TIME_ZONES
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import TOPICS, Occasion, draw, write_subject, write_text

SOURCE = "mailbox"
ADDRESS = "service@kadar.example"
_US = "Maison Kadár"
#: Threads begun by letters to the service that are no tickets, a person.
_LETTERS = 0.012


@dataclass(frozen=True, kw_only=True)
class _Letter:
    sent: int  # UTC second
    message_id: str
    sender: str
    lines: tuple[str, ...]
    bad: str = ""  # the reason for which it will be refused


def write(world: World) -> Written:
    rng = world.rng("mailbox")
    end = int(np.datetime64(world.story.until).astype("datetime64[s]").astype(np.int64))
    letters: list[_Letter] = []
    records: list[Record] = []
    texts: list[WrittenText] = []
    found, troubles = cases(world), world.troubles().tolist()
    chatting = {i for shop in SHOPS for i in chatters(world, shop)}
    u, text_u = rng.random((len(found), 8)).tolist(), draw(rng, len(found))
    for n, case in enumerate(found):
        person = world.people.persons[case.person]
        fits = world.people.solo[case.person] == "" and case.solved < end - 172_800
        # Who is bothered much writes much, and who writes in one place writes in others.
        likely = 0.06 + 0.06 * troubles[case.person] + 0.6 * (case.person in chatting)
        if fits and u[n][0] < likely:
            thread = _Thread(world, person, case.person, case.mail, f"t{case.ticket}")
            _about_ticket(thread, case, u[n], text_u[n])
            thread.hand_over(letters, records, texts)
    who = np.flatnonzero([bool(p.email) for p in world.people.persons])
    who = who[(world.people.solo == "")[who] & (world.people.born[who] < world.story.days - 20)]
    who = rng.permutation(who)[: round(_LETTERS * world.people.count)]
    u, text_u = rng.random((len(who), 8)).tolist(), draw(rng, len(who))
    for n, i in enumerate(who.tolist()):
        person = world.people.persons[i]
        thread = _Thread(world, person, i, person.email, f"q{n + 1:04d}")
        _a_question(thread, u[n], text_u[n])
        thread.hand_over(letters, records, texts)
    path = "mailbox/klantendienst.mbox"
    letters.sort(key=lambda letter: (letter.sent, letter.message_id))
    bad = _write_mbox(world, path, letters)
    copy_mapping(world.folder, "mailbox/service")
    return Written(
        files=(WrittenFile(path=path, source=SOURCE, rows=len(letters), bad_rows=len(bad)),),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: len(letters) - len(bad)}),
        bad_rows=tuple((path, line, reason) for line, reason in bad),
    )


class _Thread:
    """One exchange of letters with one person."""

    def __init__(self, world: World, person: Person, index: int, mail: str, key: str) -> None:
        self._person, self._index, self._mail, self._key = person, index, mail, key
        self._zone = ZoneInfo(TIME_ZONES[person.country])
        self._seed = world.seed
        self._ids: list[str] = []
        self._letters: list[_Letter] = []
        self._texts: list[WrittenText] = []
        self.language = person.language
        self._called = person.name if person.language == "hu" else person.first
        self.start = int(np.datetime64(world.story.start).astype("datetime64[s]").astype(np.int64))
        # Letters come once the person is a customer, and before the shop is there nobody writes.
        self.first_day = max(20.0, float(world.people.born[index]))
        self.last_day = world.story.days - 4.0

    def hand_over(
        self, letters: list[_Letter], records: list[Record], texts: list[WrittenText]
    ) -> None:
        letters += self._letters
        texts += self._texts
        records.append((self._index, SOURCE, "email", "", self._mail))

    def add(
        self,
        sent: int,
        subject: str,
        text: str,
        *,
        ours: bool,
        html: bool = False,
        automatic: bool = False,
        occasion: Occasion | None = None,
    ) -> None:
        """A letter at a UTC second; with ``occasion`` the person's own words."""
        domain = "kadar.example" if ours else self._mail.rpartition("@")[2]
        message_id = f"{self._key}.{len(self._ids)}.{self._seed}@{domain}"
        customer, service = _mailbox(self._person.name, self._mail), _mailbox(_US, ADDRESS)
        sender, recipient = (service, customer) if ours else (customer, service)
        at = datetime.fromtimestamp(sent, UTC).astimezone(self._zone)
        lines = [
            f"Message-ID: <{message_id}>",
            f"Date: {format_datetime(at)}",
            f"From: {sender}",
            f"To: {recipient}",
            f"Subject: {_encoded(subject)}",
        ]
        if self._ids:
            lines += [
                f"In-Reply-To: <{self._ids[-1]}>",
                "References: " + "\n ".join(f"<{i}>" for i in self._ids),
            ]
        if automatic:
            lines.append("Auto-Submitted: auto-replied")
        lines.append("MIME-Version: 1.0")
        lines += _alternatives(text, f"=-{message_id}") if html else _part(text, "plain")
        self._ids.append(message_id)
        self._letters.append(
            _Letter(
                sent=sent,
                message_id=message_id,
                sender=ADDRESS if ours else self._mail,
                lines=tuple(lines),
                bad="",
            )
        )
        if occasion is not None:
            self._texts.append(
                WrittenText(
                    source=SOURCE,
                    touchpoint_id=f"email:{message_id}",
                    person=self._index,
                    language=occasion.language,
                    polarity=occasion.polarity,
                    topic=occasion.topic,
                )
            )

    def quoted(self, text: str, sent: int, *, ours: bool) -> str:
        """A letter as the answer to it quotes it."""
        at = datetime.fromtimestamp(sent, UTC).astimezone(self._zone)
        name, address = (_US, ADDRESS) if ours else (self._person.name, self._mail)
        pattern = "%Y. %m. %d." if self.language == "hu" else "%d/%m/%Y"
        line = said(self.language, "wrote", 0.0, day=at.strftime(pattern),
                    time=at.strftime("%H:%M"), name=name, address=address)  # fmt: skip
        return "\n".join([line, "", *(f"> {each}".rstrip() for each in text.split("\n"))])

    def signed(self, text: str, u: float) -> str:
        """The person's letter with how it ends."""
        closing = said(self.language, "closing", u)
        lines = [text, "", f"{closing},", self._person.name]
        if u < 0.3:
            lines += ["", said(self.language, "phone", u / 0.3)]
        elif u > 0.8:
            lines += ["-- ", self._person.name, self._person.mobile]
        return "\n".join(lines)

    def answer(self, topic: str, u: float, agent_u: float) -> str:
        """What we answer."""
        return "\n".join(
            (
                said(self.language, "hello", u, name=self._called),
                "",
                said(self.language, topic, agent_u),
                "",
                f"{said(self.language, 'closing', u)},",
                agent(self.language, agent_u),
                "Maison Kadár",
            )
        )


def _mailbox(name: str, address: str) -> str:
    return f"{_encoded(name)} <{address}>"


def _encoded(text: str) -> str:
    """A header's text: plain letters as they are, else one encoded word (RFC 2047)."""
    if text.isascii():
        return text
    return f"=?utf-8?B?{b2a_base64(text.encode(), newline=False).decode()}?="


def _part(text: str, subtype: str) -> list[str]:
    body = quopri.encodestring(text.encode()).decode("ascii")
    return [
        f'Content-Type: text/{subtype}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        *body.split("\n"),
    ]


def _alternatives(text: str, boundary: str) -> list[str]:
    """The letter twice, as most programs send it."""
    marked = "\n".join(f"<p>{escape(line)}</p>" for line in text.split("\n") if line)
    return [
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_part(text, "plain"),
        f"--{boundary}",
        *_part(f"<html><body>{marked}</body></html>", "html"),
        f"--{boundary}--",
    ]


def _about_ticket(thread: _Thread, case: Case, u: list[float], text_u: list[float]) -> None:
    """We answer a ticket, and the person writes once more."""
    subject = f"Re: {case.subject} [#{case.ticket}]"
    ours = thread.answer(case.occasion.topic, u[1], u[2])
    asked = thread.quoted(case.text, case.opened, ours=False)
    thread.add(case.solved, subject, f"{ours}\n\n{asked}", ours=True, html=u[3] < 0.4)
    back = case.solved + 1800 + int(u[4] * 72_000)
    if u[5] < 0.04:
        day = day_text(back // 86_400 + 6, "%d/%m/%Y")
        thread.add(
            case.solved + 20,
            said(thread.language, "away_subject", 0.0, subject=case.subject),
            said(thread.language, "away", 0.0, day=day),
            ours=False,
            automatic=True,
        )
    elif u[5] < 0.8:
        days = (case.solved - case.opened) / 86_400
        polarity = 1 if days < 0.8 and u[6] < 0.7 else -1 if days > 2.5 and u[6] < 0.7 else 0
        occasion = Occasion(language=thread.language, topic=case.occasion.topic, polarity=polarity)
        text = thread.signed(write_text(occasion, text_u), u[7])
        thread.add(back, subject, f"{text}\n\n{thread.quoted(ours, case.solved, ours=True)}",
                   ours=False, html=u[3] < 0.25, occasion=occasion)  # fmt: skip


def _a_question(thread: _Thread, u: list[float], text_u: list[float]) -> None:
    """The person asks, and we answer."""
    day = thread.first_day + u[0] * (thread.last_day - thread.first_day)
    sent = thread.start + int(day * 86_400)
    topic = TOPICS[int(u[1] * len(TOPICS))]
    occasion = Occasion(language=thread.language, topic=topic, polarity=0 if u[2] < 0.7 else -1)
    subject = write_subject(occasion, u[3])
    text = thread.signed(write_text(occasion, text_u), u[4])
    thread.add(sent, subject, text, ours=False, html=u[5] < 0.3, occasion=occasion)
    answered = sent + 3600 + int(u[6] * 60_000)
    ours = thread.answer(topic, u[7], u[5])
    thread.add(answered, f"Re: {subject}", f"{ours}\n\n{thread.quoted(text, sent, ours=False)}",
               ours=True)  # fmt: skip


def _write_mbox(world: World, path: str, letters: list[_Letter]) -> list[tuple[int, str]]:
    """Write the mailbox; (line, reason) of the letters that will be refused."""
    target = world.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    line, bad = 1, []
    with target.open("wb") as file:
        for letter in letters:
            stamp = datetime.fromtimestamp(letter.sent, UTC).strftime("%a %b %d %H:%M:%S %Y")
            quoted = (
                f">{each}" if each.lstrip(">").startswith("From ") else each
                for each in letter.lines
            )
            written = [f"From {letter.sender} {stamp}", *quoted, "", ""]
            if letter.bad:
                bad.append((line, letter.bad))
            file.write("\n".join(written).encode())
            line += len(written) - 1
    return bad
