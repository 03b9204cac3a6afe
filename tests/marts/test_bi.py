"""The files of conf/bi against the marts: every table, column and type that they name is there, and their SQL runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from segmentation.marts import load_marts
from tests.conftest import CONF
from tests.marts.test_views import KNOWN, marts  # noqa: F401 - a fixture

BI = CONF / "bi"
TABLEAU = sorted((BI / "tableau").glob("*.tds"))
BUNDLE = BI / "superset" / "bundle"
TYPES = {"string": "string", "date": "date", "timestamp": "datetime", "boolean": "boolean", "int": "integer",
         "bigint": "integer", "double": "real"}  # fmt: skip
"""Spark's word → Tableau's; decimals are real, and what is nested has none."""


def bundle(folder: str) -> dict[str, dict[str, object]]:
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted((BUNDLE / folder).rglob("*.yaml"))}


def test_every_mart_has_a_file_for_tableau() -> None:
    names = {mart.name for mart in load_marts(CONF, KNOWN) if mart.name.startswith("mart_")}
    assert {path.stem for path in TABLEAU} == {*names, "star"}


@pytest.mark.parametrize("path", TABLEAU, ids=lambda path: path.stem)
def test_what_tableau_is_told_of_is_there_in_that_type(path: Path, marts: SparkSession) -> None:  # noqa: F811
    source = ElementTree.parse(path).getroot()
    tables = [r.get("table", "") for r in source.iter("relation") if r.get("type") == "table"]
    found = StructType()
    for table in tables:
        matched = re.fullmatch(r"\[segmentation\]\.\[(\w+)\]", table)
        assert matched, table
        found = StructType([*found.fields, *marts.table(f"segmentation.{matched[1]}").schema.fields])
    types = {f.name: TYPES.get(f.dataType.simpleString(), "real") for f in found if f.dataType.typeName() != "array"}
    told = {(c.get("name") or "")[1:-1]: c.get("datatype") for c in source.iter("column")}
    assert told
    assert {name: types.get(name) for name in told} == told
    if len(tables) == 1:
        assert list(told) == list(types)
    for clause in source.iter("clause"):
        for expression in clause.iter("expression"):
            if matched := re.fullmatch(r"\[(\w+)\]\.\[(\w+)\]", expression.get("op", "")):
                assert matched[2] in marts.table(f"segmentation.{matched[1]}").columns


def test_power_bi_is_told_of_the_data_source_that_the_page_explains() -> None:
    [connection] = json.loads((BI / "segmentation.pbids").read_text())["connections"]
    dsn = connection["details"]["address"]["options"]["dsn"]
    assert connection["details"]["protocol"] == "odbc"
    assert f"[{dsn}]" in (BI / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(bundle("datasets")))
def test_a_data_set_of_the_dashboards_gives_the_columns_that_it_names(name: str, marts: SparkSession) -> None:  # noqa: F811
    dataset = bundle("datasets")[name]
    rows = marts.sql(str(dataset["sql"]))
    columns = [c["column_name"] for c in dataset["columns"]]  # type: ignore[index, attr-defined]
    assert rows.columns == columns
    assert rows.count() > 0
    for metric in dataset["metrics"]:  # type: ignore[attr-defined]
        assert rows.selectExpr(metric["expression"]).count() == 1


@pytest.mark.parametrize("name", ["channels", "departments", "places", "moves", "drift"])
def test_without_rows_it_says_what_is_not_there(name: str, marts: SparkSession) -> None:  # noqa: F811
    sql = str(bundle("datasets")[name]["sql"])
    empty = re.sub(r"segmentation\.(mart_\w+)", r"(SELECT * FROM segmentation.\1 WHERE false)", sql)
    [row] = marts.sql(empty).collect()
    assert re.search("tells of no|No date before|None of what everyone may see has moved", " ".join(map(str, row)))


def with_rows(name: str, select: str) -> str:
    """The SQL of a data set over a SELECT from its mart."""
    return re.sub(
        r"FROM segmentation\.(mart_\w+)\nWHERE", rf"FROM ({select} FROM segmentation.\1)\nWHERE", sql_of(name)
    )


def sql_of(name: str) -> str:
    return str(bundle("datasets")[name]["sql"])


def test_what_a_source_does_not_tell_is_said(marts: SparkSession) -> None:  # noqa: F811
    rows = marts.sql(with_rows("places", "SELECT * EXCEPT (city), '(unknown)' AS city")).collect()
    assert {r["city"] for r in rows} == {"The source does not tell"}


def test_segments_of_one_name_are_told_apart(marts: SparkSession) -> None:  # noqa: F811
    rows = marts.sql(with_rows("segments", "SELECT * EXCEPT (segment_name), 'Mixed' AS segment_name")).collect()
    assert sorted(r["segment_name"] for r in rows) == ["Mixed (a)", "Mixed (rule-new)"]


def test_charts_show_columns_and_metrics_of_their_data_set_and_stand_in_the_dashboard() -> None:
    datasets = {d["uuid"]: d for d in bundle("datasets").values()}
    [dashboard] = bundle("dashboards").values()
    placed = {p["meta"]["uuid"] for p in dashboard["position"].values()  # type: ignore[attr-defined]
              if isinstance(p, dict) and p["type"] == "CHART"}  # fmt: skip
    charts = bundle("charts")
    assert {chart["uuid"] for chart in charts.values()} == placed
    for name, chart in charts.items():
        dataset, params = datasets[chart["dataset_uuid"]], chart["params"]
        assert isinstance(params, dict)
        columns = {c["column_name"] for c in dataset["columns"]}  # type: ignore[attr-defined]
        metrics = {m["metric_name"] for m in dataset["metrics"]}  # type: ignore[attr-defined]
        named = [params.get(key) for key in ("x_axis", "source", "target")]
        group = params.get("groupby", [])
        named += group if isinstance(group, list) else [group]
        assert {n for n in named if n} | set(params.get("all_columns", ())) <= columns, name
        assert {*params.get("metrics", ()), *([params["metric"]] if "metric" in params else [])} <= metrics, name
    [database] = bundle("databases").values()
    assert {d["database_uuid"] for d in datasets.values()} == {database["uuid"]}
