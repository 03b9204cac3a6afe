"""A bad file among good ones, end to end, as README promises: it stops the run by name, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from segmentation.core import BadInputError
from segmentation.pipeline import run_ingest
from tests.published import table
from tests.shop import SOURCE, configure, line, open_shop

pytestmark = pytest.mark.usefixtures("staging_only")
Change = Callable[[Path], object]
TYPED = {"amount": float, "quantity": float, "discount": float, "line": int, "is_return": bool}


def frame(receipt: str) -> pd.DataFrame:
    rows = pd.DataFrame([line(receipt, "c1", "2024-06-01", "10.00", is_return="")])
    return rows.astype(TYPED).assign(sold_at=pd.Timestamp("2024-06-01 12:00:00"))


def write(path: Path, rows: pd.DataFrame) -> None:
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, coerce_timestamps="us")


def ingest(spark: SparkSession, folder: Path, kind: str, change: Change) -> Path:
    """Two files of the same shape, the second changed; and the mapping for their kind."""
    config, raw = configure(folder / "conf"), folder / "raw"
    raw.mkdir()
    source = SOURCE.replace("try_cast(is_return AS BOOLEAN)", "CAST(is_return AS BOOLEAN)")
    if kind == "parquet":
        source = source.replace("sales*.csv", "sales*.parquet").replace("format: csv", "format: parquet")
        source = source.replace('    options: {header: "true"}\n', "")
    (config / "sources" / "shop.yml").write_text(source)
    for i in (1, 2):
        write(raw / f"sales{i}.{kind}", frame(f"r{i}"))
    change(raw / f"sales2.{kind}")
    run_ingest(open_shop(spark, config, folder / "warehouse"), str(raw))
    return folder / "warehouse"


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def open_quote(path: Path) -> None:
    path.write_text(path.read_text().replace("bread", '"bread'))


def rename(path: Path) -> None:
    write(path, frame("r2").rename(columns={"amount": "amounts"}))


def retype(path: Path) -> None:
    write(path, frame("r2").assign(amount="ten"))


def add(path: Path) -> None:
    write(path, frame("r2").assign(till=7))


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("parquet", cut_off, r"^sales2\.parquet: not readable as parquet: .*is not a Parquet file"),
        ("parquet", retype, r'^sales2\.parquet: column "amount" is string, and double in sales1\.parquet'),
        ("parquet", rename, r'^sales2\.parquet: column "amount" is not there, .* Did you mean "amounts"\?'),
        ("csv", rename, r'^sales2\.csv: column "amount" is not there, .* Did you mean "amounts"\?'),
        ("csv", open_quote, r"sales2\.csv: a quote is opened and not closed"),
    ],
)
def test_a_bad_file_stops_the_run_by_name_and_nothing_is_written(
    spark: SparkSession, tmp_path: Path, kind: str, change: Change, said: str
) -> None:
    with pytest.raises(BadInputError, match=said) as refused:
        ingest(spark, tmp_path, kind, change)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.long
def test_a_column_more_changes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    staged = table(ingest(spark, tmp_path, "parquet", add), "stg_transactions").set_index("transaction_id")
    assert sorted(staged.index) == ["r1", "r2"]
    # The files differ in the receipt, and the second has a column `till`.
    assert staged.loc["r1"].drop("order_id").to_dict() == staged.loc["r2"].drop("order_id").to_dict()
