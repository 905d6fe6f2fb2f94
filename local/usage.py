"""What the processes of a component have used, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.process import Process

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
_MIB = 2**20


@dataclass(frozen=True)
class Usage:
    """One process and what it has used since its start; the CPU time of its children counts once they have ended."""

    command: str
    cpu_seconds: float
    resident_bytes: int
    peak_resident_bytes: int


def of_group(group: int) -> list[Usage]:
    """The living processes of a process group."""
    found = (_of_process(folder, group) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [usage for usage in found if usage is not None]


def _of_process(folder: Path, group: int) -> Usage | None:
    try:
        fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        if int(fields[2]) != group:
            return None
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        peak = [line.split()[1] for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM:")]
    except OSError:  # it has just ended
        return None
    # proc(5): utime, stime and those of the children that were waited for, then rss, counted from the state on.
    return Usage(command, sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE, int(peak[0]) * 1024 if peak else 0)


def as_table(components: Iterable[Process]) -> str:
    """A row for each component, which adds up its processes, and one for each executor of a job."""
    rows = [("program", "CPU seconds", "peak resident")]
    for component in components:
        used = of_group(component.pid)
        executors = [usage for usage in used if _EXECUTOR in usage.command]
        rows.append(_row(component.name, [usage for usage in used if usage not in executors]))
        rows.extend(_row(f"{component.name}, executor {number}", [executor]) for number, executor in enumerate(executors, 1))
    wide = max(len(name) for name, _, _ in rows)
    return "\n".join(f"  {name:{wide}}  {cpu:>11}  {peak:>13}" for name, cpu, peak in rows)


def _row(name: str, used: list[Usage]) -> tuple[str, str, str]:
    return name, f"{sum(usage.cpu_seconds for usage in used):.1f}", f"{sum(usage.peak_resident_bytes for usage in used) / _MIB:,.0f} MiB"
