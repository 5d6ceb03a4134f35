"""Databases and web services, read by dlt; runs in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from rapport.collect.cell_values import read_moment
from rapport.collect.manifest import SECONDS, Cursor, Manifest, find_manifest
from rapport.collect.pulls.fetched import Fetched
from rapport.collect.pulls.paginators import paginator_of
from rapport.collect.pulls.plan import RestPull, SqlPull
from rapport.errors import MissingExtra

#: A record of a web service stays one JSON text: how it is read is the mapping's matter.
_RECORD = "record"


def _dlt(folder: Path) -> Any:
    """The library, told to keep to its folder, to call nobody, and to say nothing of what it read.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    os.environ.update(
        {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
            "DLT_DATA_DIR": str(folder / "dlt"),
            "DLT_LOCAL_DIR": str(folder / "dlt"),
            "DLT_PROJECT_DIR": str(folder / "dlt"),
            "SCHEMA__NAMING": "direct",  # columns keep the names that the mapping knows
        }
    )
    (folder / "dlt").mkdir(parents=True, exist_ok=True)
    os.chdir(folder / "dlt")
    try:
        import dlt  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra("Fetching from databases and services", "connectors") from error
    return dlt


def _load(dlt: Any, folder: Path, resource: Any, table: str) -> list[Path]:
    """Run the resource into Parquet files; also those that an interrupted visit left behind."""
    pipeline = dlt.pipeline(
        "pull",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.filesystem((folder / "out").as_uri()),
        dataset_name="rows",
    )
    if pipeline.has_pending_data:  # of a visit that was stopped: dlt would pass the new by
        pipeline.normalize()
        pipeline.load()
    pipeline.run(
        resource, table_name=table, write_disposition="append", loader_file_format="parquet"
    )
    return sorted((folder / "out" / "rows" / table).glob("*.parquet"))


def _last(change: Callable[[Any], Any]) -> Any:
    """A step behind dlt's own cursor, which must see records as they came."""
    from dlt.extract.items_transform import MapItem  # noqa: PLC0415

    class Last(MapItem):
        placement_affinity = 1.05  # dlt's cursor has 1

    return Last(change)


def fetch_sql(pull: SqlPull, folder: Path) -> Fetched:
    """The rows of a table that are new since the last visit, as Parquet."""
    dlt = _dlt(folder)
    from dlt.sources.sql_database import sql_table  # noqa: PLC0415

    from rapport.collect.pulls.databases import readable, told_type, with_driver  # noqa: PLC0415

    url = with_driver(pull.url)
    cursor = None
    if pull.cursor:
        # Rows whose cursor is empty come at each visit: what is known of them is kept once.
        cursor = dlt.sources.incremental(pull.cursor, on_cursor_value_missing="include")
    resource = sql_table(
        url,
        table=pull.table,
        schema=pull.schema,
        incremental=cursor,
        backend="pyarrow",
        chunk_size=pull.chunk_rows,
        detect_precision_hints=True,
        table_adapter_callback=readable(url, pull.cursor),
        type_adapter_callback=told_type,
    )
    files = _load(dlt, folder, resource, "rows")
    names: dict[str, None] = {}
    count = 0
    for path in files:
        with pq.ParquetFile(path) as file:
            names.update(dict.fromkeys(file.schema_arrow.names))
            count += file.metadata.num_rows
    columns = tuple(name for name in names if not name.startswith("_dlt"))
    return Fetched(files=tuple(map(str, files)), records=count, columns=columns)


def fetch_rest(pull: RestPull, folder: Path) -> Fetched:
    """The records of a service's stream that are new since the last visit, as JSON lines."""
    dlt = _dlt(folder)
    from dlt.sources.rest_api import rest_api_resources  # noqa: PLC0415

    manifest = find_manifest(pull.manifest)
    said = {
        name: pull.settings.get(name) or asked.default or ""
        for name, asked in manifest.settings.items()
    }
    config: Any = rest_config(manifest, pull.stream, said, since=pull.since)
    (resource,) = rest_api_resources(config)
    resource.max_table_nesting = 0
    pack = _last(lambda record: {_RECORD: msgspec.json.encode(record).decode()})
    files = _load(dlt, folder, resource.add_step(pack), pull.stream)
    names: dict[str, None] = {}
    count = 0
    lines: list[str] = []
    for path in files:
        target = path.with_suffix(".jsonl")
        with target.open("wb") as output:
            for line in _records_of(path):
                output.write(line + b"\n")
                count += 1
                if count <= 1000:
                    names.update(dict.fromkeys(_names(msgspec.json.decode(line))))
        lines.append(str(target))
        path.unlink()
    left = sorted((folder / "out" / "rows" / pull.stream).glob("*.jsonl"))
    return Fetched(files=tuple(map(str, left)), records=count, columns=tuple(names))


def _records_of(path: Path) -> Iterator[bytes]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=[_RECORD]):
            for text in batch.column(0).to_pylist():
                yield text.encode()


def _names(record: Any, prefix: str = "") -> Iterator[str]:
    if not isinstance(record, dict):
        return
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def rest_config(
    manifest: Manifest, name: str, settings: dict[str, str], *, since: str | None = None
) -> dict[str, Any]:
    """What dlt's REST source is told for one stream."""
    stream = manifest.stream(name)
    endpoint: dict[str, Any] = {
        "path": _filled(stream.path, settings),
        "method": stream.method,
        "params": _filled(stream.params, settings),
        "data_selector": stream.records,
    }
    if stream.json is not None:
        endpoint["json"] = _filled(stream.json, settings)
    if stream.headers:
        endpoint["headers"] = _filled(stream.headers, settings)
    if stream.ended_by is not None:
        ends = (stream.ended_by,) if isinstance(stream.ended_by, int) else stream.ended_by
        endpoint["response_actions"] = [
            {"status_code": status, "action": "ignore"} for status in ends
        ]
    if stream.cursor is not None:
        endpoint = _with_cursor(endpoint, stream.cursor, since)
    endpoint["paginator"] = paginator_of(_filled(stream.paginator or manifest.paginator, settings))
    resource: dict[str, Any] = {"name": name, "endpoint": endpoint}
    client: dict[str, Any] = {
        "base_url": _filled(manifest.base_url, settings),
        "headers": _filled(manifest.headers, settings),
    }
    if manifest.auth:
        client["auth"] = _auth(_filled(manifest.auth, settings))
    return {"client": client, "resources": [resource]}


def _auth(said: dict[str, Any]) -> Any:
    """What dlt is told of how to sign in; its own OAuth knows no basic authentication."""
    if said.get("type") != "oauth2_token":
        return said
    from dlt.common.configuration import configspec  # noqa: PLC0415
    from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials  # noqa: PLC0415

    # dlt looks in its own settings for what is None.
    options = {"client_id": "", "client_secret": "", **said}
    del options["type"]
    scheme = options.pop("scheme", "Bearer")

    @configspec(init=False)
    class Token(OAuth2ClientCredentials):
        def __call__(self, request: Any) -> Any:
            signed = super().__call__(request)
            signed.headers["Authorization"] = f"{scheme} {self.access_token}"
            return signed

        def build_access_token_request(self) -> dict[str, Any]:
            asked: dict[str, Any] = {"data": self.access_token_request_data}
            if self.client_id:
                asked["auth"] = (self.client_id, self.client_secret)
            return asked

    return Token(**options)


def _with_cursor(endpoint: dict[str, Any], cursor: Cursor, since: str | None) -> dict[str, Any]:
    endpoint = _filled(endpoint, {"cursor": _ASKED})
    if cursor.param is not None:
        asked = cursor.template.replace("{value}", _ASKED)
        endpoint["params"] = {**endpoint["params"], cursor.param: asked}
    incremental: dict[str, Any] = {
        "cursor_path": cursor.path,
        "initial_value": _beginning(cursor, since),
        "on_cursor_value_missing": "include",
        "last_value_func": _latest,
    }
    if cursor.lag_days:
        # Only dlt's own order of values looks back.
        is_milliseconds = isinstance(cursor.start, int) and cursor.start > _MILLISECONDS
        seconds = cursor.lag_days * 86_400
        incremental["lag"] = seconds * 1000 if is_milliseconds else seconds
        incremental["last_value_func"] = max
    if (written := cursor.format) is not None:
        incremental["convert"] = lambda value: _as_asked(read_moment(value), written)
    return {**endpoint, "incremental": incremental}


def _as_asked(moment: datetime, written: str) -> str:
    # `strftime` knows seconds since 1970 on some systems only, and there in the local zone.
    return str(int(moment.timestamp())) if written == SECONDS else moment.strftime(written)


#: dlt's name of the value to begin with; it is put in when the request is made.
_ASKED = "{incremental.start_value}"


def _beginning(cursor: Cursor, since: str | None) -> str | int:
    """Where the first visit begins, as the service's records write moments."""
    if since is None:
        return cursor.start
    if isinstance(cursor.start, int):
        if since.isdecimal():
            return int(since)
        seconds = int(read_moment(since).timestamp())
        return seconds * 1000 if cursor.start > _MILLISECONDS else seconds
    if cursor.start.startswith("/Date(") and not since.startswith("/"):
        return f"/Date({int(read_moment(since).timestamp() * 1000)})/"
    return since


#: Larger numbers count milliseconds, as `read_moment` has it.
_MILLISECONDS = 10**11


def _latest(values: Sequence[Any]) -> Any:
    """The newest of some cursors.

    Texts are compared as moments where they are: a service may tell one hour twice, in summer
    time and in winter time.
    """
    return max((value for value in values if value is not None), key=_place_in_time)


def _place_in_time(value: Any) -> tuple[int, Any]:
    if not isinstance(value, str):
        return (0, value)
    try:
        return (1, read_moment(value).timestamp())
    except ValueError:
        return (2, value)


def _filled(part: Any, settings: dict[str, str]) -> Any:
    """``{name}`` replaced by the setting, everywhere in a document; other braces stay."""
    if isinstance(part, str):
        for name, value in settings.items():
            part = part.replace("{" + name + "}", value)
        return part
    if isinstance(part, dict):
        return {key: _filled(value, settings) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, settings) for value in part]
    return part
