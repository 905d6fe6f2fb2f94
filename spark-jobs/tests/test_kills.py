"""ClickHouse is killed while gold's own INSERTs, merges, starts and rebuilds run: every file counts once (e2e/pipeline/kill_clickhouse.py)."""

from __future__ import annotations

from pathlib import Path

from e2e.pipeline.kill_clickhouse import kill


def test_twenty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kills, wrong = kill(tmp_path, kills=20, seed=5)

    assert wrong == []
    assert sum(kills.values()) == 20
    assert kills["insert"] > 0
