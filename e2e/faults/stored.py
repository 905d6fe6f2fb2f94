"""What is stored: the commit log's manifests and the files of the three layers that they name, read as the contract describes them."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from e2e.faults.recount import Row

_MANIFEST = re.compile(r"^\d{20}\.json$")
_PLACE = ("topic", "partition", "offset")
_NO_MANIFEST = "no manifest"


class BrokenLogError(Exception):
    """The commit log cannot be read as one history."""


@dataclass(frozen=True)
class Manifest:
    """One commit."""

    sequence: int
    topic: str
    offsets: Mapping[int, tuple[int, int]]
    files: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]
    replaces: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Lake:
    """The rows that count. Places are (partition, offset)."""

    manifests: list[Manifest]
    bronze: list[tuple[int, int, int, bytes | None]]
    """partition, offset, timestamp in milliseconds, value"""
    silver: list[Row]
    quarantine: list[dict[str, Any]]
    counted: list[Row]
    """Silver without the files that were taken away as expired."""


class Reader:
    """Reads the buckets' folder of the S3 server; a file is read once, for it never changes."""

    def __init__(self, buckets: Path, commits: str) -> None:
        self._buckets = buckets
        self._commits = commits
        self._read: dict[str, list[Any]] = {}
        self._manifests: dict[str, Manifest] = {}
        self._expired: set[str] = set()

    def path(self, url: str) -> Path:
        return self._buckets / url.removeprefix("s3a://")

    def manifest_names(self) -> list[str]:
        folder = self.path(self._commits)
        return sorted(entry.name for entry in folder.iterdir() if _MANIFEST.match(entry.name)) if folder.exists() else []

    def manifests(self) -> list[Manifest]:
        """Every commit, in order. Raises BrokenLogError."""
        found = []
        for name in self.manifest_names():
            if name not in self._manifests:
                try:
                    self._manifests[name] = _manifest(json.loads((self.path(self._commits) / name).read_bytes()))
                except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
                    raise BrokenLogError(f"{name} is no manifest: {error}") from None
            found.append(self._manifests[name])
        return found

    def until(self) -> dict[int, int]:
        """By partition, the offset after the last committed one."""
        ends: dict[int, int] = {}
        for manifest in self.manifests():
            for partition, (_, until) in manifest.offsets.items():
                ends[partition] = max(until, ends.get(partition, 0))
        return ends

    def silver_rows(self) -> int:
        """Rows of silver that gold has to count, by the manifests."""
        manifests = self.manifests()
        replaced = {url for manifest in manifests for url in manifest.replaces.get("silver", ())}
        return sum(manifest.rows["silver"] for manifest in manifests) - sum(len(self._once(url, self._silver)) for url in replaced | self._expired)

    def expire(self, urls: Iterable[str]) -> None:
        """Deletes files of silver as the lake's retention does; their rows stay known here."""
        for url in urls:
            self._once(url, self._silver)
            self.path(url).unlink()
            self._expired.add(url)

    def lake(self) -> Lake:
        """Everything that the manifests name and no later one replaces. A file that is not there raises FileNotFoundError."""
        manifests = self.manifests()
        replaced = {url for manifest in manifests for urls in manifest.replaces.values() for url in urls}

        def urls(layer: str) -> Iterable[str]:
            return (url for manifest in manifests for url in manifest.files[layer] if url not in replaced)

        return Lake(
            manifests,
            [row for url in urls("bronze") for row in self._once(url, self._bronze)],
            [row for url in urls("silver") for row in self._once(url, self._silver)],
            [row for url in urls("quarantine") for row in self._once(url, self._quarantine)],
            [row for url in urls("silver") if url not in self._expired for row in self._once(url, self._silver)],
        )

    def _once(self, url: str, read: Any) -> list[Any]:
        if url not in self._read:
            self._read[url] = read(self.path(url))
        elif url not in self._expired and not self.path(url).exists():
            raise FileNotFoundError(url)
        return self._read[url]

    def _bronze(self, path: Path) -> list[tuple[int, int, int, bytes | None]]:
        topic = next(part.removeprefix("topic=") for part in path.parts if part.startswith("topic="))
        with pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd") as stream:
            content = bytes(stream.read())
        rows = []
        for line in io.BytesIO(content):
            body = json.loads(line)
            if body.get("topic", topic) != topic:
                raise ValueError(f"{path.name} holds a row of topic {body['topic']!r}")
            value = base64.b64decode(body["value_base64"]) if "value_base64" in body else None
            if "value" in body and body["value"] is not None:
                value = body["value"].encode("utf-8", "surrogatepass")
            rows.append((int(body["partition"]), int(body["offset"]), _timestamp(body), value))
        return rows

    def _silver(self, path: Path) -> list[Row]:
        rows = _columns(path, ("kafka_timestamp", "event_time"))
        for row in rows:
            row["event_us"], row["kafka_us"] = row.pop("event_time"), row.pop("kafka_timestamp")
        return list(rows)

    def _quarantine(self, path: Path) -> list[dict[str, Any]]:
        rows = _columns(path, ("kafka_timestamp",))
        for row in rows:
            micros, millis = row.pop("kafka_timestamp"), row.get("kafka_timestamp_ms")
            row["kafka_ms"] = micros // 1000 if millis is None else millis
        return rows


def _columns(path: Path, times: Iterable[str]) -> list[dict[str, Any]]:
    table = pyarrow.parquet.ParquetFile(path, coerce_int96_timestamp_unit="us").read()
    for name in times:
        number = table.schema.get_field_index(name)
        as_int = table.column(name).cast(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64())
        table = table.set_column(number, name, as_int)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _manifest(body: dict[str, Any]) -> Manifest:
    if not isinstance(body, dict):
        raise ValueError(_NO_MANIFEST)
    return Manifest(
        body["sequence"],
        body["topic"],
        {int(partition): (span["from"], span["until"]) for partition, span in body["offsets"].items()},
        {layer: tuple(file["path"] for file in body[layer]) for layer in ("bronze", "silver", "quarantine")},
        body["rows"],
        {layer: tuple(urls) for layer, urls in (body.get("replaces") or {}).items()},
    )


def _timestamp(body: dict[str, Any]) -> int:
    """A record's timestamp in milliseconds, whichever of the two fields holds it."""
    number = body.get("kafka_timestamp_ms")
    return _milliseconds(body["kafka_timestamp"]) if number is None else int(number)


def _milliseconds(text: str) -> int:
    """Of ISO 8601."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3})\d*)?Z", text)
    if found is None:
        raise ValueError(f"{text!r} is no time of bronze")
    year, month, day, hour, minute, second = (int(found[number]) for number in range(1, 7))
    return int(datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()) * 1000 + int((found[7] or "0").ljust(3, "0"))
