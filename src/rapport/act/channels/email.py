"""E-mail over SMTP."""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import suppress
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from rapport.act.channels.base import Channel, Delivery
from rapport.errors import DeliveryFailed, DeliveryRefused
from rapport.settings import Secret, Settings

NAME = "email"

#: One @, no spaces, control characters or list separators; a dot in the domain is not asked for,
#: since company-internal mail servers often have none.
_ADDRESS = re.compile(r"[^\s@,;<>\"()\[\]\\:\x00-\x1f\x7f]+@[^\s@,;<>\"()\[\]\\:\x00-\x1f\x7f]+")
_ENHANCED = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
#: Longest address of RFC 5321.
_LONGEST = 254
#: Content that every server passes on unchanged, the oldest too.
_SEVEN_BIT = policy.SMTP.clone(cte_type="7bit")


def address_problem(address: str) -> str | None:
    """``"address_invalid"`` if no mail server would take the address."""
    if len(address) > _LONGEST or _ADDRESS.fullmatch(address) is None:
        return "address_invalid"
    try:
        _wire_address(address)
    except (ValueError, UnicodeError):
        return "address_invalid"
    return None


def from_settings(settings: Settings) -> Channel | None:
    """The channel, or None where no mail server is set: then messages wait in the outbox."""
    if not settings.smtp_host:
        return None
    return EmailChannel(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password,
        starttls=settings.smtp_starttls,
        mail_from=settings.mail_from,
    )


class EmailChannel:
    """Sends through one mail server, one connection per message.

    A connection per message costs some milliseconds and buys that no message suffers from what
    happened to the one before it; more workers send more.
    """

    name = NAME

    def __init__(
        self,
        *,
        host: str,
        port: int,
        mail_from: str,
        user: str = "",
        password: Secret = Secret(""),  # noqa: B008  # immutable
        starttls: bool = False,
        timeout_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._starttls = starttls
        self._timeout_seconds = timeout_seconds
        self._tls = tls
        self._mail_from = mail_from
        self._domain = _wire_address(mail_from).rpartition("@")[2]

    def send(self, delivery: Delivery) -> str:
        """Hand one message to the mail server; returns its Message-ID.

        The Message-ID is made from the idempotency key: if our connection broke after the server
        had taken the message, the second attempt is recognisably the same one.
        """
        if address_problem(delivery.recipient) is not None:
            raise DeliveryRefused(
                "The recipient is no e-mail address; correct it at its source",
                address_refused=True,
            )
        mail = compose(delivery, mail_from=self._mail_from, domain=self._domain)
        recipient = _wire_address(delivery.recipient)
        try:
            smtp = smtplib.SMTP(
                self._host,
                self._port,
                # Said in the greeting; finding out this machine's own name can take seconds.
                local_hostname=self._domain,
                timeout=self._timeout_seconds,
            )
        except (OSError, smtplib.SMTPException) as error:
            raise _unreachable("connecting", error) from error
        try:
            self._hand_over(smtp, mail, recipient)
        except (smtplib.SMTPException, OSError) as error:
            raise _unreachable("sending", error) from error
        finally:
            # The message is taken or not by now. A broken goodbye must not turn a message that
            # was taken into one that is sent again.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()
        return str(mail["Message-ID"])

    def _hand_over(self, smtp: smtplib.SMTP, mail: EmailMessage, recipient: str) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self._starttls:
            smtp.starttls(context=self._tls or ssl.create_default_context())
            smtp.ehlo()
        if self._user:
            smtp.login(self._user, self._password.reveal())
        options: list[str] = []
        wire = _SEVEN_BIT
        if not recipient.isascii():
            if not smtp.has_extn("smtputf8"):
                raise DeliveryRefused(
                    "The mail server takes no address outside ASCII (SMTPUTF8)",
                    address_refused=True,
                )
            smtp.command_encoding = "utf-8"
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            wire = policy.SMTPUTF8.clone(cte_type="7bit")
        _read("MAIL", *smtp.mail(_wire_address(self._mail_from), options))
        _read("RCPT", *smtp.rcpt(recipient))
        try:
            answer = smtp.data(mail.as_bytes(policy=wire))
        except smtplib.SMTPDataError as refusal:  # the "no" that comes before the content
            answer = (refusal.smtp_code, _bytes(refusal.smtp_error))
        _read("DATA", *answer)


def compose(delivery: Delivery, *, mail_from: str, domain: str) -> EmailMessage:
    """The message as it goes out.

    Raises
    ------
    DeliveryRefused
        If a header would hold a line break: that is how headers of others are smuggled in.
    """
    message = delivery.message
    mail = EmailMessage(policy=_SEVEN_BIT)
    digest = sha256(delivery.idempotency_key.encode()).hexdigest()[:40]
    try:
        mail["From"] = _header_address(mail_from)
        mail["To"] = _header_address(delivery.recipient)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(delivery.created_at)
        mail["Message-ID"] = f"<{digest}@{domain}>"
        if message.purpose == "internal":
            mail["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
        if message.purpose != "service" and message.unsubscribe_url is not None:
            mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
            if message.unsubscribe_url.startswith("https://"):
                mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    except ValueError as error:
        raise DeliveryRefused(
            "A header of the message holds a line break or a character that mail does not allow; "
            "correct the subject or the unsubscribe address"
        ) from error
    mail.set_content(message.text, charset="utf-8")
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html", charset="utf-8")
    for file in message.attachments:
        main, _, sub = file.media_type.partition("/")
        mail.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    return mail


def _header_address(address: str) -> Address:
    # In two parts: given whole, the parser takes ASCII only.
    local, _, domain = _wire_address(address).rpartition("@")
    return Address(username=local, domain=domain)


def _wire_address(address: str) -> str:
    """The address with its domain as the DNS knows it; the part before the @ stays as it is."""
    local, _, domain = address.strip().rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii') if not domain.isascii() else domain}"


def _bytes(text: bytes | str) -> bytes:
    return text.encode("utf-8", "replace") if isinstance(text, str) else text


def _read(stage: str, code: int, reply: bytes) -> None:
    """Tell what an answer means for the message; here and nowhere else.

    A 4xx passes. A 5xx about the recipient or the content is final. A 5xx about us, the sender
    or our login, would be the same for every message: it passes once somebody mends the
    settings, so no message may be lost to it. (552 to MAIL is about the message's size.)
    """
    if 200 <= code < 300:
        return
    # Only numbers are kept: servers like to repeat the recipient's address in their text.
    enhanced = _ENHANCED.search(reply)
    answer = f"{code} {enhanced.group().decode()}" if enhanced else str(code)
    if code >= 500 and (stage != "MAIL" or code == 552):
        raise DeliveryRefused(
            f"The mail server refused the message: {answer} to {stage}",
            address_refused=stage == "RCPT",
            answer=answer,
        )
    raise DeliveryFailed(
        f"The mail server did not take the message now: {answer} to {stage}", answer=answer
    )


def _unreachable(doing: str, error: Exception) -> DeliveryFailed:
    # The text of the error may quote addresses; its kind and number say enough.
    code = getattr(error, "smtp_code", None)
    kind = type(error).__name__ if code is None else f"{type(error).__name__} {code}"
    return DeliveryFailed(
        f"The mail server could not be used while {doing}: {kind}; check the settings smtp_*"
    )
