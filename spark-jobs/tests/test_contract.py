"""The generated modules against the contract itself, read with a YAML parser."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

import contract
import contract_clickhouse
import contract_gold
from local.fetch import REPOSITORY
from local.recount import KEYS


@pytest.fixture(scope="module")
def objects() -> dict[str, dict[str, Any]]:
    text = (REPOSITORY / "contract" / "lakehouse.odcs.yaml").read_text()
    return {element["name"]: element for element in yaml.safe_load(text)["schema"]}


@pytest.mark.parametrize("layer", ["bronze", "silver", "quarantine"])
def test_spark_schemas_have_the_contracts_columns_in_order(objects: dict[str, dict[str, Any]], layer: str) -> None:
    columns = objects[layer]["properties"]
    assert getattr(contract, f"{layer.upper()}_COLUMNS") == tuple(column["name"] for column in columns)
    assert getattr(contract, f"{layer.upper()}_PARTITIONS") == tuple(column["name"] for column in columns if column.get("partitioned"))
    fields = [f"`{column['name']}` {column['physicalType']}{' NOT NULL' if column.get('required') else ''}" for column in columns]
    assert getattr(contract, f"{layer.upper()}_SCHEMA") == ", ".join(fields)


def test_silver_has_the_columns_that_readers_were_promised() -> None:
    promised = "raw_json, topic, partition, offset, kafka_timestamp, raw_json_clean, http_method, status, is_failed, event_type, user_id"
    promised += ", endpoint, action_type, event_time, year, month, day, hour"
    assert set(promised.split(", ")) <= set(contract.SILVER_COLUMNS)
    assert contract.SILVER_PARTITIONS == ("year", "month", "day", "hour")


def test_every_metrics_table_is_a_view_with_the_contracts_columns(objects: dict[str, dict[str, Any]]) -> None:
    views = {view.name: [(name, type_) for name, type_, _ in view.columns] for view in contract_clickhouse.VIEWS}
    for name in KEYS:
        assert views[name] == [(column["name"], column["physicalType"]) for column in objects[name]["properties"]]


def test_both_engines_write_every_column_of_every_state_table() -> None:
    tables = {table.name: {name for name, _, _ in table.columns} for table in contract_clickhouse.TABLES if table.day is not None}
    assert set(tables) == {load.table for load in contract_gold.STATE_LOADS}
    for load in contract_gold.STATE_LOADS:
        for statement in (load.from_file, load.from_partials):
            written = statement.split("(", 1)[1].split(")", 1)[0].split(", ")
            assert set(written) == tables[load.table]
