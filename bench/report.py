"""Turns measurements into tables."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections import defaultdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from local import fetch

DOCUMENTATION = fetch.REPOSITORY / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- measured: npm run bench -- --write -->", "<!-- /measured -->"
BACKLOG = 45_000_000  # records behind after the outage that this project began with

# name → (what it is, what its rate is a share of)
ROWS = {
    "noop": ("Kafka → nothing (the limit)", None),
    "raw-copy": ("Kafka → Parquet, unparsed", "noop"),
    "streaming": ("streaming job: bronze, silver, quarantine", "noop"),
    "naive-streaming": ("naive streaming job: bronze, silver", "noop"),
    "noop-scan": ("silver → nothing (the limit)", None),
    "gold-spark": ("gold job, engine spark", "noop-scan"),
    "gold-clickhouse": ("gold job, engine clickhouse", "noop-scan"),
    "naive-gold": ("naive gold job, results thrown away", "noop-scan"),
}
_TWINS = {"streaming": "naive-streaming", "gold-spark": "naive-gold", "gold-clickhouse": "naive-gold"}


class Measurement(NamedTuple):
    """One job, measured once."""

    name: str
    round: int
    events: int
    seconds: float
    memory_mib: float
    """The largest resident memory of the job's processes together."""

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds


def machine() -> str:
    """Where and when it was measured, on which versions."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    # Each part's own pin: the broker's is in its POM, the server's in its lock file.
    kafka = re.search(r"<kafka.version>(.*)</kafka.version>", (fetch.HERE / "maven/kafka/pom.xml").read_text())
    clickhouse = re.search(r'"@chdb/lib-linux-x64-gnu": "([\d.]+)', (fetch.HERE / "clickhouse-library/package.json").read_text())
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {os.cpu_count()} cores ({model[1] if model else platform.machine()}), {memory:.0f} GiB, {platform.system()}; "
        f"Spark {version('pyspark')}, Kafka {kafka[1] if kafka else '?'}, ClickHouse {clickhouse[1] if clickhouse else '?'}, versitygw {fetch.VERSITYGW_VERSION}, "
        f"Python {platform.python_version()}; broker, S3 and ClickHouse run on the same cores"
    )


def ratio(measured: list[Measurement], name: str, of: str) -> float | None:
    """The median, over the rounds that hold both, of the one's rate over the other's."""
    rounds: dict[int, dict[str, float]] = defaultdict(dict)
    for measurement in measured:
        rounds[measurement.round][measurement.name] = measurement.events_per_second
    shares = [rates[name] / rates[of] for rates in rounds.values() if name in rates and of in rates]
    return statistics.median(shares) if shares else None


def printed(where: str, measured: list[Measurement]) -> str:
    """The report, in Markdown."""
    parts = [where]
    rounds = [measurement for measurement in measured if measurement.name in ROWS]
    if rounds:
        parts.append(_rounds_table(rounds))
    if growth := [measurement for measurement in measured if measurement.name.startswith("growth-")]:
        parts.append(_growth_table(growth))
    return "\n\n".join(parts)


def _rounds_table(measured: list[Measurement]) -> str:
    lines = ["| job | events | rounds | events/s | of its limit | of its naive twin | memory, MiB |", "|---|---|---|---|---|---|---|"]
    for name, (what, limit) in ROWS.items():
        own = [measurement for measurement in measured if measurement.name == name]
        if own:
            share = ratio(measured, name, limit) if limit else None
            twin = ratio(measured, name, _TWINS[name]) if name in _TWINS else None
            rate = statistics.median(measurement.events_per_second for measurement in own)
            memory = max(measurement.memory_mib for measurement in own)
            cells = (what, f"{own[-1].events:,}", str(len(own)), f"{rate:,.0f}", _two(share), f"{twin:.1f} ×" if twin else "", f"{memory:,.0f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_backlog(measured)])


def _two(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _backlog(measured: list[Measurement]) -> list[str]:
    sentences = []
    for name in ("streaming", "gold-spark", "gold-clickhouse"):
        rates = [measurement.events_per_second for measurement in measured if measurement.name == name]
        if rates:
            sentences.append(f"{ROWS[name][0]} {BACKLOG / statistics.median(rates) / 60:.0f} minutes")
    return ["", f"At these rates a backlog of {BACKLOG // 1_000_000} million events takes: {', '.join(sentences)}."] if sentences else []


def _growth_table(measured: list[Measurement]) -> str:
    lines = ["| events | job | seconds | µs an event | memory, MiB |", "|---|---|---|---|---|"]
    for measurement in sorted(measured, key=lambda one: (one.name, one.events)):
        job = measurement.name.removeprefix("growth-").replace("gold", "gold, engine spark")
        micros = measurement.seconds / measurement.events * 1e6
        lines.append(f"| {measurement.events:,} | {job} | {measurement.seconds:.1f} | {micros:.1f} | {measurement.memory_mib:,.0f} |")
    return "\n".join(lines)


def write_documentation(where: str, measured: list[Measurement]) -> None:
    """Replaces the measured part of docs/benchmarks.md."""
    text = DOCUMENTATION.read_text()
    before, rest = text.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    DOCUMENTATION.write_text(f"{before}{_BEGIN}\n{printed(where, measured)}\n{_END}{after}")
