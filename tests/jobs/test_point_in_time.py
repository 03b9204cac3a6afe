"""An as-of date sees nothing of that day or later, and publishing shows all of a run or nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.core import GuardError
from segmentation.io import register
from segmentation.pipeline import month, run_features, run_ingest, run_month
from tests.jobs.homes import write_files
from tests.published import published, row_hash, table
from tests.shop import configure, line, open_shop, two_kinds, write_sales

AS_OF = dt.date(2024, 5, 1)
TABLES = ("customer_features", "segments", "segment_profiles", "segment_differences", "k_sweep", "k_selection",
          "segment_models")  # fmt: skip


@pytest.mark.long
def test_altering_the_future_changes_nothing(
    spark: SparkSession, tmp_path: Path, shop: Path, undisturbed: Path
) -> None:
    past = [row for row in two_kinds() if row["sold_at"][:10] < "2024-05-01"]
    assert len(past) < len(two_kinds())
    future = [
        line(f"f{i}", f"c{i % 60}", "2024-05-01", f"{1000 + i}.00", category="gold", product="p9") for i in range(90)
    ]
    write_files(tmp_path / "raw", [*past, *future])  # the as-of day itself, old and new customers, a new category
    run_month(open_shop(spark, shop / "conf", tmp_path / "warehouse"), AS_OF, str(tmp_path / "raw"))
    for name in TABLES:
        rows = published(undisturbed, name, AS_OF)
        assert len(rows)
        assert row_hash(published(tmp_path / "warehouse", name, AS_OF)) == row_hash(rows), name


@pytest.mark.long
def test_late_lines_reach_new_dates_and_published_ones_only_when_asked(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, warehouse = configure(tmp_path / "conf", dimensions=["transactional"]), tmp_path / "warehouse"
    lines = two_kinds()
    late = [row for row in lines if row["sold_at"][:10] < "2024-04-15" and row["customer"] in ("c1", "c2", "c7")]
    assert late
    may, june = dt.date(2024, 5, 1), dt.date(2024, 6, 1)

    def features(folder: Path, *dates: dt.date, restate: bool = False) -> list[str]:
        run_features(open_shop(spark, config, folder, restate), dates)
        return [row_hash(published(folder, "customer_features", as_of)) for as_of in dates]

    write_sales(tmp_path / "raw", [row for row in lines if row not in late])
    run_ingest(open_shop(spark, config, warehouse), str(tmp_path / "raw"))
    (before,) = features(warehouse, may)
    write_sales(tmp_path / "raw", late, "sales-late.csv")
    capsys.readouterr()
    run_ingest(open_shop(spark, config, warehouse), str(tmp_path / "raw"))
    touched = len({(row["customer"], row["sold_at"][:10]) for row in late})
    assert f"{touched} touched of" in capsys.readouterr().out

    run_ingest(open_shop(spark, config, tmp_path / "anew"), str(tmp_path / "raw"))
    expected = features(tmp_path / "anew", may, june)
    assert features(warehouse, may, june) == [before, expected[1]]
    assert "changed since: input; --restate publishes it anew" in capsys.readouterr().out
    assert features(warehouse, may, restate=True) == [expected[0]] != [before]
    runs = table(warehouse, "runs")
    assert len(runs[(runs["job"] == "build_features") & (runs["as_of"] == may)]) == 2


@pytest.mark.long
@pytest.mark.usefixtures("no_names")
def test_nothing_is_visible_before_the_run_is_published(
    spark: SparkSession, shop: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later month, scored with the bundle of the first: refused at its audit, then done."""
    context, later = open_shop(spark, shop / "conf", warehouse), dt.date(2024, 6, 1)

    def seen(name: str) -> int:
        register(context.warehouse, context.tables)
        return spark.table(f"segmentation.{name}").where(f"as_of = DATE'{later}'").count()

    def written() -> int:
        return context.warehouse.read("segments").where(f"as_of = DATE'{later}'").count()

    def refuse(*_: object) -> None:
        # The rows are in the table by now; the views must not know them.
        assert written() == 6 * 40
        assert seen("segments") == seen("segment_profiles") == 0
        raise GuardError("refused by the test")

    with monkeypatch.context() as m:
        m.setattr(month, "_audit", refuse)
        with pytest.raises(GuardError):
            run_month(context, later)
    assert seen("segments") == 0
    assert seen("customer_features") == 40  # that step had been published by itself
    run = run_month(context, later)
    assert run["verdict"] == "rescored"
    assert seen("segments") == 6 * 40
    assert written() == 2 * 6 * 40  # the refused attempt's rows are still in the table, and in no view
    assert set(published(warehouse, "segments", later)["model_version"].dropna()) == set(
        published(warehouse, "segments", AS_OF)["model_version"].dropna()
    )


@pytest.mark.long
def test_restating_takes_the_place_of_what_was_published(spark: SparkSession, shop: Path, warehouse: Path) -> None:
    before = row_hash(published(warehouse, "segments", AS_OF))
    run = run_month(open_shop(spark, shop / "conf", warehouse, restate=True), AS_OF)
    segments = published(warehouse, "segments", AS_OF)
    assert set(segments["run_id"]) == {run["run_id"]}
    assert row_hash(segments) == before
