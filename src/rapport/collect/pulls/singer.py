"""A user's Singer tap: its own process, its records as JSON lines, its state kept for next time.

The tap's protocol: https://hub.meltano.com/singer/spec/
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from rapport.collect.pulls.fetched import Fetched
from rapport.collect.pulls.plan import SingerPull
from rapport.errors import InvalidInput

_LONGEST_LINE = 16_000_000


class _Message(msgspec.Struct):
    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw(b"null")
    value: Any = None


_decode = msgspec.json.Decoder(_Message).decode


def fetch_singer(pull: SingerPull, folder: Path, state: Any) -> Fetched:
    """The stream's records as the tap gives them; only after its last line is a visit whole.

    Raises
    ------
    InvalidInput
        If the tap cannot be started, ends with an error, or says what is no Singer message.
    """
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    config = _write(folder / "config.json", pull.config)
    try:
        target = out / "records.jsonl.partial"
        read = _run(pull, folder, config, state, target)
    finally:
        config.unlink()  # it holds the secrets
    if read.count:
        target.rename(_unused(out))
    else:
        target.unlink()
    files = tuple(map(str, sorted(out.glob("*.jsonl"))))
    return Fetched(files=files, records=read.count, columns=tuple(read.names), state=read.state)


class _Read(msgspec.Struct):
    """What a tap said."""

    state: Any
    names: dict[str, None] = {}
    count: int = 0


def _run(pull: SingerPull, folder: Path, config: Path, state: Any, target: Path) -> _Read:
    catalog = Path(pull.catalog) if pull.catalog else _discovered(pull, folder, config)
    options = ["--config", str(config), "--catalog", str(catalog)]
    if state is not None:
        options += ["--state", str(_write(folder / "state.json", state))]
    read = _Read(state=state)
    # What a tap says on its error output may hold records; it is not kept.
    with _started([*pull.command, *options]) as tap, target.open("wb") as output:
        assert tap.stdout is not None  # noqa: S101  # a pipe was asked for
        while line := tap.stdout.readline(_LONGEST_LINE + 1):
            if not line.strip():
                continue
            try:
                message = _message(line)
            except InvalidInput:
                tap.kill()  # it may have no end, and be waited for
                raise
            if message.type == "RECORD" and message.stream == pull.stream:
                output.write(bytes(message.record).replace(b"\n", b" ") + b"\n")
                read.count += 1
                if read.count <= 1000:
                    read.names.update(dict.fromkeys(msgspec.json.decode(message.record)))
            elif message.type == "STATE":
                read.state = message.value
    if tap.returncode:
        raise InvalidInput(f"The tap ended with exit code {tap.returncode}; run it by hand to see")
    return read


def _message(line: bytes) -> _Message:
    if len(line) > _LONGEST_LINE:
        raise InvalidInput(
            f"The tap said a line of more than {_LONGEST_LINE} bytes; leave out its large fields"
        )
    try:
        message = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "The tap said a line that is no Singer message; run it by hand to see"
        ) from error
    if message.type == "RECORD" and memoryview(message.record)[0] != 0x7B:
        raise InvalidInput("The tap sent a record that is no object; run it by hand to see")
    return message


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        raise InvalidInput(f"The tap {command[0]} cannot be started: {error.strerror}") from error


def _discovered(pull: SingerPull, folder: Path, config: Path) -> Path:
    """The tap's own catalog with only our stream selected."""
    with _started([*pull.command, "--config", str(config), "--discover"]) as tap:
        said, _ = tap.communicate()
    try:
        catalog = msgspec.json.decode(said)
        streams = catalog["streams"]
        names = [stream.get("tap_stream_id") or stream["stream"] for stream in streams]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("The tap's discovery gave no catalog; name one by `catalog`") from error
    if pull.stream not in names:
        raise InvalidInput(f"The tap has no stream {pull.stream!r}: {', '.join(names)}")
    for name, stream in zip(names, streams, strict=True):
        chosen = name == pull.stream
        stream["selected"] = chosen
        metadata = stream.setdefault("metadata", [])
        whole = next((m for m in metadata if m.get("breadcrumb") == []), None)
        if whole is None:
            metadata.append({"breadcrumb": [], "metadata": {"selected": chosen}})
        else:
            whole.setdefault("metadata", {})["selected"] = chosen
    return _write(folder / "catalog.json", catalog)


def _write(path: Path, document: Any) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(document))
    return path


def _unused(out: Path) -> Path:
    number = 1
    while (path := out / f"records-{number:06}.jsonl").exists():
        number += 1
    return path
