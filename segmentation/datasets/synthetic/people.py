"""Who the customers are: their file with its history, their consents, and the planted truth."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import texts
from segmentation.datasets.synthetic.lives import in_stay, with_life
from segmentation.datasets.synthetic.profiles import NAMES, between, of_profile, weighted
from segmentation.datasets.synthetic.retailer import LAST_DAY, Retailer

# (town, region, weight)
TOWNS = (
    ("Hamburg", "North", 20), ("Bremen", "North", 8), ("Kiel", "North", 5), ("Berlin", "East", 18),
    ("Leipzig", "East", 7), ("Dresden", "East", 6), ("Köln", "West", 10), ("Essen", "West", 6), ("Bonn", "West", 4),
    ("München", "South", 9), ("Stuttgart", "South", 5), ("Freiburg im Breisgau", "South", 2),
)  # fmt: skip
INCOMES = ("under 1500", "1500-2499", "2500-3499", "3500-4999", "5000 and more")
TIERS = ("BRONZE", "SILVER", "GOLD")
TOPICS = ("email", "phone", "profiling")
CUSTOMER_COLUMNS = (
    "customer_no", "valid_from", "valid_until", "birth_year", "household_size", "children", "net_income", "housing",
    "marital_status", "club_tier", "town", "region", "newsletter", "account",
)  # fmt: skip


def customers(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per customer and period: a second since they moved or rose a tier, a last since they left."""
    kind, d = "segment", r.draws
    first = with_life(r, r.ids(spark, r.customers, "customer")).withColumn("segment", r.segment())
    first = first.withColumns(
        {
            "customer_no": r.number(),
            "birth_year": between(kind, lambda p: p.born, d.uniform("born", "customer")),
            "children": d.below(of_profile(kind, lambda p: p.children) + 1, "children", "customer"),
            "adults": 1 + d.chance(0.6, "couple", "customer").cast("int"),
            "net_income": F.get(
                texts(INCOMES), between(kind, lambda p: p.income, d.uniform("income", "customer"))
            ),
            "tier": weighted(kind, lambda p: p.tiers, d.below(100, "tier", "customer")),
            "newsletter": F.when(opted_in(r, kind), "Y").otherwise("N"),
        }
    )  # fmt: skip
    first = first.withColumns(
        {
            "household_size": F.col("adults") + F.col("children"),
            "marital_status": F.when(F.col("adults") == 2, "married").otherwise("single"),
            "housing": F.when(
                d.chance(0.2 + 0.5 * (F.col("birth_year") < 1975).cast("int"), "owner", "customer"), "own"
            ).otherwise("rented"),
            "change": d.uniform("change", "customer"),
        }
    )
    rises = (F.col("change") < 0.15) & (F.col("tier") < 2)
    first = first.withColumns(
        {
            "changed_on": F.coalesce("moved_on", in_stay(r, "rose")),
            "closed_on": F.col("left") + 1,
        }
    )
    changes = (F.col("moved_on").isNotNull() | rises) & (F.col("changed_on") < F.coalesce("closed_on", F.lit(r.days)))
    periods = F.array_compact(
        F.array(F.lit(0), F.when(changes, F.lit(1)), F.when(F.col("closed_on").isNotNull(), F.lit(2)))
    )
    rows = first.select("*", F.explode(periods))
    is_first, is_closed = F.col("col") == 0, F.col("col") == 2
    since = F.when(is_first, F.col("joined")).when(is_closed, F.col("closed_on")).otherwise(F.col("changed_on"))
    until = F.coalesce(F.when(is_first & changes, F.col("changed_on")), F.when(~is_closed, F.col("closed_on")))
    place = town(r, since)
    rank = F.least(F.col("tier") + (~is_first & changes & rises).cast("int"), F.lit(2))
    return rows.withColumns(
        {
            "row": F.when(is_closed, F.col("customer") + 2 * r.customers).otherwise(
                F.col("customer") * 2 + F.col("col")
            ),
            "valid_from": r.date_of(since).cast("string"),
            "valid_until": r.date_of(until).cast("string"),
            "newsletter": F.when(is_closed, "N").otherwise(F.col("newsletter")),
            "account": F.when(is_closed, "closed").when(d.chance(0.01, "staff", "customer"), "staff").otherwise("open"),
            "club_tier": F.get(texts(TIERS), rank),
            "town": F.get(texts([t for t, _, _ in TOWNS]), place),
            "region": F.get(texts([region for _, region, _ in TOWNS]), place),
            "children": F.col("children").cast("string"),
            "household_size": F.col("household_size").cast("string"),
        }
    ).select("row", *CUSTOMER_COLUMNS)


def consents(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per customer, topic and period. One of eight is taken back in the stay, if its day has come."""
    d = r.draws
    asked = r.ids(spark, r.customers * len(TOPICS), "asked").withColumns(
        {"customer": F.expr(f"asked div {len(TOPICS)}"), "topic": F.get(texts(TOPICS), _mod("asked", len(TOPICS)))}
    )
    given = d.chance(0.7, "given", "asked")
    day = in_stay(r, "withdrawn on", "asked")
    withdrawn = given & d.chance(0.18, "withdrawn", "asked") & (day < r.days)
    periods = F.when(withdrawn, F.array(F.lit(0), F.lit(1))).otherwise(F.array(F.lit(0)))
    on = r.date_of(day).cast("string")
    is_later = F.col("col") == 1
    return (
        with_life(r, asked)
        .select("*", F.size(periods).alias("n"), F.explode(periods))
        .select(
            (F.col("asked") * 2 + F.col("col")).alias("row"),
            r.number().alias("customer_no"),
            "topic",
            F.when(is_later, on).otherwise(r.date_of("joined").cast("string")).alias("given_from"),
            F.when((F.col("n") == 2) & ~is_later, on).alias("given_until"),
            F.when(given & ~is_later, "yes").otherwise("no").alias("answer"),
        )
    )


def truth(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per customer: the planted segment, and as which one it behaves at the end; never an input."""
    people = r.ids(spark, r.customers, "customer").withColumns({"segment": r.segment(), "day_date": F.lit(LAST_DAY)})
    name = [F.get(texts(NAMES), column) for column in (F.col("segment"), r.behaves())]
    return people.select(
        r.number().alias("customer_no"), name[0].alias("segment"), name[1].alias("segment_at_end")
    )  # fmt: skip


def opted_in(r: Retailer, kind: str) -> Column:
    """Whether the customer wants mail; half of what follows is sent to nobody else."""
    return r.draws.chance(of_profile(kind, lambda p: p.opt_in), "opt in", "customer")


def town(r: Retailer, day: Column) -> Column:
    """The position in TOWNS of where somebody with_life lives on that day."""
    d = r.draws
    before = d.pick([weight for _, _, weight in TOWNS], "town", "customer")
    after = d.pick([weight for _, _, weight in TOWNS], "next town", "customer")
    return F.when(day >= F.col("moved_on"), after).otherwise(before)


def _mod(name: str, n: int) -> Column:
    return (F.col(name) % n).cast("int")
