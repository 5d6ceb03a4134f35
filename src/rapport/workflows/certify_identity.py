"""How well matching finds who is who: ours and its peers on records whose persons are known."""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from msgspec import Struct

from rapport.errors import InvalidInput, NotFound, RapportError, where_it_failed
from rapport.unify.matching.measures import (
    Agreement,
    CalibrationBin,
    agreement,
    agreement_by,
    calibration,
    calibration_gap,
    clusters_across,
)
from rapport.workflows.company import Company
from rapport.workflows.identity_cases import HardCases, hard_cases, match_known, what_is_said
from rapport.workflows.identity_peers import (
    Found,
    match_exactly,
    match_with_recordlinkage,
    match_with_splink,
)
from rapport.workflows.identity_same_levels import match_with_splinks_weights
from rapport.workflows.identity_sets import (
    COMPANIES,
    DEMO,
    FILES,
    UNKNOWN,
    WITHOUT_ID,
    LabelledSet,
    known_sets,
    read_companies,
    read_demo,
    read_known_set,
    read_labelled_file,
)

_log = logging.getLogger(__name__)

#: Of "95 % sure" merges the issue asks that 93 to 97 % are right; this bin holds them.
SURE = 0.93, 0.97


class Method(Struct, frozen=True, kw_only=True):
    """One way to find who is who; `needs` is the package that it cannot run without."""

    name: str
    run: Callable[[LabelledSet], Found]
    needs: str = ""


def match_with_rapport(records: LabelledSet) -> Found:
    """Our own matching as a company has it: weights of these very records, unless they are few."""
    matched = match_known(records)
    return Found(
        labels=matched.labels,
        pairs=what_is_said(matched),
        note=f"{matched.n_pairs / max(records.records, 1):.1f} pairs compared a record",
    )


#: Ours first, then what it is held against.
METHODS = (
    Method(name="rapport", run=match_with_rapport),
    Method(name="splink", run=match_with_splink, needs="splink"),
    Method(name="splink on our levels", run=match_with_splinks_weights, needs="splink"),
    Method(name="recordlinkage", run=match_with_recordlinkage, needs="recordlinkage"),
    Method(name="equal values", run=match_exactly),
)


def methods_called(names: Sequence[str]) -> tuple[Method, ...]:
    """Methods by their names; all of them for none.

    Raises
    ------
    InvalidInput
        If there is no such method.
    """
    known = {method.name: method for method in METHODS}
    if wrong := [name for name in names if name not in known]:
        raise InvalidInput(f"There is no method {wrong[0]!r}; there are: {', '.join(known)}")
    return tuple(method for method in METHODS if not names or method.name in names)


class Measured(Struct, frozen=True, kw_only=True):
    """One method on one set; `note` says why there are no figures, or what to know of them.

    Attributes
    ----------
    data_set, method : str
    records : int
        All of the set; those of unknown persons are matched and not judged.
    agreement : Agreement, optional
    by_slice : dict
        Language or country → the same among its records alone.
    households_joined : int, optional
        Clusters that hold people of more than one household, or businesses of more than one owner.
    seconds : float
        By the clock, without starting the process and reading the file.
    peak_mb : float
        Most memory of the method's own process, Python and the records included.
    said : tuple of CalibrationBin
        Of pairs said to be one person's, the share that are. Empty: it says no probabilities.
    said_joined, said_apart : tuple of CalibrationBin
        The same of those that were joined, and of those that were not.
    calibration_gap : float, optional
        Mean distance of said and right.
    """

    data_set: str
    method: str
    records: int
    agreement: Agreement | None = None
    by_slice: dict[str, Agreement] = {}
    households_joined: int | None = None
    seconds: float | None = None
    peak_mb: float | None = None
    said: tuple[CalibrationBin, ...] = ()
    said_joined: tuple[CalibrationBin, ...] = ()
    said_apart: tuple[CalibrationBin, ...] = ()
    calibration_gap: float | None = None
    note: str = ""

    @property
    def sure(self) -> CalibrationBin | None:
        """The pairs said to be about 95 % sure, where there are any."""
        return _sure(self.said)

    @property
    def sure_joined(self) -> CalibrationBin | None:
        """Of these, the ones that were joined."""
        return _sure(self.said_joined)

    @property
    def sure_apart(self) -> CalibrationBin | None:
        """Of these, the ones that were left to a person."""
        return _sure(self.said_apart)


def _sure(bins: tuple[CalibrationBin, ...]) -> CalibrationBin | None:
    return next((b for b in bins if (b.low, b.high) == SURE and b.pairs), None)


class IdentityCertificate(Struct, frozen=True, kw_only=True):
    """Every method on every set, and each set's hard cases where they were asked for."""

    rows: tuple[Measured, ...]
    cases: tuple[HardCases, ...] = ()


class Ran(Struct, frozen=True, kw_only=True):
    """What a method found, and what it cost; `failed` instead, where it did not end well."""

    found: Found | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    failed: str = ""


Runner = Callable[[Method, LabelledSet], Ran]


def certify_identity(
    sets: Iterable[LabelledSet],
    *,
    methods: Sequence[Method] = METHODS,
    run: Runner | None = None,
    explain: bool = False,
    progress: Callable[[Measured], None] = lambda _: None,
) -> IdentityCertificate:
    """Measure methods on sets of records whose persons are known.

    Parameters
    ----------
    sets : iterable of LabelledSet
    methods : sequence of Method
    run : callable, optional
        How a method is run; by default each in a process of its own, so that seconds and memory
        are its own.
    explain : bool
        Whether our own matching's hard cases are explained, whatever methods are measured.
    progress : callable
        Told of each figure as it is there.
    """
    runner = run or run_apart
    rows: list[Measured] = []
    cases: list[HardCases] = []
    for records in sets:
        for method in methods:
            measured = measure(records, method.name, _ran(runner, method, records))
            progress(measured)
            rows.append(measured)
        if explain:
            cases.append(hard_cases(records))
    return IdentityCertificate(rows=tuple(rows), cases=tuple(cases))


def measure(records: LabelledSet, method: str, ran: Ran) -> Measured:
    """A method's answer beside the truth."""
    if ran.found is None:
        return Measured(
            data_set=records.name, method=method, records=records.records, note=ran.failed
        )
    found = ran.found
    known = records.truth != UNKNOWN
    labels, truth = found.labels[known], records.truth[known]
    slices = None if records.slices is None else np.array(records.slices.to_pylist(), dtype=object)
    said, said_joined, said_apart = _calibrations(found, records)
    return Measured(
        data_set=records.name,
        method=method,
        records=records.records,
        agreement=agreement(labels, truth),
        by_slice={} if slices is None else agreement_by(labels, truth, slices[known]),
        households_joined=_households_joined(found, records),
        seconds=ran.seconds,
        peak_mb=ran.peak_mb,
        said=said,
        said_joined=said_joined,
        said_apart=said_apart,
        calibration_gap=calibration_gap(said),
        note=found.note,
    )


def _households_joined(found: Found, records: LabelledSet) -> int | None:
    if records.households is None:
        return None
    housed = records.households != UNKNOWN
    return clusters_across(found.labels[housed], records.households[housed])


_Bins = tuple[CalibrationBin, ...]


def _calibrations(found: Found, records: LabelledSet) -> tuple[_Bins, _Bins, _Bins]:
    """Of all pairs, of those joined and of those left apart."""
    if found.pairs is None:
        return (), (), ()
    pairs = found.pairs
    left, right = records.truth[pairs.left], records.truth[pairs.right]
    known = (left != UNKNOWN) & (right != UNKNOWN)
    joined = found.labels[pairs.left] == found.labels[pairs.right]
    every, merged, apart = (
        calibration(pairs.probability[of], (left == right)[of])
        for of in (known, known & joined, known & ~joined)
    )
    return every, merged, apart


# ── which sets are asked for ───────────────────────────────────────────────────────────────────


def sets_asked(
    asked: Sequence[str],
    *,
    folder: Path,
    demo: Callable[[], AbstractContextManager[Company]] | None = None,
    truth: str = "",
    columns: Sequence[str] = (),
    id_column: str = "",
) -> Iterable[LabelledSet]:
    """The sets that names, files and folders stand for, read one by one.

    Parameters
    ----------
    asked : sequence of str
        Names of public sets, ``demo``, ``companies``, files and folders; none: all public sets in
        ``folder``, the demo company where there is one, and ``companies``.
    folder : Path
        Where public sets lie.
    demo : callable, optional
        Opens the demo company.
    truth, id_column : str
        Of files, as `read_labelled_file` takes them.
    columns : sequence of str
        Of files too, as ``stated=column``.

    Raises
    ------
    NotFound
        If a name is neither a set nor a file.
    InvalidInput
        If columns are named without a file, or not in pairs.
    """
    named = dict(_named(pair) for pair in columns)
    names: list[str | Path] = []
    for name in asked or (*known_sets(folder), *([DEMO] if demo else []), COMPANIES):
        path = Path(name)
        if name in {DEMO, COMPANIES} or name.removesuffix(WITHOUT_ID) in FILES:
            names.append(name)
        elif path.is_dir():
            names += [path / known for known in known_sets(path)]
        else:
            names.append(path if path.is_file() else name)
    files = [name for name in names if isinstance(name, Path) and name.is_file()]
    if (truth or columns or id_column) and not files:
        raise InvalidInput("--truth, --map and --id speak of a file's columns; name the file")
    for asked_for in names:
        name = str(asked_for)
        if asked_for in files:
            path = Path(name)
            yield read_labelled_file(path, truth=truth, columns=named, id_column=id_column)
        elif isinstance(asked_for, Path):
            yield read_known_set(asked_for.name, asked_for.parent)
        elif name == DEMO:
            if demo is None:
                raise NotFound("There is no demo company: make it with `rapport demo`")
            with demo() as company:
                read = read_demo(company)
            yield read
        elif name == COMPANIES:
            yield read_companies()
        elif name.removesuffix(WITHOUT_ID) in FILES:
            yield read_known_set(name, folder)
        else:
            raise NotFound(
                f"There is no file and no data set {name!r}; sets: "
                f"{', '.join((*FILES, DEMO, COMPANIES))}"
            )


def _named(pair: str) -> tuple[str, str]:
    stated, sign, column = pair.partition("=")
    if not (stated and sign and column):
        raise InvalidInput(f"--map {pair!r} is no pair; write --map last_name=COLUMN")
    return stated.strip(), column.strip()


# ── running a method ───────────────────────────────────────────────────────────────────────────


def _ran(run: Runner, method: Method, records: LabelledSet) -> Ran:
    if method.needs and not _installed(method.needs):
        return Ran(failed=f"not run: {method.needs} is not installed (pip install {method.needs})")
    return run(method, records)


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run_here(method: Method, records: LabelledSet) -> Ran:
    """Run a method in this process; its memory is then the process's."""
    started = time.perf_counter()
    try:
        found = method.run(records)
    except RapportError as error:
        return Ran(failed=f"not run: {error.message}")
    return Ran(found=found, seconds=time.perf_counter() - started, peak_mb=_peak_mb())


def run_apart(method: Method, records: LabelledSet) -> Ran:
    """Run a method in a new process, which ends with it; a peer's failure is an answer too."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, method, records))
    process.start()
    theirs.close()
    try:
        ran: Ran = ours.recv()
    except EOFError:
        process.join()
        return Ran(failed=f"its process ended with code {process.exitcode}, for want of memory?")
    process.join()
    return ran


def _answer(to: Connection, method: Method, records: LabelledSet) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # DuckDB draws its progress into our output
    try:
        ran = run_here(method, records)
    except Exception as error:
        # Whatever a peer raises on records it was not made for must not end the comparison.
        ran = Ran(failed=f"failed with {type(error).__name__}")
        _log.warning("%s on %s: %s", method.name, records.name, where_it_failed(error))
    to.send(ran)


def _peak_mb() -> float:
    """Most memory of this process. Linux keeps a parent's peak in `getrusage` across `exec`."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    scale = 1024 if sys.platform != "darwin" else 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
