"""E-mail as a real server receives it, and what its answers mean for the message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.act.channels import CHANNELS, Delivery, Message, address_problem, open_channels
from rapport.act.channels.email import EmailChannel, compose
from rapport.errors import DeliveryFailed, DeliveryRefused
from rapport.settings import Secret, Settings
from tests.act.mail_server import MailServer, free_port, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def channel(port: int, **changes: object) -> EmailChannel:
    given: dict[str, object] = {"host": "127.0.0.1", "mail_from": "shop@example.org"}
    return EmailChannel(port=port, **(given | changes))  # type: ignore[arg-type]


def delivery(key: str = "k1", recipient: str = "ada@example.com", **message: object) -> Delivery:
    given: dict[str, object] = {
        "subject": "Szia, Ádám! ✓",
        "text": "Két új túracipő érkezett.\n.\n",
    }
    return Delivery(
        idempotency_key=key,
        recipient=recipient,
        message=Message(**(given | message)),  # type: ignore[arg-type]
        created_at=datetime(2026, 11, 16, 9, 0, tzinfo=UTC),
    )


def test_a_message_arrives_with_its_letters_and_headers(server: MailServer) -> None:
    receipt = channel(server.port).send(delivery(html="<p>Két új túracipő</p>"))
    (mail,) = server.taken
    assert server.recipients == ["ada@example.com"]
    assert mail["Subject"] == "Szia, Ádám! ✓"
    assert (mail["From"], mail["To"]) == ("shop@example.org", "ada@example.com")
    assert mail["Date"] == "Mon, 16 Nov 2026 09:00:00 +0000"
    assert mail["Message-ID"] == receipt
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == "Két új túracipő érkezett.\n.\n"
    assert html.get_content().replace("\r\n", "\n") == "<p>Két új túracipő</p>\n"


def test_a_second_attempt_has_the_same_message_id_and_another_message_another(
    server: MailServer,
) -> None:
    email = channel(server.port)
    first, second, other = (email.send(delivery(k)) for k in ("k1", "k1", "k2"))
    assert first == second != other
    assert first.endswith("@example.org>")


@pytest.mark.parametrize(
    ("purpose", "url", "unsubscribe", "one_click"),
    [
        ("marketing", "https://x.hu/u/1", "<https://x.hu/u/1>", "List-Unsubscribe=One-Click"),
        ("marketing", "mailto:stop@x.example", "<mailto:stop@x.example>", None),
        ("marketing", None, None, None),
        ("service", "https://x.example/u/1", None, None),
    ],
)  # fmt: skip
def test_marketing_can_be_unsubscribed_from_by_header(
    server: MailServer,
    purpose: str,
    url: str | None,
    unsubscribe: str | None,
    one_click: str | None,
) -> None:
    channel(server.port).send(delivery(purpose=purpose, unsubscribe_url=url))
    (mail,) = server.taken
    assert mail["List-Unsubscribe"] == unsubscribe
    assert mail["List-Unsubscribe-Post"] == one_click
    assert mail["Auto-Submitted"] is None


def test_mail_to_a_colleague_asks_for_no_automatic_answer(server: MailServer) -> None:
    channel(server.port).send(delivery(purpose="internal"))
    assert server.taken[0]["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("stage", "answer", "error", "address_refused"),
    [
        ("RCPT", "550 5.1.1 <ada@example.com> unknown", DeliveryRefused, True),
        ("RCPT", "451 4.7.1 greylisted", DeliveryFailed, None),
        ("DATA", "554 5.7.1 spam", DeliveryRefused, False),
        ("DATA", "452 4.3.1 disk full", DeliveryFailed, None),
        ("MAIL", "421 4.3.2 closing", DeliveryFailed, None),
        # About us, not about the message: somebody must mend the settings, nothing may be lost.
        ("MAIL", "550 5.7.1 sender not allowed", DeliveryFailed, None),
        ("MAIL", "552 5.3.4 too big", DeliveryRefused, False),
    ],
)
def test_the_answer_decides_whether_to_try_again(
    server: MailServer,
    stage: str,
    answer: str,
    error: type[DeliveryRefused | DeliveryFailed],
    address_refused: bool | None,
) -> None:
    server.answers[stage] = answer
    with pytest.raises(error, match=f"{answer[:9]} to {stage}") as caught:
        channel(server.port).send(delivery())
    assert caught.value.details.get("address_refused") is address_refused
    assert "ada" not in str(caught.value)  # the server's words may name the customer
    assert server.taken == []


def test_a_server_that_is_down_is_tried_again() -> None:
    with pytest.raises(DeliveryFailed, match="connecting: ConnectionRefusedError"):
        channel(free_port()).send(delivery())


def test_a_server_that_is_too_slow_is_tried_again(server: MailServer) -> None:
    server.wait_seconds = 0.9
    with pytest.raises(DeliveryFailed, match="sending"):
        channel(server.port, timeout_seconds=0.4).send(delivery())
    assert server.taken == []


def test_a_broken_goodbye_does_not_send_a_taken_message_again(server: MailServer) -> None:
    server.hang_up_at_quit = True
    channel(server.port).send(delivery())
    assert len(server.taken) == 1


def test_without_the_encryption_that_was_asked_for_nothing_is_sent(server: MailServer) -> None:
    with pytest.raises(DeliveryFailed, match="SMTPNotSupportedError"):
        channel(server.port, starttls=True).send(delivery())
    assert server.taken == []


def test_a_password_is_not_sent_to_a_server_that_offers_no_login(server: MailServer) -> None:
    with pytest.raises(DeliveryFailed, match="SMTPNotSupportedError"):
        channel(server.port, user="u", password=Secret("hush")).send(delivery())
    assert server.taken == []


@pytest.mark.parametrize("field", ["subject", "unsubscribe_url"])
def test_no_header_can_be_smuggled_in(field: str) -> None:
    smuggled = delivery(purpose="marketing", **{field: "https://a\r\nBcc: eve@example.net"})
    with pytest.raises(DeliveryRefused, match="line break"):
        compose(smuggled, mail_from="shop@example.org", domain="example.org")


@pytest.mark.parametrize(
    "address",
    ["ada", "ada@", "@x.org", "a b@x.org", "a@x.org\r\nBcc: b@x.org", "a@x.org, b@x.org",
     "<a@x.org>", "a@b@c.org", "a@" + "x" * 300, "a@ä" + "x" * 80 + ".org"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_any_connection(address: str) -> None:
    assert address_problem("email", address) == "address_invalid"
    with pytest.raises(DeliveryRefused) as caught:
        channel(free_port()).send(delivery(recipient=address))
    assert caught.value.details["address_refused"] is True


@settings(deadline=None)  # machines are shared
@given(st.emails())
def test_every_common_address_is_accepted_and_kept(address: str) -> None:
    assert address_problem("email", address) is None
    mail = compose(delivery(recipient=address), mail_from="a@b.org", domain="b.org")
    assert mail["To"].addresses[0].addr_spec == address


def test_a_domain_with_accents_goes_out_as_the_dns_knows_it(server: MailServer) -> None:
    channel(server.port).send(delivery(recipient="info@bücher.example"))
    assert server.recipients == ["info@xn--bcher-kva.example"]


def test_an_address_with_accents_needs_a_server_that_knows_them(server: MailServer) -> None:
    channel(server.port).send(delivery(recipient="ádám@example.hu"))
    assert server.recipients == ["ádám@example.hu"]
    assert server.taken[0]["To"] == "ádám@example.hu"
    with mail_server(utf8=False) as old, pytest.raises(DeliveryRefused, match="SMTPUTF8") as no:
        channel(old.port).send(delivery(recipient="ádám@example.hu"))
    assert no.value.details["address_refused"] is True
    assert old.taken == []


def test_channels_are_listed_alphabetically_and_opened_by_settings() -> None:
    assert list(CHANNELS) == sorted(CHANNELS)
    assert open_channels(Settings()) == {}
    opened = open_channels(Settings(smtp_host="127.0.0.1"))
    assert {name: c.name for name, c in opened.items()} == {"email": "email"}
    assert address_problem("pigeon", "x") == "unknown_channel"
