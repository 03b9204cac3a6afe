"""Every table: columns, types, keys, grain and comments. The names here are the public interface.

A `Table` is data. `io` creates it and writes its comments into Delta; `staging` reads the row contracts
(`required`, `non_negative`, …) from the same columns, so that a rule stands in one place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["state", "published", "log"]

MONEY = "decimal(18,2)"
DIMENSIONS = ("demographics", "transactional", "behavioral", "psychographic", "cx_engagement")
UNIFIED = "unified"
NO_DATA = "no_data"


@dataclass(frozen=True)
class Column:
    """A column: its Spark type, what it means (with unit and what null says), and its row contract."""

    name: str
    type: str
    comment: str
    required: bool = False
    non_negative: bool = False
    """Negative values are refused, except where the row is marked `is_return`."""


@dataclass(frozen=True)
class Table:
    """A table's contract. `state` changes by one commit an ingest, `published` is partitioned by (as_of, run_id)."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    kind: Kind = "published"
    date_column: str | None = field(default=None)
    """The column that says on which day a row happened, checked for impossible and future dates."""
    change_feed: bool = False
    """Whether the table tells which of its rows a commit inserted, updated or deleted."""
    parted_by: tuple[str, ...] = ()
    """Of a state table the columns whose values have files of their own: what lies in others stays unread."""

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order: the `select` that ends a transform."""
        return tuple(c.name for c in self.columns)

    @property
    def ddl(self) -> str:
        """The columns as Spark reads a schema: names and types."""
        return ", ".join(f"`{c.name}` {c.type}" for c in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`. Raises KeyError where there is none."""
        return {c.name: c for c in self.columns}[name]

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The partition columns. Disjoint attempts at published tables never conflict."""
        return ("as_of", "run_id") if self.kind == "published" else self.parted_by


def _c(name: str, type_: str, comment: str, *, required: bool = False, non_negative: bool = False) -> Column:
    return Column(name, type_, comment, required, non_negative)


AS_OF = _c("as_of", "date", "The run sees exactly the events before this day")
RUN_ID = _c("run_id", "string", "The attempt that wrote the row; see runs")
DIMENSION = _c("dimension", "string", "One of the five dimensions, or unified")

STG_TRANSACTIONS = Table(
    "stg_transactions",
    "one row per line of a receipt",
    ("transaction_id", "line_no"),
    (
        _c("transaction_id", "string", "The receipt", required=True),
        _c("line_no", "int", "The line within the receipt, from 1", required=True),
        _c("customer_id", "string", "The customer", required=True),
        _c("transaction_ts", "timestamp", "Instant of purchase, UTC", required=True),
        _c("event_date", "date", "Calendar day of purchase in the source's time zone", required=True),
        _c("local_hour", "int", "Hour of purchase in the source's time zone, 0..23"),
        _c("order_id", "string", "The order; the receipt where the source knows no orders", required=True),
        _c("product_id", "string", "The product; null where unknown"),
        _c("category", "string", "Product category; null where unknown"),
        _c("department", "string", "Group of categories in the system's words (fresh, grocery, …); null where unknown"),
        _c("is_private_label", "boolean", "The retailer's own brand; null where unknown"),
        _c("quantity", "decimal(18,3)", "Units bought, in unit_of_measure; negative on returns", non_negative=True),
        _c("unit_of_measure", "string", "item, or what else quantity counts (fuel_volume, kg, …)", required=True),
        _c("unit_price", "decimal(18,6)", "Price paid for one unit, in currency; null for quantity 0"),
        _c("discount_amount", MONEY, "Reductions that the retailer bears: shelf price = net_amount + this",
           non_negative=True),
        _c("coupon_amount", MONEY, "Coupons of the line, the manufacturers' too; null where unknown",
           non_negative=True),
        _c("net_amount", MONEY, "Revenue of the line after discounts; negative on returns", required=True,
           non_negative=True),
        _c("cost_amount", MONEY, "Cost of the goods; null where unknown", non_negative=True),
        _c("currency", "string", "ISO 4217 code", required=True),
        _c("channel", "string", "online or store; null where unknown"),
        _c("store_id", "string", "The store; null online or where unknown"),
        _c("payment_method", "string", "card, cash, invoice, …; null where unknown"),
        _c("is_return", "boolean", "The line takes goods back", required=True),
    ),
    "state",
    "event_date",
    change_feed=True,
)  # fmt: skip

STG_CUSTOMERS = Table(
    "stg_customers",
    "one row per customer and period of validity",
    ("customer_id", "valid_from"),
    (
        _c("customer_id", "string", "The customer", required=True),
        _c("valid_from", "date", "First day the attributes hold; 1900-01-01 in an undated snapshot", required=True),
        _c("valid_to", "date", "First day they no longer hold; null while they do"),
        _c("age_band", "string", "Age band as the source words it; null where unknown"),
        _c("age_band_rank", "int", "Position of the age band, 1 = youngest; null where unknown"),
        _c("income_band", "string", "Household income band as the source words it; null where unknown"),
        _c("income_band_rank", "int", "Position of the income band, 1 = lowest; null where unknown"),
        _c("home_ownership", "string", "Owner, renter, …; null where unknown"),
        _c("marital_status", "string", "Married, …; null where unknown"),
        _c("household_size", "int", "Persons in the household (top-coded as the source does); null where unknown",
           non_negative=True),
        _c("children", "int", "Children in the household (top-coded as the source does); null where unknown",
           non_negative=True),
        _c("loyalty_tier", "string", "Loyalty tier as the source words it; null where unknown"),
        _c("loyalty_tier_rank", "int", "Position of the tier, 1 = lowest; null where unknown"),
        _c("city", "string", "City; null where unknown"),
        _c("region", "string", "Region; null where unknown"),
        _c("account_status", "string", "open, closed, staff or what else the source says; null where unknown"),
    ),
    "state",
)  # fmt: skip

STG_PRODUCTS = Table(
    "stg_products",
    "one row per product",
    ("product_id",),
    (
        _c("product_id", "string", "The product", required=True),
        _c("category", "string", "Product category; null where unknown"),
        _c("department", "string", "Group of categories in the system's words; null where unknown"),
        _c("brand", "string", "Brand; null where unknown"),
        _c("is_private_label", "boolean", "The retailer's own brand; null where unknown"),
    ),
    "state",
)

STG_CAMPAIGNS = Table(
    "stg_campaigns",
    "one row per campaign",
    ("campaign_id",),
    (
        _c("campaign_id", "string", "The campaign", required=True),
        _c("campaign_type", "string", "The source's type of campaign; null where unknown"),
        _c("channel", "string", "mail, e-mail, app, …; null where unknown"),
        _c("starts_on", "date", "First day", required=True),
        _c("ends_on", "date", "Last day; null while open"),
        _c("cost_amount", MONEY, "Cost in the reporting currency; null where unknown", non_negative=True),
    ),
    "state",
)

STG_INTERACTIONS = Table(
    "stg_interactions",
    "one row per contact between a customer and the retailer outside a purchase",
    ("interaction_id",),
    (
        _c("interaction_id", "string", "The contact", required=True),
        _c("customer_id", "string", "The customer", required=True),
        _c("interaction_ts", "timestamp", "Instant, UTC; null where only the day is known"),
        _c("event_date", "date", "Calendar day in the source's time zone", required=True),
        _c("interaction_type", "string",
           "exposure, redemption, open, click, visit, service_contact or complaint", required=True),
        _c("campaign_id", "string", "The campaign; null outside campaigns"),
        _c("channel", "string", "Channel; null where unknown"),
        _c("minutes", "decimal(18,3)", "Duration of a visit in minutes; null otherwise", non_negative=True),
    ),
    "state",
    "event_date",
)  # fmt: skip

STG_CONSENT = Table(
    "stg_consent",
    "one row per customer, purpose and period of validity",
    ("customer_id", "purpose", "valid_from"),
    (
        _c("customer_id", "string", "The customer", required=True),
        _c("purpose", "string", "What was consented to: email, phone, post, profiling, …", required=True),
        _c("valid_from", "date", "First day the status holds", required=True),
        _c("valid_to", "date", "First day it no longer holds; null while it does"),
        _c("status", "string", "granted or withdrawn", required=True),
    ),
    "state",
)

STG_FEEDBACK = Table(
    "stg_feedback",
    "one row per answer a customer gave",
    ("feedback_id",),
    (
        _c("feedback_id", "string", "The answer", required=True),
        _c("customer_id", "string", "The customer", required=True),
        _c("event_date", "date", "Calendar day in the source's time zone", required=True),
        _c("feedback_type", "string", "nps (0..10) or satisfaction (1..5)", required=True),
        _c("score", "decimal(18,3)", "The answer on its scale", required=True, non_negative=True),
    ),
    "state",
    "event_date",
)

STAGED = (
    STG_PRODUCTS,
    STG_TRANSACTIONS,
    STG_CUSTOMERS,
    STG_CAMPAIGNS,
    STG_INTERACTIONS,
    STG_CONSENT,
    STG_FEEDBACK,
)

QUARANTINE = Table(
    "quarantine",
    "one row per refused input row",
    ("source_table", "row_hash", "occurrence"),
    (
        _c("source_table", "string", "The input the row came from: transactions, customers, …"),
        _c("row_hash", "string", "SHA-256 of the raw row"),
        _c("occurrence", "int", "1 for the first of several identical raw rows"),
        _c("row_key", "string", "Its key in the staged table, JSON; null where it has none"),
        _c("rule", "string", "The rule it broke first"),
        _c("reason", "string", "What was found and what was expected"),
        _c("raw_row", "string", "The row as it was read, JSON"),
        _c("run_id", "string", "The ingest run that refused it first"),
        _c("ingested_at", "timestamp", "When that was, UTC"),
    ),
    "state",
)

DATA_QUALITY = Table(
    "data_quality",
    "one row per ingest run, staged table, check and subject",
    ("run_id", "source_table", "check", "subject"),
    (
        _c("as_of", "date", "The day the files were received: later rows were refused as future"),
        RUN_ID,
        _c("source_table", "string", "The input: transactions, customers, …"),
        _c(
            "check",
            "string",
            "rows_read, rows_accepted, rows_quarantined, quarantined_by_rule (repeats: duplicate_line and "
            "conflicting_line), null_share, absent; days_since_newest (event, when the files were received); of the "
            "accepted values of an amount or quantity minimum, percentile_5, percentile_25, median, percentile_75, "
            "percentile_95, maximum and mean; month_lines and month_median_amount (returns left out)",
        ),
        _c("subject", "string", "The rule, column or month (2017-01) the value belongs to; empty for the whole input"),
        _c(
            "value", "double", "Rows, days, a share 0..1 where the check says share, or in the column's unit; 1: absent"
        ),
    ),
)

K_SWEEP = Table(
    "k_sweep",
    "one row per fitted candidate",
    ("run_id", "dimension", "k", "seed"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("k", "int", "Number of clusters asked for"),
        _c("seed", "bigint", "Seed of the initial centroids"),
        _c("sse", "double", "Sum of squared distances to the own centroid, scaled units"),
        _c("silhouette", "double", "Mean silhouette, squared Euclidean, −1..1; null for one cluster"),
        _c("davies_bouldin", "double", "Davies–Bouldin index, lower is better; null for one cluster"),
        _c("calinski_harabasz", "double", "Calinski–Harabasz index, higher is better; null for one cluster"),
        _c("iterations", "int", "Lloyd iterations until it stood still"),
        _c("min_share", "double", "Share of customers in the smallest cluster, 0..1"),
        _c("engine", "string", "What fitted it: lloyd or mllib"),
    ),
)

K_SELECTION = Table(
    "k_selection",
    "one row per fitted dimension",
    ("run_id", "dimension"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("k", "int", "The chosen number of segments; null where no structure was found"),
        _c("seed", "bigint", "The seed of the chosen candidate; null where nothing was fitted"),
        _c("chosen_by", "string", "system, or user where conf/sweep.yml pins k"),
        _c("reason", "string", "Why, in plain words"),
        _c("structure", "string", "clusters; continuum: parts of one crowd; none: no more than noise has"),
        _c("candidates",
           "array<struct<k:int,seed:bigint,silhouette:double,davies_bouldin:double,calinski_harabasz:double,"
           "min_share:double,seed_agreement:double,stability:double,returns:double,excess:double,error:double,"
           "gap:double,separation:int,valleys:double,usefulness:double,flaws:array<string>>>",
           "The best candidate of every k: its indices; adjusted Rand index with other seeds (seed_agreement) and with "
           "refits on resamples (stability); share of these in which its least stable cluster comes back (returns); "
           "silhouette above that of noise with the same covariance (excess) and its standard error (error); gap "
           "statistic against that noise; fewest features in which two neighbours differ by half a standard deviation "
           "(separation); share of neighbouring pairs with fewer customers between than at either (valleys); share of "
           "the variance of log spend in the holdout that segments of then explain (usefulness; null without one); "
           "what keeps it from being chosen (flaws). Null where there are too few customers to resample"),
        _c("merges", "array<struct<segments:int,one:array<string>,other:array<string>,kept:double>>",
           "How the chosen segments would join, the two that lose least first (Ward): how many are then left, the "
           "segment_ids of the two that join, and the share that is then left of the sum of squares between segments"),
    ),
)  # fmt: skip

SEGMENT_MODELS = Table(
    "segment_models",
    "one row per fitted model",
    ("dimension", "model_version"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("model_version", "string", "The bundle: six models fitted and promoted together"),
        _c("k", "int", "Number of clusters"),
        _c(
            "centroids",
            "array<array<double>>",
            "Cluster centres in scaled units, in feature_names' order, by cluster_id",
        ),
        _c("segment_ids", "array<string>", "The stable identity of each cluster_id"),
        _c("segment_names", "array<string>", "The name of each cluster_id"),
        _c("preprocessor", "string", "Fitted constants, pruned features with their reasons, JSON"),
        _c("feature_names", "array<string>", "The vector's slots"),
        _c("metrics", "map<string,double>", "Indices of the chosen candidate, and the gates' figures"),
        _c("trained_as_of", "date", "The as-of date of the training features"),
        _c("training_customers", "bigint", "Customers with data in the dimension at training"),
        _c("mlflow_run_id", "string", "The tracking run; null where tracking was out of reach"),
        _c("model_path", "string", "Folder of the saved PipelineModel, relative to the warehouse"),
        _c("files_sha256", "map<string,string>", "SHA-256 of every file under model_path"),
    ),
)

SEGMENT_LINEAGE = Table(
    "segment_lineage",
    "one row per segment of a refit and of the champion it was compared with: what became of it",
    ("dimension", "from_version", "to_version", "from_segment_id", "to_segment_id"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("from_version", "string", "The bundle that was champion when the refit was made"),
        _c("to_version", "string", "The refit"),
        _c("from_segment_id", "string", "A segment of the champion; (new) where there is none"),
        _c("to_segment_id", "string", "A segment of the refit; (gone) where there is none"),
        _c(
            "relation",
            "string",
            "same: more than half in common (overlap above 0.5); split: more than half of it comes from there; "
            "merged: more than half went there; new; retired",
        ),
        _c("overlap", "double", "Customers in both over customers in either, 0..1; null without a partner"),
        _c("distance", "double", "Between the means, root mean square, standard deviations; null without a partner"),
    ),
)

PROMOTIONS = Table(
    "promotions",
    "one row per promotion of a bundle",
    ("model_version", "effective_from_as_of"),
    (
        _c("model_version", "string", "The bundle"),
        _c("effective_from_as_of", "date", "The first as-of date it labels"),
        _c("seq", "bigint", "Order of promotion; the highest wins among those in effect"),
        _c("by", "string", "Who promoted it"),
        _c("reason", "string", "Why, with the gates it passed"),
    ),
    "log",
)

SEGMENTS = Table(
    "segments",
    "one row per as-of date, dimension and customer",
    ("as_of", "dimension", "customer_id"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("customer_id", "string", "The customer"),
        _c("segment_id", "string", "The segment's stable identity, or no_data"),
        _c("segment_name", "string", "Its name"),
        _c("cluster_id", "int", "The algorithm's number in this model version; null for no_data"),
        _c("raw_segment_id", "string", "What the model alone said, before rules"),
        _c("distance", "double", "Distance to the own centroid, scaled units; null for no_data"),
        _c("margin", "double", "Distance to the next centroid minus distance; null for no_data or one cluster"),
        _c("score", "double", "How clearly the customer belongs, 100·margin/next distance; 100 for one cluster"),
        _c("top_features", "array<struct<feature:string,z:double>>",
           "The three features that place the customer here and not in the next segment; z in scaled units"),
        _c("coverage", "double", "Share of the dimensions with data (unified), else 1 or 0"),
        _c("rule_applied", "string", "The business rule that set segment_id; null where the model did"),
        _c("rules_met", "array<string>", "In unified every rule that holds for the customer, in order; null else"),
        _c("model_version", "string", "The bundle that scored"),
    ),
)  # fmt: skip

POPULATION = Table(
    "population",
    "one row per as-of date for the customers scored, and one per exclusion in force; together all who are known",
    ("as_of", "exclusion"),
    (
        AS_OF,
        RUN_ID,
        _c("exclusion", "string", "scored, or the exclusion of conf/population.yml that was met first; prospect: else"),
        _c("reason", "string", "Why, in words"),
        _c("customers", "bigint", "Customers; those of all rows are every id known before the as-of date"),
        _c("customer_share", "double", "Share of all who are known, 0..1"),
        _c("revenue_lifetime", MONEY, "Their net revenue before the as-of date; that of all rows is all there is"),
    ),
)

EXCLUDED_CUSTOMERS = Table(
    "excluded_customers",
    "one row per as-of date and known customer who is not scored",
    ("as_of", "customer_id"),
    (
        AS_OF,
        RUN_ID,
        _c("customer_id", "string", "The customer; in no segment of this as-of date"),
        _c("exclusion", "string", "The exclusion that was met first; see population for its reason"),
    ),
)

SEGMENT_PROFILES = Table(
    "segment_profiles",
    "one row per as-of date, dimension and segment",
    ("as_of", "dimension", "segment_id"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("segment_id", "string", "The segment's stable identity, or no_data"),
        _c("segment_name", "string", "Its name"),
        _c("customers", "bigint", "Members"),
        _c("customer_share", "double", "Share of all scored customers, 0..1"),
        _c("revenue_share", "double", "Share of revenue_lifetime, 0..1; null without any revenue"),
        _c("revenue_lifetime", MONEY, "Net revenue of the members before the as-of date"),
        _c("revenue_365d", MONEY, "Net revenue of the members in the last 365 days"),
        _c("margin_365d", MONEY, "Net revenue minus cost in the last 365 days; null where costs are unknown"),
        _c("average_order_value", MONEY, "revenue_365d per order; null without orders"),
        _c("orders_per_customer_365d", "double", "Frequency: orders a member in the last 365 days"),
        _c("median_days_since_last_order", "double", "Recency; null where no member ever ordered"),
        _c("discount_share_365d", "double", "Discounts' part of the shelf price; null without purchases"),
        _c("channel_mix", "map<string,double>", "Share of orders by channel in 365 days; null where unknown"),
        _c("category_mix", "map<string,double>", "Share of net revenue by department in 365 days; null without"),
        _c("top_differentiators", "array<struct<feature:string,z:double,direction:string>>",
           "Features whose mean differs most from everyone's, in training standard deviations"),
        _c("feature_means", "map<string,double>", "Mean of every fitted feature before scaling (members with a value)"),
        _c("feature_z", "map<string,double>", "Scaled mean minus everyone's, in standard deviations"),
        _c("coverage", "double", "Mean share of dimensions with data, 0..1"),
        _c("model_mix", "map<string,double>",
           "Of a rule's segment the share of its members by the segment that the model alone gives; null else"),
        _c("rule_overlap", "map<string,double>",
           "Of a rule's segment the share of its members for whom another rule holds too, by its segment; null else"),
    ),
)  # fmt: skip

SEGMENT_DIFFERENCES = Table(
    "segment_differences",
    "one row per as-of date, dimension and feature: how much of it the segments that the model made explain",
    ("as_of", "dimension", "feature", "role"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        _c("feature", "string", "A slot of the fitted features, a feature outside every fit, or next_period_spend"),
        _c("role", "string",
           "descriptive: segments were made of it, so that a difference proves nothing; held_out: other inputs tell of "
           "it than of what they were made of (in unified never, which all inputs make); next_period: what members of "
           "an earlier date's segments have spent since, log"),
        _c("segments_as_of", "date", "The as-of date whose segments are compared: an earlier one for next_period"),
        _c("customers", "bigint", "Members of whom the feature is known"),
        _c("segments", "int", "Segments with such members"),
        _c("f_statistic", "double",
           "Variance between segments over variance within, per degree of freedom; null where nothing varies within"),
        _c("omega_squared", "double", "Effect size: share of the variance that segments explain, without chance, 0..1"),
        _c("p_value", "double", "How often groups drawn by lot differ as much; null where descriptive"),
        _c("p_holm", "double", "The same, allowing for all tests of the dimension; null where descriptive"),
        _c("differs", "boolean", "Whether p_holm is below 0.05; null where descriptive"),
    ),
)  # fmt: skip

SEGMENT_MIGRATION = Table(
    "segment_migration",
    "one row per as-of date, dimension, segment at the as-of date before and segment now, with customers",
    ("as_of", "dimension", "from_segment_id", "to_segment_id"),
    (
        AS_OF,
        RUN_ID,
        _c("previous_as_of", "date", "The as-of date before, as it was published last"),
        DIMENSION,
        _c("from_segment_id", "string", "Their segment then, rules and no_data included; (new): not scored then"),
        _c("from_segment_name", "string", "Its name then"),
        _c("to_segment_id", "string", "Their segment now; (gone): not scored any more"),
        _c("to_segment_name", "string", "Its name now"),
        _c("customers", "bigint", "Customers"),
        _c("share", "double", "Share of the customers of from_segment_id, 0..1"),
        _c("revenue_365d", MONEY, "Their net revenue in the 365 days before the as-of date"),
    ),
)

RUNS = Table(
    "runs",
    "one row per finished execution; its commit is what publishes",
    ("run_id",),
    (
        _c("run_id", "string", "run_key and attempt"),
        _c(
            "run_key",
            "string",
            "What was asked of what: the same key is never published twice unless restated",
        ),
        _c("publish_seq", "bigint", "Order of publication; views show the highest per table and as-of"),
        _c("job", "string", "ingest, build_features, fit_segments or monthly"),
        _c("as_of", "date", "The as-of date; for ingest the day the files were received"),
        _c("status", "string", "published"),
        _c("started_at", "timestamp", "UTC"),
        _c("finished_at", "timestamp", "UTC"),
        _c("config_hash", "string", "Hash of the configuration that took part"),
        _c("code_version", "string", "Hash of the library's source files"),
        _c("inputs", "map<string,string>", "Identities of what was read: upstream runs, files, bundle"),
        _c("input_versions", "map<string,bigint>", "Delta versions that were read"),
        _c("output_versions", "map<string,bigint>", "Delta versions after this run's writes, by table"),
        _c("rows_in", "bigint", "Rows read"),
        _c("rows_out", "bigint", "Rows written"),
        _c("rows_quarantined", "bigint", "Rows refused; 0 for jobs that refuse none"),
        _c(
            "verdict",
            "string",
            "What the run decided: rescored or refit (monthly); first, passed or refused (fit_segments); null where "
            "there was nothing to decide",
        ),
        _c("reason", "string", "Why, in words; null where there was nothing to say"),
        _c("notes", "array<string>", "What the source lacks, and which features that switched off"),
    ),
    "log",
)


def published_table(name: str, grain: str, key: tuple[str, ...], columns: tuple[Column, ...]) -> Table:
    """A table partitioned by (as_of, run_id) whose further columns come from configuration."""
    return Table(name, grain, key, (AS_OF, RUN_ID, *columns))


TABLES: tuple[Table, ...] = (
    *STAGED, QUARANTINE, DATA_QUALITY, K_SWEEP, K_SELECTION, SEGMENT_MODELS, SEGMENT_LINEAGE, PROMOTIONS, POPULATION,
    EXCLUDED_CUSTOMERS, SEGMENTS, SEGMENT_PROFILES, SEGMENT_DIFFERENCES, SEGMENT_MIGRATION, RUNS,
)  # fmt: skip
