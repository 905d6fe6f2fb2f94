"""The generated modules against the contract itself, read with a YAML parser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import contract
import contract_clickhouse
import contract_gold
from e2e.faults import grammar
from event_parser import parse
from local.fetch import REPOSITORY
from local.recount import KEYS
from local.reference_parser import reference_parser


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


# What stands beside the field whose forms are tried, as JSON texts.
_USUAL = {
    "event_type": '"USER_ACTIVITY"',
    "action_type": '"MAIN"',
    "user_id": "14185",
    "session_id": '"a91f"',
    "http_method": '"GET"',
    "endpoint": '"/main"',
    "status": '"API_CALL"',
    "event_time": '"2026-01-15T00:00:00"',
    "bytes": "5120",
    "latency_ms": "37",
}


@dataclass(frozen=True)
class Example:
    """One form of one field of a JSON object, and what the contract says it becomes."""

    field: str
    json: str
    becomes: dict[str, Any]

    @property
    def value(self) -> bytes:
        members = {**_USUAL, self.field: self.json}
        return ("{" + ", ".join(f'"{name}": {text}' for name, text in members.items() if text != "missing") + "}").encode()

    @property
    def wanted(self) -> object:
        """The reason of quarantine, or the field's value in silver; times in microseconds."""
        if "reason" in self.becomes:
            return f"quarantined: {self.becomes['reason']}"
        value = self.becomes["value"]
        if self.field != "event_time":
            return value
        return round(datetime.fromisoformat(value).replace(tzinfo=timezone.utc).timestamp() * 1_000_000)


@pytest.fixture(scope="module")
def examples(objects: dict[str, dict[str, Any]]) -> list[Example]:
    """Every example of every form of every field."""
    fields = objects["event"]["properties"]
    readings = [(field["name"], one) for field in fields for custom in field["customProperties"] if custom["property"] == "readings" for one in custom["value"]]
    return [Example(name, example, one["becomes"]) for name, one in readings for example in one["examples"]]


def test_the_contract_says_of_every_field_what_every_form_of_json_becomes(examples: list[Example]) -> None:
    for field in contract.EVENT_FIELDS:
        forms = {example.json for example in examples if example.field == field}
        assert {"missing", "null", "true", "false", "1.5", "1e5", "[]", "{}", '""', '"A B"'} < forms
        assert any(form.lstrip("-").isdigit() for form in forms)
    for example in examples:
        assert "reason" not in example.becomes or example.becomes["reason"] in str(yaml.safe_load((REPOSITORY / "contract" / "lakehouse.odcs.yaml").read_text()))


def test_the_reference_parser_reads_every_example_as_the_contract_says(examples: list[Example]) -> None:
    read = reference_parser("UTC")
    for example in examples:
        found = read(example.value)
        assert (example.value, f"quarantined: {found}" if isinstance(found, str) else found[example.field]) == (example.value, example.wanted)


def test_the_fault_suites_parser_reads_every_example_as_the_contract_says(examples: list[Example]) -> None:
    for example in examples:
        found = grammar.parse(example.value)
        name = "event_us" if example.field == "event_time" else example.field
        assert (example.value, f"quarantined: {found.reason}" if isinstance(found, grammar.Quarantined) else getattr(found, name)) == (example.value, example.wanted)


def test_the_job_reads_every_example_as_the_contract_says(examples: list[Example], spark: SparkSession, tmp_path: Path) -> None:
    pq.write_table(pa.table({"place": range(len(examples)), "value": pa.array([one.value for one in examples], pa.binary())}), tmp_path / "values.parquet")
    rows = parse(spark.read.parquet(f"file://{tmp_path}/values.parquet"), "UTC").withColumn("event_time", F.unix_micros("event_time"))
    found = {row["place"]: row for row in rows.collect()}
    assert len(found) == len(examples)
    for place, example in enumerate(examples):
        row = found[place]
        assert (example.value, f"quarantined: {row['reason']}" if row["reason"] else row[example.field]) == (example.value, example.wanted)


def test_the_page_of_json_fields_holds_every_example(examples: list[Example]) -> None:
    lines = (REPOSITORY / "docs" / "json-fields.md").read_text().splitlines()
    for example in examples:
        shown = example.json if example.json == "missing" else f"`{example.json}`"
        outcome = f"quarantined: {example.becomes['reason']}" if "reason" in example.becomes else str(example.becomes.get("words") or example.becomes["value"])
        assert any(line.startswith(f"| {example.field} | ") and shown in line and (outcome in line or outcome == "None") for line in lines)
