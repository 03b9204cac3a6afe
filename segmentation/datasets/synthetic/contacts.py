"""What passes between customers and the retailer outside purchases: campaigns, mails, visits, service, surveys."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from segmentation.datasets.synthetic.draws import cents, texts
from segmentation.datasets.synthetic.lives import is_customer, with_life
from segmentation.datasets.synthetic.people import opted_in
from segmentation.datasets.synthetic.profiles import VISIT_SPREAD, between, of_profile
from segmentation.datasets.synthetic.retailer import Retailer

CAMPAIGNS, CAMPAIGN_DAYS = 13, 28
"""A year; mail goes out evenly, to every customer on another day of a campaign."""
COUPON_DAYS = 21
VISITS, CALLS, SURVEYS = 24, 4, 6
"""Occasions a customer has in a year; profiles say how many of them are taken."""
EVENT_COLUMNS = ("event_id", "customer_no", "event_at", "event_name", "campaign_code", "device", "minutes")


def campaigns(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per campaign, one every four weeks; budgets in EUR."""
    first, d = F.col("campaign").cast("int") * CAMPAIGN_DAYS, r.draws
    return r.ids(spark, CAMPAIGNS * r.years, "campaign").select(
        F.col("campaign").alias("row"),
        _code().alias("campaign_code"),
        F.get(texts(["Season", "Win back", "New range"]), (F.col("campaign") % 3).cast("int")).alias("occasion"),
        F.lit("e-mail").alias("medium"),
        r.date_of(first).cast("string").alias("first_day"),
        r.date_of(first + (CAMPAIGN_DAYS + COUPON_DAYS - 1)).cast("string").alias("last_day"),
        cents(2000 + 8000 * d.uniform("budget", "campaign")).alias("budget_eur"),
    )


def mailings(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per customer and campaign sent; `row` numbers them."""
    return _sent(spark, r).select(
        F.col("contact").alias("row"), _code().alias("campaign_code"), r.number().alias("customer_no"),
        F.col("day_date").alias("sent_on"),
    )  # fmt: skip


def redemptions(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per coupon of a campaign that was redeemed, less than COUPON_DAYS after it came."""
    redeemed = r.draws.chance(of_profile("kind", lambda p: p.redeemed), "redeemed", "contact")
    on = F.col("day") + r.draws.below(COUPON_DAYS, "redeemed after", "contact")
    return _behaving(r, _sent(spark, r)).where(redeemed & (on <= F.coalesce("left", F.lit(r.days - 1)))).select(
        F.col("contact").alias("row"), F.concat(F.lit("G"), F.col("contact").cast("string")).alias("coupon_no"),
        r.number().alias("customer_no"), _code().alias("campaign_code"),
        r.date_of(on).cast("string").alias("redeemed_on"),
    )  # fmt: skip


def events(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per mail opened, link clicked and page visited, as recorded under the scenario."""
    d = r.draws
    mails = _behaving(r, _sent(spark, r)).where(d.chance(of_profile("kind", lambda p: p.opened), "opened", "contact"))
    second = d.below(16 * 3600, "opened at", "contact") + 6 * 3600
    mails = mails.withColumns({"minutes": F.lit(None).cast("double"), "campaign_code": _code(), "second": second})
    clicks = mails.where(d.chance(of_profile("kind", lambda p: p.clicked), "clicked", "contact"))
    recorded = [
        mails.withColumns({"row": F.col("contact") * 3, "event_name": F.lit("mail_open")}),
        clicks.withColumns(
            {"row": F.col("contact") * 3 + 1, "event_name": F.lit("mail_click"), "second": F.col("second") + 40}
        ),
        _visits(spark, r).withColumns({"row": F.col("occasion") * 3 + 2, "event_name": F.lit("page_visit")}),
    ]
    return recorded_events(r, recorded[0]).unionByName(recorded_events(r, recorded[1])).unionByName(
        recorded_events(r, recorded[2])
    )  # fmt: skip


def recorded_events(r: Retailer, rows: DataFrame) -> DataFrame:
    """The columns of the events file, from customer, row, day, day_date, second, minutes and campaign_code."""
    device = F.when(r.draws.chance(0.6, "device", "row"), "mobile").otherwise("desktop")
    return r.scenario.visited(
        rows.withColumns(
            {
                "event_id": F.concat(F.lit("E"), F.col("row").cast("string")),
                "customer_no": r.number(),
                "event_at": r.clock("day", F.col("second")),
                "device": device,
            }
        )
    ).select("row", *EVENT_COLUMNS)


def tickets(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per call, chat or letter to the service."""
    d = r.draws
    calls = _occasions(spark, r, CALLS, "call")
    calls = calls.where(d.chance(of_profile("kind", lambda p: p.contacted), "contacted", "occasion"))
    complains = d.chance(of_profile("kind", lambda p: p.complaints), "complains", "occasion")
    medium = F.get(texts(["phone", "chat", "letter"]), d.pick([5, 4, 1], "medium", "occasion"))
    return calls.select(
        F.col("occasion").alias("row"),
        F.concat(F.lit("T"), F.col("occasion").cast("string")).alias("ticket_no"),
        r.number().alias("customer_no"),
        r.clock("day", d.below(10 * 3600, "called at", "occasion") + 8 * 3600).cast("string").alias("opened_at"),
        F.when(complains, "complaint").otherwise("question").alias("reason"),
        medium.alias("medium"),
    )


def answers(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per answer: every other survey asks for a recommendation (0..10), the others for satisfaction (1..5)."""
    d = r.draws
    asked = _occasions(spark, r, SURVEYS, "survey")
    asked = asked.where(d.chance(of_profile("kind", lambda p: p.answered), "answered", "occasion"))
    u, is_nps = d.uniform("answer", "occasion"), F.col("occasion") % 2 == 0
    answer = F.when(is_nps, between("kind", lambda p: p.nps, u)).otherwise(between("kind", lambda p: p.satisfaction, u))
    return asked.select(
        F.col("occasion").alias("row"),
        F.concat(F.lit("A"), F.col("occasion").cast("string")).alias("answer_no"),
        r.number().alias("customer_no"),
        F.col("day_date").cast("string").alias("answered_on"),
        F.when(is_nps, "NPS").otherwise("CSAT").alias("survey"),
        answer.cast("string").alias("answer"),
    )


def _sent(spark: SparkSession, r: Retailer) -> DataFrame:
    """One row per customer and campaign sent: contact, customer, segment, campaign, day, day_date."""
    d = r.draws
    each = CAMPAIGNS * r.years
    asked = (
        r.ids(spark, r.customers * each, "contact")
        .withColumns({"customer": F.expr(f"contact div {each}"), "campaign": F.col("contact") % each})
        .withColumn("segment", r.segment())
    )
    day = F.col("campaign").cast("int") * CAMPAIGN_DAYS + d.below(CAMPAIGN_DAYS, "sent", "contact")
    rows = _on_day(r, with_life(r, asked), day)
    # Opting in follows from the segment, not from what a scenario makes of the customer: nobody asked again.
    return rows.where(is_customer() & opted_in(r, "segment") & d.chance(0.75, "chosen", "contact"))


def _visits(spark: SparkSession, r: Retailer) -> DataFrame:
    d = r.draws
    visits = _occasions(spark, r, VISITS, "visit")
    visits = visits.where(d.chance(of_profile("kind", lambda p: p.visited), "visited", "occasion"))
    usual = of_profile("kind", lambda p: p.minutes) + VISIT_SPREAD * d.bell("usual minutes", "customer")
    return visits.withColumns(
        {
            "minutes": cents(usual * (0.8 + 0.4 * d.uniform("minutes", "occasion"))),
            "second": d.below(16 * 3600, "visited at", "occasion") + 6 * 3600,
            "campaign_code": F.lit(None).cast("string"),
        }
    )


def _occasions(spark: SparkSession, r: Retailer, a_year: int, name: str) -> DataFrame:
    """`a_year` days a year of every customer, spread evenly: occasion, customer, day, day_date, kind."""
    each = a_year * r.years
    rows = r.ids(spark, r.customers * each, "occasion").withColumn("customer", F.expr(f"occasion div {each}"))
    rows = rows.withColumn("segment", r.segment())
    nth = (F.col("occasion") % each).cast("int")
    day = F.floor((nth + r.draws.uniform(f"{name} day", "occasion")) * (r.days / each)).cast("int")
    return _behaving(r, _on_day(r, with_life(r, rows), day).where(is_customer()))


def _on_day(r: Retailer, rows: DataFrame, day: Column) -> DataFrame:
    return rows.withColumn("day", day).withColumn("day_date", r.date_of("day"))


def _behaving(r: Retailer, rows: DataFrame) -> DataFrame:
    """Adds kind, the profile after which the customer behaves on the day."""
    return rows.withColumn("kind", r.behaves())


def _code() -> Column:
    return F.concat(F.lit("C"), F.lpad(F.col("campaign").cast("string"), 2, "0"))
