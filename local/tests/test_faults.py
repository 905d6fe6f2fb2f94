"""The fault suite's own parts: its parser beside the reference parser, its proxy, its checker on a broken lake, its bugs on the jobs of now."""

from __future__ import annotations

import json
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from e2e.faults import values
from e2e.faults.bugs import BugError, bugs
from e2e.faults.checker import check
from e2e.faults.grammar import Event, Quarantined, parse
from e2e.faults.ledger import ACKNOWLEDGED, Ledger
from e2e.faults.nemesis import FAULTS
from e2e.faults.proxy import Disturbance, Proxy
from e2e.faults.recount import recount, route
from e2e.faults.stored import Reader
from local.reference_parser import reference_parser

_COLUMNS = ("raw_json_clean", "event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "is_failed", "bytes", "latency_ms")


@pytest.mark.parametrize("kind", [kind for kind in values.kinds() if kind != "far-timestamp"])
def test_two_parsers_that_share_nothing_read_each_kind_of_value_alike(kind: str) -> None:
    reference, chance = reference_parser("UTC"), random.Random(kind)
    for number in range(20 if len(values.value(kind, chance, 0).value or b"") < 10_000 else 1):
        value = values.value(kind, chance, number).value
        mine, other = parse(value), reference(value)
        if isinstance(mine, Quarantined):
            assert other == mine.reason
        else:
            assert isinstance(other, dict)
            assert {name: getattr(mine, name) for name in _COLUMNS} == {name: other[name] for name in _COLUMNS}
            assert mine.event_us == other["event_time"]


def test_a_kafka_timestamp_out_of_range_is_quarantined_and_its_neighbour_is_not() -> None:
    line = b"[A] time=2026-01-15T00:00:00"
    assert parse(line, 86_399_999) == Quarantined("unreadable_kafka_timestamp")
    assert isinstance(parse(line, 86_400_000), Event)


@pytest.mark.parametrize(("endpoint", "expected"), [("/store/17", "/store/:id"), ("/Store/17/?q=1", "/store/:id"), ("/store/123abc", "/store/123abc"), ("////", "/"), (None, None)])
def test_the_recount_names_an_endpoint_as_the_contract_does(endpoint: str | None, expected: str | None) -> None:
    assert route(endpoint) == expected


_CUT = "(?i)reset|closed|broken pipe"


class _Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    puts = 0

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        _Counting.puts += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Counting.puts = 0
    yield Proxy("a server", lambda: server.server_address[1]).start()
    server.shutdown()


def _put(proxy: Proxy) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{proxy.port}/x", data=b"y" * 200_000, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_proxy_passes_on_when_nothing_is_wrong(proxy: Proxy) -> None:
    assert (_put(proxy), _Counting.puts, proxy.hits) == (200, 1, 0)


def test_a_lost_answer_comes_after_the_effect(proxy: Proxy) -> None:
    proxy.disturb(Disturbance("lose-answer", match=rb"^PUT"))
    with pytest.raises(OSError, match=_CUT):
        _put(proxy)
    assert (_Counting.puts, proxy.hits) == (1, 1)


def test_a_reset_comes_before_the_effect(proxy: Proxy) -> None:
    proxy.disturb(Disturbance("reset"))
    with pytest.raises(OSError, match=_CUT):
        _put(proxy)
    assert (_Counting.puts, proxy.hits) == (0, 1)


def test_a_status_is_the_proxys_own_and_only_for_what_matches(proxy: Proxy) -> None:
    proxy.disturb(Disturbance("status", match=rb"^PUT", status="503 Slow Down", body=b"<Error/>"))
    assert (_put(proxy), _Counting.puts) == (503, 0)
    proxy.disturb(Disturbance("status", match=rb"^DELETE"))
    assert (_put(proxy), _Counting.puts) == (200, 1)


def _ledger(folder: Path, *offsets: int) -> Ledger:
    ledger = Ledger(folder / "ledger.jsonl")
    for offset in offsets:
        ledger.settle(ledger.send("t", 0, values.Value("usual", b"x", 1_000_000_000)), ACKNOWLEDGED, offset)
    return ledger


def test_an_acknowledged_record_that_is_nowhere_is_a_violation(tmp_path: Path) -> None:
    found = check(_ledger(tmp_path, 0), "t", Reader(tmp_path, "s3a://silver/commits/"), None, "logs", "UTC")
    assert [one.invariant for one in found] == ["acknowledged ⊆ bronze"]
    assert check(_ledger(tmp_path), "t", Reader(tmp_path, "s3a://silver/commits/"), None, "logs", "UTC") == []


def test_a_manifest_that_skips_offsets_or_names_no_file_is_a_violation(tmp_path: Path) -> None:
    commits = tmp_path / "silver" / "commits"
    commits.mkdir(parents=True)
    rows = {"bronze": 0, "silver": 0, "quarantine": 0}
    manifest = {"sequence": 1, "topic": "t", "offsets": {"0": {"from": 0, "until": 2}}, "bronze": [], "silver": [], "quarantine": [], "rows": rows}
    (commits / f"{1:020d}.json").write_text(json.dumps(manifest))
    reader = Reader(tmp_path, "s3a://silver/commits/")
    assert "2 offsets of partition 0 below 2 are not in bronze" in str(check(_ledger(tmp_path), "t", reader, None, "logs", "UTC")[0])
    (commits / f"{2:020d}.json").write_text(json.dumps({**manifest, "sequence": 2, "bronze": [{"path": "s3a://raw/topic=t/gone", "bytes": 1}]}))
    assert "names a file that is not there" in str(check(_ledger(tmp_path), "t", reader, None, "logs", "UTC")[0])


def test_the_recount_counts_two_events_as_the_contract_says() -> None:
    base = {"event_type": "A", "status": None, "http_method": "GET", "endpoint": "/a", "is_failed": False, "partition": 0, "kafka_us": 3_000_000, "session_id": "s", "bytes": 10}
    rows = [{**base, "action_type": action, "user_id": "7", "event_us": at, "offset": at} for action, at in (("MAIN", 1_000_000), ("CART_ADD", 2_000_000))]
    tables = recount(rows, "UTC")
    assert tables["metrics_server_health_minutely"][("1970-01-01 00:00:00",)]["avg_delay_seconds"] == 1.5
    assert tables["metrics_funnel_daily"][("1970-01-01", "F1_MAIN_CART_ADD_ORDER")] == {"main_users": 1, "cart_add_users": 1, "order_users": 0, "conv_main_to_order": 0.0}
    assert tables["metrics_business_daily"][("1970-01-01", "DROPOFF", None, None, "A", "CART_ADD")]["event_count"] == 1


@pytest.mark.parametrize("name", list(bugs()))
def test_a_deliberate_bug_fits_the_jobs_of_now_and_names_faults_there_are(name: str, tmp_path: Path) -> None:
    bug = bugs()[name]
    bug.put_into(tmp_path)
    assert set(bug.faults) <= FAULTS.keys()


def test_a_bug_that_fits_no_more_says_so(tmp_path: Path) -> None:
    bug = next(iter(bugs().values()))
    stale = type(bug)("stale", "", (), (("streaming_job.py", "no such text", "", 1),))
    with pytest.raises(BugError, match=r"bugs/stale.yaml: streaming_job.py holds the text 'no such text' … 0 times, not 1; write the bug anew"):
        stale.put_into(tmp_path)
