"""Logs of web servers: which pages were asked for, by nobody in particular.

Read are the common and combined formats of Apache and nginx (with or without the virtual host
before or behind), the W3C extended format (IIS, CloudFront) and access logs in JSON. An address
and a browser's name are personal data and say badly who somebody is, so neither is kept and no
line becomes a person's. Only what people see counts: GET, answered with 2xx or 304 (a redirect is
followed by the page it leads to), no images, styles, scripts or feeds, and no robots as far as
they say that they are. Of the query only the campaign's own parameters stay.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.rows import PLACE_FIELDS, Row
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import PAGE_VIEWED, Touchpoint

_LONGEST_LINE = 65_536
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_COMBINED = re.compile(
    r"(?:(?P<vhost>[\w.-]+)(?::\d+)? )?(?P<ip>\S+) \S+ (?P<user>\S+|[^\[]*?) "
    r"\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] "
    + _QUOTED.replace("(", "(?P<request>", 1)
    + r" (?P<status>\d{3}) (?P<size>\d+|-)"
    + f"(?: {_QUOTED.replace('(', '(?P<referrer>', 1)} {_QUOTED.replace('(', '(?P<agent>', 1)})?"
    + r"(?: .*)?"
)
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9,
    "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
#: Endings of what pages are made of, and of feeds.
_NO_PAGES = re.compile(
    r"\.(?:css|m?js|map|json|xml|txt|rss|atom|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|eot"
    r"|otf|mp[34]|webm|ogg|wav|pdf|zip|gz|wasm|webmanifest)$",
    re.IGNORECASE,
)
#: Words that robots, monitors and programs put into their names. Those that pretend to be a
#: browser are not found out here.
_ROBOTS = re.compile(
    r"bot|crawl|spider|slurp|scan|archiver|preview|facebookexternalhit|embedly|curl/|wget|python"
    r"|java/|okhttp|go-http|libwww|httpclient|axios|node-fetch|headless|phantomjs|lighthouse"
    r"|pingdom|uptime|monitor|statuscake|nagios|feed|validator|postman|insomnia|apache-",
    re.IGNORECASE,
)
_JSON_NAMES = {
    "time": (
        *("time_iso8601", "@timestamp", "timestamp", "StartUTC", "time", "ts", "date"),
        *("time_local", "msec", "StartLocal"),
    ),
    "request": ("request", "request_line"),
    "method": ("request_method", "method", "RequestMethod", "request.method"),
    "path": (
        *("request_uri", "RequestPath", "request.uri", "uri", "url", "path", "request_path"),
        "request.url",
    ),
    "status": ("status", "DownstreamStatus", "response", "status_code", "response.status"),
    "agent": (
        *("http_user_agent", "user_agent", "userAgent", "agent", "request_User-Agent"),
        *("request.headers.User-Agent", "http_user-agent", "useragent"),
    ),
    "referrer": (
        *("http_referer", "http_referrer", "referer", "referrer", "request_Referer"),
        "request.headers.Referer",
    ),
    "host": ("http_host", "host", "server_name", "vhost", "RequestHost", "request.host"),
}


class _Hit(dict[str, str]):
    """What a line says: time, method, path, query, status, agent, referrer, host."""


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The page views of a log; lines of other things are passed over.

    Raises
    ------
    InvalidMapping
        If none of its first lines is a log's.
    """
    header: list[str] = []
    header_line = b""
    understood = 0
    broken: list[BadRow] = []
    for number, line in enumerate(_lines(file.content), 1):
        text = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        if not text:
            continue
        if text.startswith("#"):
            if text.lower().startswith("#fields:"):
                header = text.partition(":")[2].split()
                header_line = line.rstrip(b"\r\n") + b"\n"
                understood += 1
            continue
        hit, problem = _hit(text, header) if len(line) < _LONGEST_LINE else (None, _TOO_LONG)
        if hit is None:
            bad = BadRow(number, header_line + line, problem or _NOT_A_LINE)
            if understood:
                yield bad
            else:
                broken.append(bad)
                if len(broken) > 100:
                    raise InvalidMapping(_NO_LOG)
            continue
        understood += 1
        yield from broken
        broken = []
        if _is_page(hit):
            whole = header_line + line.rstrip(b"\r\n") + b"\n"
            yield Record(number, _fields(hit), lambda whole=whole: whole)  # type: ignore[misc]
    if not understood:
        raise InvalidMapping(_NO_LOG)


_NO_LOG = "The file is no access log: common, combined, W3C extended and JSON are read"
_NOT_A_LINE = Refusal("malformed_record", "the line is not of the format of the log")
_TOO_LONG = Refusal("too_large", f"the line is longer than {_LONGEST_LINE} bytes")


def _lines(content: BinaryIO) -> Iterator[bytes]:
    """Lines; of a longer one its beginning, and the rest is passed over."""
    while line := content.readline(_LONGEST_LINE):
        yield line
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            line = content.readline(_LONGEST_LINE)


def _hit(text: str, header: Sequence[str]) -> tuple[_Hit | None, Refusal | None]:
    if header:
        return _of_fields(text, header), None
    if text.startswith("{"):
        try:
            said = msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            return None, Refusal("malformed_json", "the line is not valid JSON")
        return _of_json(said), None
    found = _COMBINED.fullmatch(text)
    if found is None:
        return None, None
    hit = _Hit({name: value for name, value in found.groupdict().items() if value and value != "-"})
    if found["agent"] == "-":  # the format has names, and this caller gave none
        hit["agent"] = ""
    day, month, rest = hit["time"].split("/", 2)
    if month not in _MONTHS:
        return None, None
    year, clock = rest.split(":", 1)
    moment, _, zone = clock.partition(" ")
    hit["time"] = f"{year}-{_MONTHS[month]:02}-{day}T{moment}{zone[:3]}:{zone[3:]}"
    hit["host"] = hit.pop("vhost", "")
    return _with_request(hit), None


def _of_fields(text: str, header: Sequence[str]) -> _Hit | None:
    cells = text.split("\t") if "\t" in text else text.split(" ")
    if len(cells) != len(header):
        return None
    said = {
        name.lower(): cell
        for name, cell in zip(header, cells, strict=True)
        if cell not in ("-", "")
    }
    if "date" not in said or "time" not in said:
        return None

    def words(name: str) -> str:
        # IIS writes a space as "+", CloudFront as "%20", and its percent sign again as "%25".
        return unquote(unquote(said.get(name, "").replace("+", " ")))

    return _Hit(
        time=f"{said['date']}T{said['time']}Z",  # the format says UTC
        method=said.get("cs-method", ""),
        path=said.get("cs-uri-stem", ""),
        query=said.get("cs-uri-query", ""),
        status=said.get("sc-status", ""),
        agent=words("cs(user-agent)"),
        referrer=said.get("cs(referer)", ""),
        host=said.get("x-host-header") or said.get("cs-host") or said.get("cs(host)", ""),
    )


def _of_json(said: Any) -> _Hit | None:
    if not isinstance(said, Mapping):
        return None
    hit = _Hit()
    for name, keys in _JSON_NAMES.items():
        for key in keys:
            value = _reach(said, key)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                hit[name] = str(value)
                break
    if "time" not in hit or "status" not in hit:
        return None
    return _with_request(hit)


def _reach(said: Mapping[str, Any], key: str) -> Any:
    value: Any = said.get(key)
    if value is None and "." in key:
        value = said
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return value[0] if isinstance(value, list) and value else value  # Caddy lists headers


def _with_request(hit: _Hit) -> _Hit | None:
    request = hit.pop("request", "").split(" ")
    if len(request) >= 2:
        hit["method"], hit["path"] = request[0], request[1]
    path = hit.get("path", "")
    if "://" in path:  # asked for through a proxy
        try:
            parts = urlsplit(path)
        except ValueError:
            return None
        hit["host"] = hit.get("host") or (parts.hostname or "")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
    hit["path"], _, hit["query"] = path.partition("?")
    return hit


def _is_page(hit: _Hit) -> bool:
    status = hit.get("status", "").partition(".")[0]
    agent = hit.get("agent")
    return (
        hit.get("method", "") == "GET"
        and (status.startswith("2") or status == "304")
        and hit["path"].startswith("/")
        and _NO_PAGES.search(hit["path"]) is None
        # The common format names no browser; where names are given, robots leave it out.
        and (agent is None or (agent != "" and not _is_robot(agent)))
    )


@lru_cache(maxsize=4_096)  # a day's visitors have a few hundred browsers between them
def _is_robot(agent: str) -> bool:
    return _ROBOTS.search(agent) is not None


def _fields(hit: _Hit) -> dict[str, object]:
    try:
        referrer = urlsplit(hit.get("referrer", ""))
        came_from = f"{referrer.scheme}://{referrer.hostname}{referrer.path}"
        named = bool(referrer.hostname)
    except ValueError:
        named, came_from = False, ""
    query = hit.get("query", "")
    try:
        asked = parse_qs(query, max_num_fields=100) if "utm_" in query else {}
    except ValueError:
        asked = {}
    agent = hit.get("agent", "")
    said = tuple(sorted((name, value) for name, value in hit.items() if name not in ("ip", "user")))
    return {
        "occurred_at": hit["time"],
        "path": unquote(hit["path"]),
        "host": hit.get("host") or None,
        "referrer": came_from if named else None,
        "campaign": _one(asked, "utm_campaign"),
        "utm_source": _one(asked, "utm_source"),
        "utm_medium": _one(asked, "utm_medium"),
        "device": None if not agent else ("mobile" if "Mobi" in agent else "desktop"),
        "line": sha256(repr(said).encode()).hexdigest()[:24],
    }


def _one(asked: Mapping[str, list[str]], name: str) -> str | None:
    return next(iter(asked.get(name, ())), None)


def read_view(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one page view."""
    (row,) = rows
    occurred_at = row.required_moment("occurred_at")
    line = row.required("line")
    yield row.touchpoint(
        f"weblog:{line}:{row.reading.twin(line)}",
        type=PAGE_VIEWED,
        channel="web",
        occurred_at=occurred_at,
        identifiers=(),
        properties={
            field: text
            for field in ("path", "host", "referrer", "utm_source", "utm_medium", "device")
            if (text := row.text(field)) is not None
        },
    )


def recognises(head: bytes, name: str) -> bool:
    """By the first line that says something."""
    if name.endswith((".csv", ".tsv", ".parquet")):
        return False
    lines = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("#"):
        return any(line.lower().startswith("#fields:") for line in lines[:20])
    if len(first) > _LONGEST_LINE:
        return False
    hit, _ = _hit(first, ())
    if hit is None or not first.startswith("{"):
        return hit is not None
    return "path" in hit and bool(hit.get("method")) and bool(hit["path"])


CONNECTOR = Connector(
    kind="web_logs",
    label="Logs of web servers: page views without persons",
    required=("occurred_at", "path"),
    optional=(
        *("host", "referrer", "utm_source", "utm_medium", "device", "line"),
        *PLACE_FIELDS,
    ),
    read=read_view,
    records=read_records,
    recognises=recognises,
    suffixes=(".log",),
)
