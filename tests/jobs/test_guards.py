"""Files that make no sense as a whole, end to end: exit code 3, one sentence, nothing written."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from segmentation.core import GuardError
from segmentation.core.schemas import DATA_QUALITY, QUARANTINE, RUNS, STAGED
from segmentation.datasets import Retailer, find_scenario, write_synthetic
from segmentation.io import Warehouse
from segmentation.pipeline import Context, Steps, ingest, run_ingest, run_month
from tests.conftest import CONF, submit
from tests.published import table
from tests.receiver import receiver
from tests.shop import SOURCE, configure, line, open_shop, write_sales

Lines = list[dict[str, str]]
GUARDED = f"{SOURCE}guards: {{min_rows: 20}}\n"


def sold(month: int, n: int = 30, amount: str = "3.00") -> Lines:
    """So many lines in a month of 2024."""
    days = [f"2024-{month:02d}-{1 + i % 28:02d}" for i in range(n)]
    return [line(f"r{month}-{i}", f"c{i % 7}", day, amount) for i, day in enumerate(days)]


def state(warehouse: Path) -> dict[str, int]:
    """Every commit of every table, and when it was made."""
    return {str(p): p.stat().st_mtime_ns for p in warehouse.glob("segmentation/*/_delta_log/*.json")}


@pytest.fixture(scope="module")
def spring(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A shop whose January to May, 30 lines each, are staged; tiles and later tables are not, see `staging_only`."""
    folder = tmp_path_factory.mktemp("spring")
    configure(folder / "conf", GUARDED)
    write_sales(folder / "raw", [row for month in range(1, 6) for row in sold(month)])
    with pytest.MonkeyPatch.context() as m:
        m.setattr(ingest, "refresh_tiles", lambda *_: {})
        m.setattr(Context, "tables", [*STAGED, QUARANTINE, DATA_QUALITY, RUNS])
        # The mapping says July: until then, June would be missing.
        deliver(spark, folder, folder / "raw", dt.date(2024, 6, 1))
        yield folder


def deliver(spark: SparkSession, shop: Path, raw: Path, received_on: dt.date | None = None) -> int:
    """Ingests `raw` into the shop's warehouse; returns the lines staged by then."""
    run_ingest(open_shop(spark, shop / "conf", shop / "warehouse"), str(raw), received_on)
    return len(table(shop / "warehouse", "stg_transactions"))


@pytest.mark.parametrize(
    ("june", "said"),
    [
        (sold(6, 17), "2024-06 has 17 lines; expected at least 60% of 30, the median of the 5 months before"),
        (sold(6, amount="300.00"), "the median line of 2024-06 is 300.00, and 3.00 in the months before"),
        (sold(6) + [row | {"amount": "ten"} for row in sold(6, 5)],
         "5 of 35 rows (14.3%) are refused, 5 of them by wrong_type; expected at most 10%"),
        (sold(4, 3), "2024-06 without data (an ordinary month has 30 lines)"),
    ],
    ids=["half the file", "a hundredfold", "refused rows", "nothing new"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_no_table_changes(
    spark: SparkSession, spring: Path, tmp_path: Path, june: Lines, said: str
) -> None:
    write_sales(tmp_path / "raw", june)
    before = state(spring / "warehouse")
    with pytest.raises(GuardError) as e:
        run_ingest(open_shop(spark, spring / "conf", spring / "warehouse"), str(tmp_path / "raw"))
    assert e.value.exit_code == 3
    assert said in str(e.value)
    assert str(e.value).endswith(f"in {spring}/conf/sources/shop.yml. Nothing was written.")
    assert state(spring / "warehouse") == before


@pytest.mark.long
def test_a_month_in_two_deliveries_counts_its_different_lines(
    spark: SparkSession, spring: Path, tmp_path: Path
) -> None:
    """14 lines by mid-June are no full month. 16 in July are too few where they repeat those, and else 30 in all."""
    shop = tmp_path / "shop"
    shutil.copytree(spring, shop)
    june = sold(6)
    assert deliver(spark, shop, write_sales(tmp_path / "first", june[:14]), dt.date(2024, 6, 16)) == 5 * 30 + 14
    with pytest.raises(GuardError, match="2024-06 has 16 lines"):
        deliver(spark, shop, write_sales(tmp_path / "again", june[:16]))
    assert deliver(spark, shop, write_sales(tmp_path / "others", june[14:])) == 6 * 30
    quality = table(shop / "warehouse", "data_quality")
    of_june = quality[quality["subject"] == "2024-06"].groupby("check")["value"].agg(sorted)
    assert of_june.to_dict() == {"month_lines": [14.0, 16.0], "month_median_amount": [3.0, 3.0]}


@pytest.mark.long
def test_an_odd_month_is_staged_once_the_mapping_says_why(spark: SparkSession, spring: Path, tmp_path: Path) -> None:
    shop, july = tmp_path / "shop", dt.date(2024, 7, 1)
    shutil.copytree(spring, shop)
    june = write_sales(tmp_path / "june", sold(6, 6))
    with pytest.raises(GuardError, match="2024-06 has 6 lines"):
        deliver(spark, shop, june, july)
    mapping = shop / "conf" / "sources" / "shop.yml"
    mapping.write_text(mapping.read_text().replace("min_rows: 20", "min_rows: 20, known_months: {2024-06: holidays}"))
    assert deliver(spark, shop, june, july) == 5 * 30 + 6


def test_a_month_of_refused_files_is_told_once(
    spark: SparkSession, spring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, june = tmp_path / "shop", write_sales(tmp_path / "june", sold(6, 17))
    shutil.copytree(spring, shop)
    hook = {"url": "$HOOK", "secret": "$HOOK_SECRET", "attempts": 1}
    (shop / "conf" / "alerts.yml").write_text(yaml.safe_dump({"webhook": hook}))
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with receiver(200) as (url, taken):
        monkeypatch.setenv("HOOK", url)
        for _ in range(2):
            with pytest.raises(GuardError, match="2024-06 has 17 lines") as refused:
                run_month(open_shop(spark, shop / "conf", shop / "warehouse"), dt.date(2024, 7, 1), str(june))
    [(_, body)] = taken
    told = json.loads(body)
    assert (told["as_of"], told["verdict"], told["lines"]) == ("2024-07-01", "refused", [str(refused.value)])
    alerts = table(shop / "warehouse", "alerts")
    assert alerts[["run_id", "channel"]].to_numpy().tolist() == [[told["run_id"], "webhook"]]


@pytest.mark.usefixtures("staging_only")
def test_a_day_without_its_afternoon_is_refused_until_that_has_come(spark: SparkSession, tmp_path: Path) -> None:
    """Five Mondays are staged, of 30 orders in the morning and 50 in the afternoon; then the sixth comes."""

    def monday(n: int, *hours: int) -> Lines:
        day = str(dt.date(2024, 4, 1) + dt.timedelta(weeks=n))
        orders = [(h, i) for h in hours for i in range(30 if h < 12 else 50)]
        return [line(f"{day}-{h}-{i}", f"c{i}", day, "3.00", sold_at=f"{day} {h:02d}:30:00") for h, i in orders]

    configure(tmp_path / "conf")
    weeks = [row for n in range(5) for row in monday(n, 9, 15)]
    assert deliver(spark, tmp_path, write_sales(tmp_path / "weeks", weeks), dt.date(2024, 5, 1)) == 5 * 80
    with pytest.raises(GuardError, match=r"2024-05-06 \(store\) has 0 orders from 10 to 24 h"):
        deliver(spark, tmp_path, write_sales(tmp_path / "half", monday(5, 9)), dt.date(2024, 5, 8))
    assert deliver(spark, tmp_path, write_sales(tmp_path / "day", monday(5, 9, 15)), dt.date(2024, 5, 8)) == 6 * 80


@pytest.mark.long
@pytest.mark.usefixtures("staging_only")
@pytest.mark.parametrize(
    ("scenario", "lines", "said"),
    [
        ("none", 60_000, None),
        ("christmas", 60_000, None),
        ("half_day_missing", 300_000, r"2023-12-16 .* has 0 orders from 12 to 24 h"),  # of fewer it may be chance
        ("currency_error", 60_000, "the median line of 2023-12 is"),
    ],
)
def test_files_of_the_made_up_retailer_with_an_error_in_them_are_never_staged(
    spark: SparkSession, tmp_path: Path, scenario: str, lines: int, said: str | None
) -> None:
    write_synthetic(spark, Retailer(900, lines, seed=7, scenario=find_scenario(scenario)), str(tmp_path))
    context = Context(Warehouse(spark, str(tmp_path / "warehouse")), CONF, "synthetic", Steps())
    if said is None:
        assert run_ingest(context, str(tmp_path / "raw"))["rows_out"] > 50_000
        return
    with pytest.raises(GuardError, match=said) as refused:
        run_ingest(context, str(tmp_path / "raw"))
    assert refused.value.exit_code == 3
    assert not (tmp_path / "warehouse").exists()


@pytest.mark.long
def test_as_a_user_sees_it_the_job_ends_with_3_and_one_sentence(tmp_path: Path) -> None:
    config = configure(tmp_path / "conf", GUARDED)
    write_sales(tmp_path / "raw", [*sold(1), *sold(2), *sold(3), *sold(5), *sold(6)])
    done = submit(
        "ingest", "--config", str(config), "--source", "shop", "--input", str(tmp_path / "raw"),
        "--warehouse", str(tmp_path / "warehouse"), fast=True,
    )  # fmt: skip
    assert done.returncode == 3
    (message,) = [text for text in (done.stdout + done.stderr).splitlines() if text.startswith("error: ")]
    assert message == (
        "error: transactions: 2024-04 without data (an ordinary month has 30 lines); expected no such months. Correct "
        "the files; if they are right, change guards.max_empty_months, or name the months and why under "
        f"guards.known_months in {config}/sources/shop.yml. Nothing was written."
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "warehouse").exists()
