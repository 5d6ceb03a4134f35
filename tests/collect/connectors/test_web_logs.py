"""Logs of web servers: page views of people who stay unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    spoilt,
    whole_way,
)

LOGS = mapping_of("web_logs")
UA = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1"
COMBINED = (
    '203.0.113.9 - anna [05/Oct/2026:10:15:30 +0200] "GET /tenten/?utm_campaign=herfst&'
    f'utm_source=mail&email=anna%40pelda.example HTTP/1.1" 200 5123 '
    f'"https://zoek.example/q?s=anna" "{UA}"\n'
    f'203.0.113.9 - - [05/Oct/2026:10:15:31 +0200] "GET /app.css HTTP/1.1" 200 10 "-" "{UA}"\n'
    f'203.0.113.9 - - [05/Oct/2026:10:15:32 +0200] "POST /cart HTTP/1.1" 200 10 "-" "{UA}"\n'
    f'203.0.113.9 - - [05/Oct/2026:10:15:33 +0200] "GET /oud HTTP/1.1" 301 0 "-" "{UA}"\n'
    f'203.0.113.9 - - [05/Oct/2026:10:15:34 +0200] "GET /weg HTTP/1.1" 404 0 "-" "{UA}"\n'
    '198.51.100.7 - - [05/Oct/2026:10:16:00 +0200] "GET / HTTP/1.1" 200 9 "-" "Googlebot/2.1"\n'
    '198.51.100.8 - - [05/Oct/2026:10:16:00 +0200] "GET / HTTP/1.1" 200 9 "-" "-"\n'
    f'203.0.113.9 - - [05/Oct/2026:10:17:00 +0200] "GET /s%C3%A1tor HTTP/2.0" 304 - "-" "{UA}"\n'
    "half a line\n"
)
COMMON = '203.0.113.9 - - [05/Oct/2026:10:15:30 +0200] "GET /tenten/ HTTP/1.0" 200 512\n'
VHOST = f'shop.example:443 {COMMON.strip()} "-" "{UA}"\n'
IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
    "cs(User-Agent) cs(Referer) sc-status sc-substatus time-taken\n"
    "2026-10-05 08:15:30 10.0.0.1 GET /tenten/ utm_campaign=herfst 443 - 203.0.113.9 "
    "Mozilla/5.0+(Windows+NT+10.0) https://zoek.example/ 200 0 15\n"
    "2026-10-05 08:15:31 10.0.0.1 GET /x\n"
)
CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) "
    "cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query\n"
    "2026-10-05\t08:15:30\tBRU50\t1000\t203.0.113.9\tGET\td1.cloudfront.example\t/tenten/\t200\t-\t"
    "Mozilla/5.0%2520(Windows%2520NT)\tutm_campaign=herfst\n"
)
NGINX_JSON = (
    '{"time_iso8601":"2026-10-05T10:15:30+02:00","remote_addr":"203.0.113.9","request":'
    '"GET /tenten/?utm_campaign=herfst HTTP/1.1","status":"200","http_user_agent":"Mozilla/5.0",'
    '"host":"shop.example"}\n'
)
CADDY = (
    '{"level":"info","ts":1791188130.5,"logger":"http.log.access","request":{"remote_ip":'
    '"203.0.113.9","method":"GET","host":"shop.example","uri":"/tenten/?utm_campaign=herfst",'
    '"headers":{"User-Agent":["Mozilla/5.0"],"Referer":["https://zoek.example/"]}},"status":200}\n'
)


def test_only_pages_that_people_saw_count_and_nobody_is_named(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "access.log", COMBINED.encode())
    assert way.imported.kind == "web_logs"
    first, second = way.touchpoints.values()
    assert (first.type, first.channel, first.record) == ("Page Viewed", "web", None)
    assert first.occurred_at == datetime(2026, 10, 5, 8, 15, 30, tzinfo=UTC)
    assert first.campaign == "herfst"
    assert first.properties == {
        "path": "/tenten/",
        "referrer": "https://zoek.example/q",
        "utm_source": "mail",
        "device": "mobile",
    }
    assert second.properties["path"] == "/sátor"
    for personal in ("203.0.113.9", "anna", "pelda", "iPhone"):
        assert personal not in str(way.touchpoints)
    assert way.profiles == 0
    (refused,) = way.refused
    assert refused.reason == "malformed_record"
    assert replayed(refused, LOGS, {b"half a line": COMMON.encode().strip()}) == (1, [])


@pytest.mark.parametrize(
    ("text", "host", "campaign"),
    [
        (COMMON, None, None),
        (VHOST, "shop.example", None),
        (IIS, None, "herfst"),
        (CLOUDFRONT, "d1.cloudfront.example", "herfst"),
        (NGINX_JSON, "shop.example", "herfst"),
        (CADDY, "shop.example", "herfst"),
    ],
    ids=["common", "vhost", "iis", "cloudfront", "nginx json", "caddy"],
)
def test_every_format_says_the_same_page(
    tmp_path: Path, text: str, host: str | None, campaign: str | None
) -> None:
    path = tmp_path / "access.log"
    path.write_text(text)
    assert guess_mapping(path).mapping.kind == "web_logs"
    ((touch,), _) = read(path, LOGS)
    assert touch.properties["path"] == "/tenten/"
    assert touch.properties.get("host") == host
    assert touch.campaign == campaign
    assert touch.occurred_at.replace(microsecond=0) == datetime(2026, 10, 5, 8, 15, 30, tzinfo=UTC)


def test_a_broken_line_of_a_log_with_a_header_keeps_the_header(tmp_path: Path) -> None:
    _, (refused,) = read(tmp_path / "a.log", LOGS, IIS.encode())
    assert refused.payload.startswith(b"#Fields: date time")
    assert refused.payload.endswith(b"GET /x\n")


def test_equal_views_of_one_second_stay_two_and_overlapping_logs_add_nothing(
    tmp_path: Path,
) -> None:
    twice, _ = read(tmp_path / "a.log", LOGS, (COMMON + COMMON).encode())
    once, _ = read(tmp_path / "b.log", LOGS, COMMON.encode())
    assert len({touch.touchpoint_id for touch in twice}) == 2
    assert once[0].touchpoint_id == twice[0].touchpoint_id


@pytest.mark.parametrize(
    "content",
    [b"name;phone\n" * 3, b"\x00" * 1_000_000, b"x" * 3_000_000, b"", b'{"a":' * 10_000],
    ids=["table", "nul", "one line", "empty", "deep"],
)
def test_what_is_no_log_is_said_of_the_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidMapping, match="no access log"):
        read(tmp_path / "a.log", LOGS, content)


def test_a_gigantic_line_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    content = COMMON + "y" * 2_000_000 + "\n" + VHOST
    good, (refused,) = read(tmp_path / "a.log", LOGS, content.encode())
    assert (len(good), refused.reason, len(refused.payload)) == (2, "too_large", 65_536)


@settings(max_examples=50, deadline=None)
@given(
    content=spoilt(COMBINED.encode())
    | spoilt(CADDY.encode())
    | spoilt(IIS.encode())
    | (st.binary(max_size=200))
)
def test_a_spoilt_log_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "a.log", LOGS, content)
