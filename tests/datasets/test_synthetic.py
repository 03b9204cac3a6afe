"""The synthetic supermarket: the same wherever it is made, as skewed and seasonal as it says, with known truth."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.clustering import KMeans
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scipy.stats import ks_2samp, kstest
from sklearn.metrics import adjusted_rand_score

from segmentation.core import BadInputError, ConfigError
from segmentation.datasets import Retailer, find_scenario, write_synthetic
from segmentation.datasets.synthetic import contacts, people, sales
from segmentation.datasets.synthetic.faults import FAULTS
from segmentation.datasets.synthetic.lives import with_life
from segmentation.datasets.synthetic.profiles import PROFILES
from segmentation.datasets.synthetic.retailer import LAST_DAY
from segmentation.staging import clean, contracts
from tests.datasets.data import digests, lines, shop, truths

DRAWN = {
    "transactions",
    "customers",
    "consents",
    "campaigns",
    "mailings",
    "events",
    "redemptions",
    "tickets",
    "answers",
}

TELLING = ("Organic & Health", "Bakery & Counter", "Household & Cosmetics", "Dry Food")


@pytest.fixture(scope="module")
def usual(spark: SparkSession) -> pd.DataFrame:
    return lines(spark, shop(customers=400, lines=24_000))


@pytest.fixture(scope="module")
def planted(spark: SparkSession) -> pd.Series:
    return truths(spark, shop(customers=400, lines=24_000))["segment"]


@pytest.mark.long
def test_a_seed_gives_the_same_rows_however_the_work_is_cut(spark: SparkSession) -> None:
    shops = {tasks: shop(customers=40, lines=600, rows_per_task=-(-600 // tasks)) for tasks in (1, 3, 7)}
    for tasks, retailer in shops.items():
        assert retailer.ids(spark, retailer.lines, "line").rdd.getNumPartitions() == tasks
    found = {tasks: digests(spark, retailer) for tasks, retailer in shops.items()}
    assert found[1] == found[3] == found[7]
    other = digests(spark, shop(customers=40, lines=600, seed=8))
    assert {name for name in other if other[name] != found[1][name]} == DRAWN  # the shelves are not drawn


def test_the_number_of_lines_is_what_was_asked_for(usual: pd.DataFrame) -> None:
    assert (usual["document"] == "SALE").sum() == 24_000
    assert usual["sold_at"].dt.date.min() >= shop().first_day
    assert usual["sold_at"].dt.date.max() <= LAST_DAY


def test_a_return_takes_back_what_its_order_had_later_and_at_its_price(usual: pd.DataFrame) -> None:
    returns = usual[usual["document"] == "RETURN"].reset_index()
    assert len(returns) > 100
    bought = usual[usual["document"] == "SALE"].reset_index()
    both = returns.merge(bought, left_on=["original_receipt_no", "sku"], right_on=["receipt_no", "sku"])
    same = both[(both["quantity_x"] == -both["quantity_y"]) & (both["net_amount_x"] == -both["net_amount_y"])]
    assert same["receipt_no_x"].nunique() == len(returns)
    assert (same["customer_no_x"] == same["customer_no_y"]).all()
    assert (same["sold_at_x"] > same["sold_at_y"]).all()


def test_a_fifth_of_the_customers_buys_two_thirds_and_nobody_without_bound(
    usual: pd.DataFrame, planted: pd.Series
) -> None:
    counts = usual.groupby("customer_no").size().reindex(planted.index, fill_value=0)
    by_segment = counts.groupby(planted)
    top = by_segment.apply(lambda n: n.sort_values(ascending=False).head(round(len(n) / 5)).sum() / n.sum())
    assert top.between(0.5, 0.75).all(), top
    # Meant to be ten by places, of which there are three for four customers, and chance.
    assert (by_segment.max() / by_segment.mean() < 17).all()
    every = counts.sort_values(ascending=False)
    assert every.head(80).sum() / every.sum() > 0.65


@pytest.mark.long
def test_the_whale_holds_its_share_and_changes_no_other_line(spark: SparkSession, usual: pd.DataFrame) -> None:
    with_whale = lines(spark, shop(customers=400, lines=24_000, whale_share=0.1))
    share = with_whale["customer_no"].value_counts(normalize=True)
    whale = share.index[0]
    before = (usual["customer_no"] == whale).mean()
    # 2,000 blocks of twelve lines: a standard deviation of 0.7 %.
    assert share.iloc[0] == pytest.approx(0.1 + 0.9 * before, abs=0.025)
    assert with_whale[with_whale["customer_no"] == whale]["day"].dt.dayofyear.nunique() > 300  # it never leaves
    assert before < 0.07
    others = with_whale[with_whale["customer_no"] != whale]
    pd.testing.assert_frame_equal(others, usual.loc[others.index])


def test_weeks_and_weekdays_differ_as_the_calendar_says_and_years_do_not(usual: pd.DataFrame) -> None:
    day = usual[usual["document"] == "SALE"]["day"]
    week = (day - pd.Timestamp(shop().first_day)).dt.days // 7
    weekly = week.value_counts().sort_index()
    assert len(weekly) == 104
    for year in (0, 52):
        ordinary = weekly.loc[year + 8 : year + 27].mean()
        assert weekly.loc[year + 48 : year + 50].mean() / ordinary == pytest.approx(1.77, abs=0.2)  # before Christmas
        assert weekly.loc[year + 29 : year + 32].mean() / ordinary == pytest.approx(0.78, abs=0.15)  # holidays
    weekday = day.dt.dayofweek.value_counts(normalize=True)
    assert weekday[5] == pytest.approx(0.24, abs=0.03)
    assert weekday[6] == pytest.approx(0.07, abs=0.02)
    assert weekly.loc[52:].sum() == pytest.approx(weekly.loc[:51].sum(), rel=0.04)


def test_accounts_close_when_customers_leave_and_one_in_a_hundred_is_staff(spark: SparkSession) -> None:
    retailer = shop(customers=2000)
    rows = people.customers(spark, retailer).toPandas().sort_values(["customer_no", "valid_from"])
    assert rows["row"].is_unique
    last = rows.groupby("customer_no").tail(1)
    closed = rows[rows["account"] == "closed"]
    assert closed["valid_until"].isna().all()
    assert set(closed.index) <= set(last.index)
    assert (closed["newsletter"] == "N").all()
    assert len(closed) == 2000 // 4
    staff = rows[rows["account"] == "staff"]["customer_no"].nunique()
    assert staff / 2000 == pytest.approx(0.01, abs=0.007)
    # A period ends where the next one begins.
    assert last["valid_until"].isna().all()
    earlier = rows[rows["customer_no"] == rows["customer_no"].shift(-1)]
    assert (earlier["valid_until"] == rows["valid_from"].shift(-1)[earlier.index]).all()
    assert (earlier["valid_until"] > earlier["valid_from"]).all()
    assert rows.groupby("customer_no").size().max() == 3


@pytest.mark.parametrize("years", [1, 3])
def test_at_any_time_as_many_customers_are_there_and_have_been_there_as_long(spark: SparkSession, years: int) -> None:
    retailer = shop(customers=8_000, years=years)
    everybody = retailer.ids(spark, 8_000, "customer").withColumn("segment", retailer.segment())
    life = with_life(retailer, everybody).toPandas()
    assert (life["joined"] < retailer.days).all()
    then = [0, retailer.days // 3, retailer.days - 1]
    there = [life[(life["joined"] <= t) & ~(life["left"] < t)] for t in then]
    assert [len(rows) for rows in there] == [6_000] * 3
    assert all(rows["segment"].value_counts().equals(there[0]["segment"].value_counts()) for rows in there)
    tenure = [t - rows["joined"] for t, rows in zip(then, there, strict=True)]
    moved = [(rows["moved_on"] <= t).mean() for t, rows in zip(then, there, strict=True)]
    for later, share in zip(tenure[1:], moved[1:], strict=True):
        # Two samples of 6,000 exceed this by chance once in 10,000 cases, and half of these are the same people.
        assert ks_2samp(tenure[0], later).statistic < 0.04
        assert share == pytest.approx(moved[0], abs=0.018)
    # A third of the places change hands, at a rate that does not change.
    joined = life.loc[life["joined"] > 0, "joined"]
    assert len(joined) == 2_000
    assert kstest(joined / retailer.days, "uniform").statistic < 0.045


def test_nobody_buys_or_redeems_before_joining_or_after_leaving(spark: SparkSession) -> None:
    retailer = shop(customers=400, lines=24_000)
    life = with_life(retailer, retailer.ids(spark, 400, "customer"))
    life = life.select(retailer.number().alias("customer_no"), "joined", "left")
    nth = F.datediff("on", F.lit(retailer.first_day))
    outside = F.count_if((nth < F.col("joined")) | (nth > F.col("left")))
    bought, _ = sales.sales(spark, retailer)
    for rows, expected in (
        (bought.withColumn("on", F.to_date("sold_at")), 24_000),
        (contacts.redemptions(spark, retailer).withColumn("on", F.to_date("redeemed_on")), None),
    ):
        counted = rows.join(life, "customer_no").agg(F.count("*"), outside, F.count("left")).collect()
        [(n, wrong, of_leavers)] = counted
        assert n == (expected or rows.count())
        assert wrong == 0
        assert of_leavers > 50


def test_planted_segments_are_found_again_in_the_lines(
    spark: SparkSession, usual: pd.DataFrame, planted: pd.Series
) -> None:
    bought = usual[usual["document"] == "SALE"].reset_index()
    by_customer = bought.groupby("customer_no")
    features = pd.DataFrame(
        {
            "discount": by_customer["discount_percent"].mean(),
            "price": by_customer["list_price"].mean(),
            "basket": by_customer.size() / by_customer["receipt_no"].nunique(),
            **{c: bought["product_group"].eq(c).groupby(bought["customer_no"]).mean() for c in TELLING},
            "online": bought["sales_channel"].ne("STORE").groupby(bought["customer_no"]).mean(),
            "evening": (bought["sold_at"].dt.hour >= 18).groupby(bought["customer_no"]).mean(),
            "card": bought["payment"].eq("CARD").groupby(bought["customer_no"]).mean(),
            "returned": usual[usual["document"] == "RETURN"].groupby("customer_no").size() / by_customer.size(),
        }
    ).fillna({"returned": 0})
    features = features[by_customer.size() >= 10]
    scaled = (features - features.mean()) / features.std()
    rows = [(c, [float(v) for v in row]) for c, row in zip(scaled.index, scaled.to_numpy(), strict=True)]
    points = spark.createDataFrame(rows, "customer_no string, x array<double>")
    vectors = points.select("customer_no", array_to_vector("x").alias("features"))
    models = [KMeans(k=5, seed=seed, initSteps=5).fit(vectors) for seed in range(4)]
    best = min(models, key=lambda m: m.summary.trainingCost)
    found = best.transform(vectors).toPandas().set_index("customer_no")
    assert adjusted_rand_score(planted.loc[found.index], found["prediction"]) > 0.95
    assert planted.value_counts(normalize=True).to_dict() == {
        p.name: p.customers / 100 for p in PROFILES if p.customers
    }


def test_customer_numbers_are_unique_and_tell_no_segment(planted: pd.Series) -> None:
    assert planted.index.is_unique
    assert len(planted) == 400
    # Of 400 neighbours two in the same segment: by chance 0.15² + 3·0.25² + 0.1² = 22 %.
    neighbours = planted.sort_index().to_numpy()
    assert np.mean(neighbours[1:] == neighbours[:-1]) < 0.35


def test_a_fault_is_planted_for_every_rule_of_the_contracts() -> None:
    code = inspect.getsource(contracts) + inspect.getsource(inspect.getmodule(clean))  # type: ignore[arg-type]
    rules = set(re.findall(r'yield \(?\s*"(\w+)"', code)) | set(re.findall(r'F\.lit\("(\w+)"\)\.alias\("rule"\)', code))
    rules |= set(re.findall(r'"(missing_\w+)"', code))
    assert len(rules) == 14
    # Spark writes no line that it could not read: tests/jobs/test_bad_input.py has some.
    assert rules - {"malformed_row"} == rules & {f.rule for faults in FAULTS.values() for f in faults}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"customers": 19}, "19 customers are too few"),
        ({"lines": 0}, "0 lines are no data"),
        ({"whale_share": 0.95}, "whale share 0.95 is out of range"),
        ({"years": 4}, "4 years are out of range. Expected 1 to 3"),
    ],
)
def test_sizes_that_make_no_retailer_are_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Retailer(**{"customers": 100, "lines": 100, "seed": 1, **changes})  # type: ignore[arg-type]


def test_an_unknown_scenario_names_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r'scenario "cristmas" is not known.*Did you mean "christmas"'):
        find_scenario("cristmas")


def test_files_that_are_there_are_never_overwritten(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "raw" / "transactions.parquet").mkdir(parents=True)
    with pytest.raises(BadInputError, match="there are files already"):
        write_synthetic(spark, shop(), str(tmp_path))
