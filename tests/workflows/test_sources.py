"""Sources: counts, freshness, refusals that are tried again, and files uploaded in the pages."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rapport.collect import event_checks
from rapport.collect.group_commit import GroupCommit
from rapport.collect.intake import Intake
from rapport.collect.protocol import Asked
from rapport.collect.protocol_intake import take_request
from rapport.collect.protocols import protocol_at
from rapport.collect.sources import WriteKeys, ensure_source, find_source
from rapport.errors import Conflict, InvalidInput, InvalidMapping, NotFound, PayloadTooLarge
from rapport.workflows.company import Company
from rapport.workflows.health import LATE, health
from rapport.workflows.ingest import apply_journal
from rapport.workflows.money import keep_rates
from rapport.workflows.replay import replay_refused
from rapport.workflows.sources import (
    COLLECTOR,
    DAYS,
    KEYED,
    add_collector,
    add_webhook,
    new_write_key,
    open_source,
    refused_download,
    source_overview,
    source_view,
    what_to_paste,
    worker_lag,
)
from rapport.workflows.upload import (
    ENDINGS,
    GUESS,
    KEEP,
    LARGEST,
    Confirmed,
    confirm_upload,
    forget_upload,
    keep_upload,
    read_upload_as,
    upload_preview,
)
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import keep, order

CSV = (
    b"bon;datum;totaal;mail\n"
    b"B1;2026-11-10 10:00;12,50;anna@kadar.example\n"
    b"B2;2026-11-11 10:00;7,00;b@kadar.example\n"
    b"B3;2026-11-12 10:00;=cmd|x;c@kadar.example\n"
)
MEANS = {"bon": "order_id", "datum": "occurred_at", "totaal": "amount", "mail": "email"}


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def confirmed(**over: object) -> Confirmed:
    return Confirmed(
        **{
            "source": "till", "label": "Till", "columns": MEANS,
            "constants": {"currency": "EUR"}, "decimal": ",", "date_format": "%Y-%m-%d %H:%M",
        } | over  # type: ignore[arg-type]
    )  # fmt: skip


def uploaded(company: Company, **over: object) -> None:
    token = keep_upload(company, name="bonnen.csv", content=CSV, kind="orders")
    confirm_upload(company, token, confirmed(**over), actor="admin@kadar.example")


def test_a_source_is_late_when_it_breaks_its_promise(company: Company, clock: FakeClock) -> None:
    ensure_source(
        company.ledger, clock(), name="till", label="Till", kind="orders", expected_every_hours=24
    )
    assert source_overview(company)[0].state == "empty"
    keep(company, [order("A1", "10", source="till", received_at=clock())])
    apply_journal(company)
    (line,) = source_overview(company)
    assert (line.state, line.accepted, len(line.days)) == ("fresh", 1, DAYS)
    assert line.days[-1].accepted == 1
    clock.advance(timedelta(hours=25))
    (line,) = source_overview(company)
    assert (line.state, line.age_hours) == ("late", 25.0)


def test_rates_are_as_fresh_as_the_day_they_hold_for(company: Company, clock: FakeClock) -> None:
    ensure_source(
        company.ledger, clock(), name="bank", label="Bank", kind="rates", expected_every_hours=800
    )
    with company.ledger.write() as connection:
        keep_rates(company.ledger, connection, [("HUF", date(2026, 11, 1), Decimal("0.0025"))])
    (line,) = source_overview(company)
    assert (line.state, line.accepted) == ("fresh", 1)
    clock.advance(timedelta(days=30))
    assert source_overview(company)[0].state == "late"


def test_the_lag_counts_what_the_worker_has_not_applied(company: Company, clock: FakeClock) -> None:
    keep(company, [order("A1", "10", received_at=clock()), order("A2", "10", received_at=clock())])
    assert (worker_lag(company).behind, worker_lag(company).since) == (2, clock())
    assert health(company).status == "ok"
    clock.advance(LATE + timedelta(seconds=1))
    assert health(company).status == "late"
    apply_journal(company)
    assert (health(company).status, worker_lag(company).behind) == ("ok", 0)


def test_a_new_collector_gets_a_key_and_a_name_that_fits_an_address(company: Company) -> None:
    first = add_collector(company, name="webshop", label="Web shop")
    assert new_write_key(company, "webshop", actor="a") != first
    with pytest.raises(Conflict, match="webshop"):
        add_collector(company, name="webshop", label="")
    for bad in ("", "Web Shop", "a/b", "é", "x" * 61):
        with pytest.raises(InvalidInput, match="small letters"):
            add_collector(company, name=bad, label="")
    open_source(company, "webshop", enabled=False, actor="a")
    assert source_overview(company)[0].state == "closed"


def test_an_uploaded_file_is_shown_before_anything_is_kept(company: Company) -> None:
    token = keep_upload(company, name="../../bon nen.csv", content=CSV, kind=GUESS)
    preview = upload_preview(company, token)
    assert preview.kind == "orders"
    assert preview.file == "bon_nen.csv"
    assert [column.name for column in preview.columns] == ["bon", "datum", "totaal", "mail"]
    assert preview.columns[0].examples == ("B1", "B2", "B3")
    assert source_overview(company) == []


def test_checking_an_upload_keeps_nothing_and_importing_deletes_the_file(
    company: Company,
) -> None:
    token = keep_upload(company, name="bonnen.csv", content=CSV, kind="orders")
    checked = confirm_upload(company, token, confirmed(), actor="a", dry_run=True)
    assert (checked.accepted, checked.refused) == (2, 1)
    assert source_overview(company) == []
    done = confirm_upload(company, token, confirmed(), actor="a")
    assert (done.accepted, done.refused, done.reasons[0].reason) == (2, 1, "invalid_amount")
    with pytest.raises(NotFound):
        upload_preview(company, token)
    assert list((company.settings.folder / "uploads").iterdir()) == []
    apply_journal(company)
    view = source_view(company, "till")
    assert [(kind.type, kind.count) for kind in view.types] == [("Order Completed", 2)]
    assert view.mapping is not None
    assert view.mapping["columns"]["order_id"] == "bon"
    assert view.line.refused == 1


def test_a_mapping_that_lacks_something_says_what_and_keeps_the_file(company: Company) -> None:
    token = keep_upload(company, name="bonnen.csv", content=CSV, kind="orders")
    without = {k: v for k, v in MEANS.items() if v != "occurred_at"}
    with pytest.raises(InvalidMapping, match="occurred_at"):
        confirm_upload(company, token, confirmed(columns=without), actor="a")
    twice = {**MEANS, "mail": "order_id"}
    with pytest.raises(InvalidMapping, match="cannot both be order_id"):
        confirm_upload(company, token, confirmed(columns=twice), actor="a")
    with pytest.raises(InvalidMapping, match="currency"):
        confirm_upload(company, token, confirmed(constants={}), actor="a")
    assert upload_preview(company, token).file == "bonnen.csv"
    forget_upload(company, token)


def test_a_file_for_a_source_of_another_kind_is_refused(company: Company) -> None:
    add_collector(company, name="till", label="Till")
    token = keep_upload(company, name="bonnen.csv", content=CSV, kind="orders")
    with pytest.raises(Conflict, match="takes collector"):
        confirm_upload(company, token, confirmed(), actor="a")


def test_uploads_have_bounds_and_are_forgotten(company: Company, clock: FakeClock) -> None:
    with pytest.raises(PayloadTooLarge, match="rapport import"):
        keep_upload(company, name="a.csv", content=b"x" * (LARGEST + 1), kind="orders")
    for name, content in (("a.exe", b"x"), ("a.csv.gz", b"x"), (".csv", b"x"), ("a.csv", b" \n")):
        with pytest.raises(InvalidInput):
            keep_upload(company, name=name, content=content, kind="orders")
    with pytest.raises(NotFound):
        upload_preview(company, "../../../etc/passwd")
    old = keep_upload(company, name="a.csv", content=CSV, kind="orders")
    clock.advance(KEEP + timedelta(seconds=1))
    keep_upload(company, name="b.csv", content=CSV, kind="orders")
    with pytest.raises(NotFound):
        upload_preview(company, old)


def test_an_upload_names_only_endings_that_a_file_can_have(company: Company) -> None:
    for name, said in (("a.csv.gz", "unpack it"), ("a.exe", ".csv")):
        with pytest.raises(InvalidInput, match=said) as refused:
            keep_upload(company, name=name, content=b"x", kind=GUESS)
        assert ":2," not in refused.value.message
    assert {".csv", ".xml", ".mbox", ".vcf", ".wav", ".log"} <= set(ENDINGS)


def test_a_recording_asks_how_it_is_named_before_it_is_read(company: Company) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\1\0\2\0" * 8000)
    name = "32475123456_20261103-101500_12.wav"
    token = keep_upload(company, name=name, content=sound.getvalue(), kind=GUESS)
    preview = upload_preview(company, token)
    assert (preview.kind, preview.columns, preview.asks[0]) == ("recordings", (), "pattern")
    with pytest.raises(InvalidMapping, match="pattern"):
        confirm_upload(company, token, confirmed(columns={}, constants={}), actor="a")
    named = {"pattern": "{phone}_{date}-{time}_{agent}"}
    done = confirm_upload(company, token, confirmed(columns={}, constants=named), actor="a")
    assert (done.accepted, done.refused) == (1, 0)


def test_an_upload_of_unknown_columns_says_which_fields_are_missing(company: Company) -> None:
    content = b"Bon nr.;Datum bon;Bedrag (EUR)\n" + b"B1;2026-11-10 10:00;12,50\n" * 2
    token = keep_upload(company, name="bonnen.csv", content=content, kind="orders")
    preview = upload_preview(company, token)
    assert set(preview.missing) == {"order_id", "amount"}
    assert not any("order_id" in question for question in preview.questions)
    assert any("`currency`" in question for question in preview.questions)


def test_an_upload_is_read_as_another_kind_when_the_guess_was_wrong(company: Company) -> None:
    token = keep_upload(company, name="bonnen.csv", content=CSV, kind="visits")
    read_upload_as(company, token, "orders")
    assert upload_preview(company, token).kind == "orders"
    with pytest.raises(InvalidInput, match="known are"):
        read_upload_as(company, token, "spells")
    with pytest.raises(InvalidMapping):
        read_upload_as(company, token, "ubl")
    assert upload_preview(company, token).kind == "orders"


def test_what_was_refused_is_tried_again_after_the_mapping_is_mended(company: Company) -> None:
    uploaded(company, decimal=".", columns=MEANS)  # "12,50" is no number with a decimal point
    before = source_view(company, "till").line.refused
    assert before >= 1
    again = replay_refused(company, "till")
    assert (again.accepted, again.refused_again) == (0, before)
    source = find_source(company.ledger, "till")
    mended = {**source.mapping, "file": {**source.mapping["file"], "decimal": ","}}
    ensure_source(
        company.ledger, company.clock(), name="till", label="Till", kind="orders", mapping=mended
    )
    mended_now = replay_refused(company, "till")
    assert mended_now.accepted == before - 1  # "=cmd|x" is no amount under any mapping
    assert source_view(company, "till").line.refused == 1


def test_the_download_holds_no_formula(company: Company) -> None:
    uploaded(company)
    text = b"".join(refused_download(company, "till")).decode("utf-8-sig")
    assert "=cmd|x" in text
    for line in text.splitlines():
        assert not any(cell.startswith(("=", "+", "@")) for cell in line.strip('"').split('","'))
    with pytest.raises(InvalidInput, match="no reason"):
        refused_download(company, "till", reason="because")


def test_a_source_is_made_for_another_tracker_and_says_what_to_paste(company: Company) -> None:
    for kind in KEYED:
        key = add_collector(company, name=kind, label="", kind=kind)
        pasted = what_to_paste(kind, "https://cip.example", key)
        if kind == COLLECTOR:
            assert pasted is None
        else:
            assert pasted is not None
            assert "https://cip.example" in pasted
            assert key in pasted
        assert find_source(company.ledger, kind).kind == kind
        assert new_write_key(company, kind, actor="admin@kadar.example") != key
    for kind in ("orders", "webhook", ""):
        with pytest.raises(InvalidInput, match="write key"):
            add_collector(company, name="x", label="", kind=kind)


def test_a_source_of_webhooks_keeps_where_its_secret_lies_and_never_the_secret(
    company: Company, tmp_path: Path
) -> None:
    place = tmp_path / "secret"
    place.write_text("whsec_c2VjcmV0\n", "utf-8")
    path = add_webhook(
        company, name="survey", label="", style="typeform", secret=f"file:{place}",
        rows={"source": "any", "kind": "contacts", "columns": {"record_id": "data.id"}},
    )  # fmt: skip
    assert path == "/v1/webhooks/survey"
    assert what_to_paste("webhook", "https://cip.example", "survey") == f"https://cip.example{path}"
    view = source_view(company, "survey")
    assert view.mapping is not None
    assert view.mapping["signing"]["secret"] == f"file:{place}"
    assert view.mapping["rows"]["source"] == "survey"
    assert "c2VjcmV0" not in str(view)
    with pytest.raises(InvalidInput, match="write key"):
        new_write_key(company, "survey", actor="admin@kadar.example")
    wrong: list[dict[str, Any]] = [
        {"style": "none"},
        {"secret": "whsec_c2VjcmV0"},
        {"secret": "env:NOT_SET_ANYWHERE"},
        {"rows": {"kind": "nothing"}},
    ]
    for over in wrong:
        with pytest.raises(InvalidInput) as refused:
            add_webhook(
                company,
                **{"name": "b", "label": "", "style": "hmac", "secret": f"file:{place}"} | over,
            )
        assert "c2VjcmV0" not in refused.value.message


def test_what_another_tracker_sent_is_translated_again_when_it_is_tried_again(
    company: Company, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = add_collector(company, name="app", label="", kind="posthog")
    event = {"event": "purchase", "distinct_id": "u1", "uuid": "e1",
             "properties": {"order_id": "A1", "total": 5, "currency": "XZZ"}}  # fmt: skip
    posthog = protocol_at("/batch/")
    assert posthog is not None
    asked = Asked(
        method="POST", path="/batch/", received_at=clock(),
        body=json.dumps({"api_key": key, "batch": [event]}).encode(),
    )  # fmt: skip
    with closing(GroupCommit(company.ledger)) as commit:
        intake = Intake(WriteKeys(company.ledger), commit, clock)
        _, taken = asyncio.run(take_request(intake, posthog, asked))
    assert (taken.accepted, taken.refused) == (0, 1)
    assert replay_refused(company, "app").refused_again == 1
    monkeypatch.setattr(event_checks, "currency_code", lambda code: code)
    assert replay_refused(company, "app").accepted == 1
    apply_journal(company)
    (kind,) = source_view(company, "app").types
    assert (kind.type, kind.count) == ("Order Completed", 1)
