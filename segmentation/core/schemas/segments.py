"""Who is in which segment, what segments are like, and who moved."""

from __future__ import annotations

from dataclasses import replace

from segmentation.core.schemas.contract import AS_OF, DIMENSION, MONEY, RUN_ID, Table, col

SEGMENTS = Table(
    "segments",
    "one row per as-of date, dimension and customer",
    ("as_of", "dimension", "customer_id"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("customer_id", "string", "The customer"),
        col("segment_id", "string", "The segment's stable identity, or no_data"),
        col("segment_name", "string", "Its name"),
        col("cluster_id", "int", "The algorithm's number in this model version; null for no_data"),
        col("raw_segment_id", "string", "What the model alone said, before stickiness and rules"),
        col("distance", "double", "Distance to the own centroid, scaled units; null for no_data"),
        col("held_distance", "double",
           "Distance to the centroid of the month before's segment, where the customer stays in it although that of "
           "raw_segment_id is nearer; null else"),
        col("margin", "double", "Distance to the next centroid minus distance; null for no_data or one cluster"),
        col("score", "double", "How clearly the customer belongs, 100·margin/next distance; 100 for one cluster"),
        col("top_features", "array<struct<feature:string,z:double>>",
           "The three features that place the customer here and not in the next segment; z in scaled units"),
        col("coverage", "double", "Share of the dimensions with data (unified), else 1 or 0"),
        col("rule_applied", "string", "The business rule that set segment_id; null where the model did"),
        col("rules_met", "array<string>", "In unified every rule that holds for the customer, in order; null else"),
        col("model_version", "string", "The bundle that scored"),
    ),
)  # fmt: skip

POPULATION = Table(
    "population",
    "one row per as-of date for the customers scored, and one per exclusion in force; together all who are known",
    ("as_of", "exclusion"),
    (
        AS_OF,
        RUN_ID,
        col("exclusion", "string", "scored, or the exclusion of conf/population.yml met first; prospect: else"),
        col("reason", "string", "Why, in words"),
        col("customers", "bigint", "Customers; those of all rows are every id known before the as-of date"),
        col("customer_share", "double", "Share of all who are known, 0..1"),
        col("revenue_lifetime", MONEY, "Their net revenue before the as-of date; that of all rows is all there is"),
    ),
)

EXCLUDED_CUSTOMERS = Table(
    "excluded_customers",
    "one row per as-of date and known customer who is not scored",
    ("as_of", "customer_id"),
    (
        AS_OF,
        RUN_ID,
        col("customer_id", "string", "The customer; in no segment of this as-of date"),
        col("exclusion", "string", "The exclusion that was met first; see population for its reason"),
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
        col("segment_id", "string", "The segment's stable identity, or no_data"),
        col("segment_name", "string", "Its name"),
        col("customers", "bigint", "Members"),
        col("customer_share", "double", "Share of all scored customers, 0..1"),
        col("revenue_share", "double", "Share of revenue_lifetime, 0..1; null without any revenue"),
        col("revenue_lifetime", MONEY, "Net revenue of the members before the as-of date"),
        col("revenue_365d", MONEY, "Net revenue of the members in the last 365 days"),
        col("margin_365d", MONEY, "Net revenue minus cost in the last 365 days; null where costs are unknown"),
        col("average_order_value", MONEY, "revenue_365d per order; null without orders"),
        col("orders_per_customer_365d", "double", "Frequency: orders a member in the last 365 days"),
        col("median_days_since_last_order", "double", "Recency; null where no member ever ordered"),
        col("discount_share_365d", "double", "Discounts' part of the shelf price; null without purchases"),
        col("channel_mix", "map<string,double>", "Share of orders by channel in 365 days; null where unknown"),
        col("category_mix", "map<string,double>", "Share of net revenue by department in 365 days; null without"),
        col("top_differentiators", "array<struct<feature:string,z:double,direction:string>>",
           "Features whose mean differs most from everyone's, in training standard deviations"),
        col("feature_means", "map<string,double>", "Mean of every fitted feature before scaling, members with a value"),
        col("feature_z", "map<string,double>", "Scaled mean minus everyone's, in standard deviations"),
        col("coverage", "double", "Mean share of dimensions with data, 0..1"),
        col("model_mix", "map<string,double>",
           "Of a rule's segment the share of its members by the segment that the model alone gives; null else"),
        col("rule_overlap", "map<string,double>",
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
        col("feature", "string", "A slot of the fitted features, a feature outside every fit, or next_period_spend"),
        col("role", "string",
           "descriptive: segments were made of it, so that a difference proves nothing; held_out: other inputs tell of "
           "it than of what they were made of (in unified never, which all inputs make); next_period: what members of "
           "an earlier date's segments have spent since, log"),
        col("segments_as_of", "date", "The as-of date whose segments are compared: an earlier one for next_period"),
        col("customers", "bigint", "Members of whom the feature is known"),
        col("segments", "int", "Segments with such members"),
        col("f_statistic", "double",
           "Variance between segments over variance within, per degree of freedom; null where nothing varies within"),
        col("omega_squared", "double", "Effect size: share of the variance that segments explain beyond chance, 0..1"),
        col("p_value", "double", "How often groups drawn by lot differ as much; null where descriptive"),
        col("p_holm", "double", "The same, allowing for all tests of the dimension; null where descriptive"),
        col("differs", "boolean", "Whether p_holm is below 0.05; null where descriptive"),
    ),
)  # fmt: skip

SEGMENT_CHANGES = Table(
    "segment_changes",
    "one row per as-of date, dimension and segment at this date or the one before: why its size changed",
    ("as_of", "dimension", "segment_id"),
    (
        AS_OF,
        RUN_ID,
        col("previous_as_of", "date", "The as-of date before, as it was published last"),
        DIMENSION,
        col("segment_id", "string", "The segment; rules and no_data included"),
        col("segment_name", "string", "Its name now, or else then"),
        col("customers_before", "bigint", "Customers at the as-of date before"),
        col("by_model", "bigint", "More of the same customers, on the same features, by today's models than by those "
            "of then; 0 without a refit in between"),
        col("came", "bigint", "Customers who were not scored then"),
        col("gone", "bigint", "Customers, by today's models, who are not scored any more"),
        col("moved_in", "bigint", "Returning customers who behave like this segment now, and like another one then"),
        col("moved_out", "bigint", "Returning customers who behave like another segment now"),
        col("customers", "bigint", "Customers now: before + by_model + came − gone + moved_in − moved_out"),
    ),
)  # fmt: skip

SEGMENTS_CHALLENGER = replace(
    SEGMENTS, name="segments_challenger", grain=f"{SEGMENTS.grain}, by a refit that is not in effect"
)

SEGMENTS_LATEST = replace(
    SEGMENTS,
    name="segments_latest",
    grain="one row per dimension and customer: as published for the newest as-of date, or scored again by its models "
    "since, because of new lines",
    key=("dimension", "customer_id"),
    kind="state",
    columns=(
        replace(
            AS_OF, comment="What was known before this day; later than the month's where new lines have come since"
        ),
        replace(RUN_ID, comment="The run of monthly or assign_stream that scored the customer"),
        *SEGMENTS.columns[2:],
    ),
)

DRIFT_REPORT = Table(
    "drift_report",
    "one row per as-of date, dimension, check and subject: a figure of then and now, and whether it has moved",
    ("as_of", "dimension", "check", "subject"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("check", "string",
           "feature_psi: population stability index of a feature's values against those of the training customers; "
           "recent_psi: the same over a shorter window than the fit has; "
           "extreme_share: rise of the share whose value one training customer in a thousand had, at either end; "
           "missing_share: change of the share of whom it is unknown; segment_share: change of a segment's share; "
           "members_shift, centroid_shift: way of its members' mean, and of its centroid after a refit from where it "
           "was, in units of its spread at training; outside_share: share of customers beyond the reach of 99 % of the "
           "training customers; silhouette_loss: of the segments; migration_share: more of the returning customers "
           "changed segment than in the months before; kpi_NAME: part of its value of the month before by which a key "
           "figure of conf/monitoring.yml has fallen, or risen, to the bad"),
        col("subject", "string", "A feature, a segment_id, or the dimension itself"),
        col("value", "double", "The figure, ≥ 0"),
        col("threshold", "double",
           "Beyond this it has moved: more than chance, and than conf/monitoring.yml allows; null: too few to judge"),
        col("verdict", "string",
           "holds; moved; refit: asks for new segments; stop: something is wrong with the data; too few: not judged; "
           "of a key figure holds, breach, or escalated: for the second month running"),
        col("explanation", "string", "In words"),
        col("owner", "string",
           "Of a key figure whom it concerns: its owner, or to whom it has escalated; null of other checks"),
        col("model_version", "string", "The bundle in effect"),
    ),
)  # fmt: skip

SEGMENT_MIGRATION = Table(
    "segment_migration",
    "one row per as-of date, dimension, segment at the as-of date before and segment now, with customers",
    ("as_of", "dimension", "from_segment_id", "to_segment_id"),
    (
        AS_OF,
        RUN_ID,
        col("previous_as_of", "date", "The as-of date before, as it was published last"),
        DIMENSION,
        col("from_segment_id", "string", "Their segment then, rules and no_data included; (new): not scored then"),
        col("from_segment_name", "string", "Its name then"),
        col("to_segment_id", "string", "Their segment now; (gone): not scored any more"),
        col("to_segment_name", "string", "Its name now"),
        col("customers", "bigint", "Customers"),
        col("held", "bigint", "Of them those whom stickiness keeps there although the model says another segment"),
        col("raw_moved", "bigint", "Of them those of whom the model alone says another segment than then"),
        col("share", "double", "Share of the customers of from_segment_id, 0..1"),
        col("revenue_365d", MONEY, "Their net revenue in the 365 days before the as-of date"),
    ),
)
