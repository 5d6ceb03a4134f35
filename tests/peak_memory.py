"""How much memory a process of its own took at most."""

from __future__ import annotations

from pathlib import Path

#: A program's last line: writes its own peak in kB. `getrusage` would say the peak of the test
#: process that started it, which a process keeps through `exec`.
WRITE_PEAK = (
    "import pathlib\n"
    "said = pathlib.Path('/proc/self/status').read_text()\n"
    "pathlib.Path({path!r}).write_text(said.partition('VmHWM:')[2].split()[0])\n"
)


def write_peak(path: Path) -> str:
    """The lines that write the peak of the process that runs them."""
    return WRITE_PEAK.format(path=str(path))


def peak_mb(path: Path) -> float:
    """What was written there."""
    return int(path.read_text()) / 1024
