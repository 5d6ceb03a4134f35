"""The kinds of sources that can be connected, each once, and how far each has been tested.

A product counts once, however many ways lead to it: Zendesk's export and Zendesk's API are two ways
to one source. Nothing is written down here that a register of its own says already: kinds of files,
protocols and manifests are asked of theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.manifest import MANIFESTS, find_manifest
from rapport.collect.protocols import protocols

How = Literal[
    "file", "sdk", "protocol", "tracker", "database", "storage", "service", "mailbox", "tap"
]
#: From the strongest to the weakest.
#:
#: - live-tested: a test goes the whole way with the real thing: the maker's own library against a
#:   running server, a running database or storage, or a file of an open format or a plain table.
#: - contract-tested: a test holds it to what its maker documents, recorded or written as a sample.
#: - dialect-compiled: a test compiles the very statements that would be asked; none were run.
Tier = Literal["live-tested", "contract-tested", "dialect-compiled"]
TIERS: tuple[Tier, ...] = get_args(Tier)


class Way(Struct, frozen=True):
    """One way to a source's data.

    Attributes
    ----------
    name : str
        In the register of its kind: a kind of file, a manifest, a dialect, a storage …
    """

    how: How
    name: str
    tier: Tier


class DataSource(Struct, frozen=True, kw_only=True):
    """A kind of source: a product, or a format or protocol that many products share."""

    key: str
    label: str
    category: str
    ways: tuple[Way, ...]

    @property
    def tier(self) -> Tier:
        """That of its best way."""
        return min((way.tier for way in self.ways), key=TIERS.index)


class Dialect(Struct, frozen=True):
    """A database that SQLAlchemy speaks.

    Attributes
    ----------
    name : str
        At the beginning of its URLs.
    package : str
        That brings the dialect; empty for SQLAlchemy's own.
    """

    name: str
    label: str
    package: str = ""


DIALECTS = (
    Dialect("clickhousedb", "ClickHouse", "clickhouse-connect"),
    Dialect("cockroachdb", "CockroachDB", "sqlalchemy-cockroachdb"),
    Dialect("cubrid", "CUBRID", "sqlalchemy-cubrid"),
    Dialect("db2", "IBM Db2", "ibm_db_sa"),
    Dialect("dremio.flight", "Dremio", "sqlalchemy-dremio"),
    Dialect("drill", "Apache Drill", "sqlalchemy-drill"),
    Dialect("duckdb", "DuckDB", "duckdbalchemy"),
    Dialect("impala", "Apache Impala", "impyla"),
    Dialect("iris", "InterSystems IRIS", "sqlalchemy-iris"),
    Dialect("mariadb", "MariaDB"),
    Dialect("mssql", "Microsoft SQL Server"),
    Dialect("mysql", "MySQL"),
    Dialect("oracle", "Oracle Database"),
    Dialect("postgresql", "PostgreSQL"),
    Dialect("pydoris", "Apache Doris", "pydoris"),
    Dialect("redshift", "Amazon Redshift", "sqlalchemy-redshift"),
    Dialect("risingwave", "RisingWave", "sqlalchemy-risingwave"),
    Dialect("singlestoredb", "SingleStore", "sqlalchemy-singlestoredb"),
    Dialect("sqlite", "SQLite"),
    Dialect("trino", "Trino", "trino"),
)
#: Those that tests read tables from.
LIVE_DATABASES = ("mariadb", "postgresql", "sqlite")

#: Storages that tests fetch files from, by fsspec's names. An archive is no place of its own, only
#: a way in which files lie in one: it counts with the folder.
LIVE_STORAGES = {
    "file": ("folder", "Folder of this machine, also in archives (ZIP, TAR)"),
    "ftp": ("ftp", "FTP server"),
    "http": ("http", "Web server"),
    "s3": ("s3", "Amazon S3 and storages that speak its protocol"),
    "tar": ("folder", "Folder of this machine, also in archives (ZIP, TAR)"),
    "webdav": ("webdav", "WebDAV server, such as Nextcloud"),
    "zip": ("folder", "Folder of this machine, also in archives (ZIP, TAR)"),
}

#: Makers' libraries that tests drive unchanged against a running server, and whose they are.
SDKS = {
    "@rudderstack/analytics-js": "rudderstack",
    "@rudderstack/rudder-sdk-node": "rudderstack",
    "@segment/analytics-next": "segment",
    "@segment/analytics-node": "segment",
    "analytics-node": "segment",
    "analytics-python": "segment",
    "rudder-sdk-python": "rudderstack",
    "segment-analytics-python": "segment",
}
#: Protocols that the makers' own libraries were driven against.
LIVE_PROTOCOLS = ("cloudevents", "posthog", "snowplow", "webhook")

#: Kinds of files that are one product's export → key of the product, its label, its category. Their
#: samples are written after its documentation. All other kinds are open formats or plain tables.
_PRODUCTS = {
    "asterisk_cdr": ("asterisk", "Asterisk and FreeSWITCH", "phone"),
    "formbricks": ("formbricks", "Formbricks", "surveys"),
    "freshdesk": ("freshdesk", "Freshdesk", "support"),
    "ga4_export": ("ga4", "Google Analytics 4", "analytics"),
    "google_reviews": ("google_reviews", "Google Business reviews", "reviews"),
    "intercom": ("intercom", "Intercom", "support"),
    "limesurvey": ("limesurvey", "LimeSurvey", "surveys"),
    "qualtrics": ("qualtrics", "Qualtrics", "surveys"),
    "surveymonkey": ("surveymonkey", "SurveyMonkey", "surveys"),
    "trustpilot": ("trustpilot", "Trustpilot", "reviews"),
    "typeform": ("typeform", "Typeform", "surveys"),
    "whatsapp": ("whatsapp", "WhatsApp", "chat"),
    "zendesk": ("zendesk", "Zendesk", "support"),
}
#: Kinds of files that belong to a source that has other ways too.
_SAME = {"email": "email", "segment": "segment"}
#: Services that sign their webhooks in a way of their own.
_SIGNING = ("formbricks", "typeform")


def _by_files() -> Iterator[DataSource]:
    for kind in KINDS:
        if kind in _PRODUCTS:
            key, label, category = _PRODUCTS[kind]
            way = Way("file", kind, "contract-tested")
        else:
            key, label, category = _SAME.get(kind, kind), connector_of(kind).label, "files"
            way = Way("file", kind, "live-tested")
        yield DataSource(key=key, label=label, category=category, ways=(way,))


def _by_events() -> Iterator[DataSource]:
    yield DataSource(
        key="rapport.js", label="Rapport's own tracker for web sites", category="analytics",
        ways=(Way("tracker", "rapport.js", "live-tested"),),
    )  # fmt: skip
    labels = {"rudderstack": "RudderStack", "segment": "Segment"}
    for name, maker in SDKS.items():
        yield DataSource(
            key=maker, label=labels[maker], category="analytics",
            ways=(Way("sdk", name, "live-tested"),),
        )  # fmt: skip
    for protocol in protocols():
        tier: Tier = "live-tested" if protocol.name in LIVE_PROTOCOLS else "contract-tested"
        yield DataSource(
            key=protocol.name, label=protocol.label, category="analytics",
            ways=(Way("protocol", protocol.name, tier),),
        )  # fmt: skip
    for name in _SIGNING:
        yield DataSource(
            key=name, label=_PRODUCTS[name][1], category=_PRODUCTS[name][2],
            ways=(Way("protocol", f"webhook ({name})", "contract-tested"),),
        )  # fmt: skip


def _by_fetching() -> Iterator[DataSource]:
    for name in MANIFESTS:
        manifest = find_manifest(name)
        yield DataSource(
            key=name, label=manifest.label, category=manifest.category,
            ways=(Way("service", name, "contract-tested"),),
        )  # fmt: skip
    for dialect in DIALECTS:
        tier: Tier = "live-tested" if dialect.name in LIVE_DATABASES else "dialect-compiled"
        yield DataSource(
            key=dialect.name, label=dialect.label, category="databases",
            ways=(Way("database", dialect.name, tier),),
        )  # fmt: skip
    for name, (key, label) in LIVE_STORAGES.items():
        yield DataSource(
            key=key, label=label, category="storages",
            ways=(Way("storage", name, "live-tested"),),
        )  # fmt: skip
    yield DataSource(
        key="email", label="E-mail", category="mail",
        ways=(Way("mailbox", "imap", "live-tested"),),
    )  # fmt: skip
    yield DataSource(
        key="singer", label="Singer taps", category="taps",
        ways=(Way("tap", "singer", "contract-tested"),),
    )  # fmt: skip


@cache
def data_sources() -> tuple[DataSource, ...]:
    """Every kind of source once, by category and label."""
    found: dict[str, DataSource] = {}
    # The first to name a product says how it is called: the product's own name before a format's.
    for each in (*_by_fetching(), *_by_events(), *_by_files()):
        known = found.get(each.key)
        found[each.key] = each if known is None else replace(known, ways=known.ways + each.ways)
    return tuple(sorted(found.values(), key=lambda each: (each.category, each.label.casefold())))


def count_by_tier() -> dict[Tier, int]:
    """How many kinds of sources there are of each tier, from the strongest to the weakest."""
    counts = Counter(each.tier for each in data_sources())
    return {tier: counts[tier] for tier in TIERS}
