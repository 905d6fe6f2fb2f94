"""The invariants, from the ledger, the layers and ClickHouse alone. Each names what is broken in one sentence, with the first rows."""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2e.faults.grammar import Quarantined, parse
from e2e.faults.ledger import ABORTED, ACKNOWLEDGED, Ledger, Request, Sent
from e2e.faults.recount import KEYS, Row, differs, recount
from e2e.faults.stored import BrokenLogError, Lake, Reader

_SHOWN = 5
Query = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Violation:
    """A broken invariant."""

    invariant: str
    says: str
    rows: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([f"{self.invariant}: {self.says}", *(f"    {_short(row)}" for row in self.rows)])


def check(ledger: Ledger, topic: str, reader: Reader, query: Query | None, database: str, business_time_zone: str) -> list[Violation]:
    """Every broken invariant of one lane at rest; an empty list is a pass. Without `query`, the layers alone."""
    try:
        lake = reader.lake()
    except BrokenLogError as error:
        return [Violation("commit log", str(error))]
    except FileNotFoundError as error:
        return [Violation("committed files", f"a manifest names a file that is not there: {error}")]
    except ValueError as error:
        return [Violation("committed files", f"a committed file cannot be read: {error}")]
    found = [*_contiguous(ledger, topic, lake), *_bronze_of_ledger(ledger, topic, lake), *_layers(lake), *_silver_of_bronze(lake)]
    if query is not None:
        found += _tables(lake.counted, query, database, business_time_zone)
    return found


def _contiguous(ledger: Ledger, topic: str, lake: Lake) -> Iterator[Violation]:
    """Commit follows commit without a gap or an overlap, and every offset of a commit is in bronze."""
    ends: dict[int, int] = {}
    for manifest in lake.manifests:
        if manifest.topic != topic:
            yield Violation("offsets contiguous", f"manifest {manifest.sequence} is of topic {manifest.topic!r}, not {topic!r}")
        for partition, (first, until) in manifest.offsets.items():
            if first != ends.get(partition, 0):
                yield Violation("offsets contiguous", f"manifest {manifest.sequence} begins partition {partition} at {first}, the one before it ended at {ends.get(partition, 0)}")
            ends[partition] = until
    stored: dict[int, set[int]] = defaultdict(set)
    for partition, offset, _, _ in lake.bronze:
        stored[partition].add(offset)
    aborted = {(sent.partition, sent.offset) for sent in ledger.sent(topic) if sent.outcome == ABORTED}
    for partition, end in ends.items():
        missing = [offset for offset in range(end) if offset not in stored[partition] and (partition, offset) not in aborted]
        if len(missing) > ledger.markers[topic, partition]:
            yield Violation("offsets contiguous", f"{len(missing)} offsets of partition {partition} below {end} are not in bronze", missing[:_SHOWN])
        beyond = sorted(offset for offset in stored[partition] if offset >= end)
        if beyond:
            yield Violation("offsets contiguous", f"bronze holds {len(beyond)} records of partition {partition} beyond what is committed", beyond[:_SHOWN])


def _bronze_of_ledger(ledger: Ledger, topic: str, lake: Lake) -> Iterator[Violation]:
    """Acknowledged records are in bronze, once and byte for byte; nothing is there that was never sent or was aborted."""
    places = Counter((partition, offset) for partition, offset, _, _ in lake.bronze)
    twice = [place for place, count in places.items() if count > 1]
    if twice:
        yield Violation("bronze once", f"{len(twice)} records are in bronze more than once", twice[:_SHOWN])
    stored = {(partition, offset): (timestamp, value) for partition, offset, timestamp, value in lake.bronze}
    sent = ledger.sent(topic)
    acknowledged = {(one.partition, one.offset): one for one in sent if one.outcome == ACKNOWLEDGED}
    missing = [one for place, one in acknowledged.items() if place not in stored]
    if missing:
        yield Violation("acknowledged ⊆ bronze", f"{len(missing)} of {len(acknowledged)} acknowledged records are not in bronze", missing[:_SHOWN])
    changed = [(one, stored[place]) for place, one in acknowledged.items() if place in stored and stored[place] != (one.timestamp_ms, one.value)]
    if changed:
        yield Violation("bronze byte-exact", f"{len(changed)} records of bronze are not what was sent", changed[:_SHOWN])
    yield from _sent_once(stored, sent, acknowledged, ledger.requests(topic))


def _sent_once(
    stored: Mapping[tuple[int, int], tuple[int, bytes | None]], sent: list[Sent], acknowledged: Mapping[tuple[int, int], Sent], requests: Mapping[str, Request]
) -> Iterator[Violation]:
    aborted = {(one.partition, one.offset) for one in sent if one.outcome == ABORTED}
    uncertain = Counter((one.partition, one.value) for one in sent if one.outcome not in (ACKNOWLEDGED, ABORTED))
    lines: Counter[str] = Counter()
    never, of_aborted = [], []
    for (partition, offset), (_, value) in stored.items():
        if (partition, offset) in acknowledged:
            continue
        if (partition, offset) in aborted:
            of_aborted.append((partition, offset))
        elif uncertain[partition, value] > 0:
            uncertain[partition, value] -= 1
        elif (session := _session(value)) in requests and _is_line_of(requests[session], value):
            lines[session] += 1
        else:
            never.append((partition, offset, value))
    if of_aborted:
        yield Violation("aborted never stored", f"{len(of_aborted)} records of transactions that never committed are in bronze", of_aborted[:_SHOWN])
    if never:
        yield Violation("nothing never sent", f"{len(never)} records of bronze were never sent, or more often than sent", never[:_SHOWN])
    twice = [session for session, count in lines.items() if count > 1]
    if twice:
        yield Violation("bronze once", f"{len(twice)} requests to the web server are in bronze more than once", twice[:_SHOWN])
    lost = [session for session, request in requests.items() if request.outcome == ACKNOWLEDGED and session not in lines]
    if lost:
        yield Violation("acknowledged ⊆ bronze", f"{len(lost)} requests whose events Kafka has, as the web server said, are not in bronze", lost[:_SHOWN])


def _session(value: bytes | None) -> str:
    _, _, rest = (value or b"").partition(b" session=")
    return rest.split(b" ", 1)[0].decode(errors="replace")


def _is_line_of(request: Request, value: bytes | None) -> bool:
    event = parse(value)
    return (
        not isinstance(event, Quarantined)
        and (event.user_id, event.http_method) == (request.user, request.method)
        and (event.endpoint or "").startswith(request.path.split("?")[0][:1_000])
    )


def _layers(lake: Lake) -> Iterator[Violation]:
    """Bronze is silver and quarantine together, which have nothing in common."""
    bronze = Counter((partition, offset) for partition, offset, _, _ in lake.bronze)
    silver = Counter((row["partition"], row["offset"]) for row in lake.silver)
    quarantine = Counter((row["partition"], row["offset"]) for row in lake.quarantine)
    both = silver.keys() & quarantine.keys()
    if both:
        yield Violation("silver and quarantine disjoint", f"{len(both)} records are in both", sorted(both)[:_SHOWN])
    together = silver + quarantine
    for says, places in (
        ("records of bronze are neither in silver nor in quarantine", bronze - together),
        ("rows of silver and quarantine are not in bronze, or are there twice", together - bronze),
    ):
        if places:
            yield Violation("bronze = silver ∪ quarantine", f"{places.total()} {says}", sorted(places)[:_SHOWN])
    for layer, rows in (("bronze", lake.bronze), ("silver", lake.silver), ("quarantine", lake.quarantine)):
        named = sum(manifest.rows[layer] for manifest in lake.manifests)
        if named != len(rows) and not any(manifest.replaces for manifest in lake.manifests):
            yield Violation("rows of a manifest", f"the manifests name {named} rows of {layer}, the files hold {len(rows)}")


def _silver_of_bronze(lake: Lake) -> Iterator[Violation]:
    """A row of silver is what the contract's grammar makes of bronze's value; so is the reason of quarantine."""
    stored = {(partition, offset): (timestamp, value) for partition, offset, timestamp, value in lake.bronze}
    wrong: list[Any] = []
    for row in lake.silver:
        place = (row["partition"], row["offset"])
        if place not in stored:
            continue
        timestamp, value = stored[place]
        if row["raw_json"] != (value or b"").decode(errors="replace") or row["kafka_us"] != timestamp * 1000:
            wrong.append((place, value, "raw_json or kafka_timestamp"))
        else:
            wrong += _row_differs(place, timestamp, value, row)
    for line in lake.quarantine:
        place = (line["partition"], line["offset"])
        if place not in stored:
            continue
        if line["kafka_ms"] != stored[place][0] or _value_of(line) != stored[place][1]:
            wrong.append((place, stored[place], "value or kafka_timestamp in quarantine"))
        timestamp, value = stored[place]
        expected = parse(value, timestamp)
        if not isinstance(expected, Quarantined):
            wrong.append((place, value, f"quarantined as {line['reason']!r}"))
        elif expected.reason != line["reason"]:
            wrong.append((place, value, f"reason {line['reason']!r}, expected {expected.reason!r}"))
    if wrong:
        yield Violation("silver = parse of bronze", f"{len(wrong)} rows of silver or quarantine are not what the contract makes of bronze", wrong[:_SHOWN])


def _value_of(line: Mapping[str, Any]) -> bytes | None:
    if line["value_base64"] is not None:
        return base64.b64decode(line["value_base64"])
    return None if line["value"] is None else str(line["value"]).encode()


def _row_differs(place: tuple[int, int], timestamp: int, value: bytes | None, row: Row) -> Iterator[Any]:
    expected = parse(value, timestamp)
    if isinstance(expected, Quarantined):
        yield place, value, f"in silver, expected in quarantine as {expected.reason!r}"
        return
    for name in ("raw_json_clean", "event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "is_failed", "event_us", "bytes", "latency_ms"):
        if row[name] != getattr(expected, name):
            yield place, value, f"{name} is {row[name]!r}, expected {getattr(expected, name)!r}"
            return


def _tables(silver: list[Row], query: Query, database: str, business_time_zone: str) -> Iterator[Violation]:
    """Every row of every metrics table is what a recount gives, and no row is missing."""
    wanted = recount(silver, business_time_zone)
    for table, keys in KEYS.items():
        rows = query(f"SELECT * FROM {database}.{table}")
        found = {tuple(row[key] for key in keys): row for row in rows}
        wrong: list[Any] = [("twice in the table", len(rows) - len(found))] if len(found) != len(rows) else []
        wrong += [("missing", key) for key in wanted[table].keys() - found.keys()]
        wrong += [("not in the recount", key) for key in found.keys() - wanted[table].keys()]
        for key in wanted[table].keys() & found.keys():
            for column, figure in wanted[table][key].items():
                if differs(column, figure, found[key][column]):
                    wrong.append((key, column, f"{found[key][column]}, recount {figure}"))
                    break
        if wrong:
            yield Violation(f"{table} = recount", f"{len(wrong)} of {len(wanted[table])} rows differ", sorted(wrong, key=str)[:_SHOWN])


def _short(row: Any) -> str:
    text = repr(row)
    return text if len(text) <= 400 else f"{text[:300]} … {len(text)} characters"
