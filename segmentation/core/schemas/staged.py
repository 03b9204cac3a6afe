"""What comes in: the staged tables with their row contracts, what was refused, and how good the files were."""

from __future__ import annotations

from segmentation.core.schemas.contract import MONEY, RUN_ID, Table, col

STG_TRANSACTIONS = Table(
    "stg_transactions",
    "one row per line of a receipt",
    ("transaction_id", "line_no"),
    (
        col("transaction_id", "string", "The receipt", required=True),
        col("line_no", "int", "The line within the receipt, from 1", required=True),
        col("customer_id", "string", "The customer", required=True),
        col("transaction_ts", "timestamp", "Instant of purchase, UTC", required=True),
        col("event_date", "date", "Calendar day of purchase in the source's time zone", required=True),
        col("local_hour", "int", "Hour of purchase in the source's time zone, 0..23"),
        col("order_id", "string", "The order; the receipt where the source knows no orders", required=True),
        col("product_id", "string", "The product; null where unknown"),
        col("category", "string", "Product category; null where unknown"),
        col("department", "string", "Group of categories in the system's words (fresh, …); null where unknown"),
        col("is_private_label", "boolean", "The retailer's own brand; null where unknown"),
        col("quantity", "decimal(18,3)", "Units bought, in unit_of_measure; negative on returns", non_negative=True),
        col("unit_of_measure", "string", "item, or what else quantity counts (fuel_volume, kg, …)", required=True),
        col("unit_price", "decimal(18,6)", "Price paid for one unit, in currency; null for quantity 0"),
        col("discount_amount", MONEY, "Reductions that the retailer bears: shelf price = net_amount + this",
           non_negative=True),
        col("coupon_amount", MONEY, "Coupons of the line, the manufacturers' too; null where unknown",
           non_negative=True),
        col("net_amount", MONEY, "Revenue of the line after discounts; negative on returns", required=True,
           non_negative=True),
        col("cost_amount", MONEY, "Cost of the goods; null where unknown", non_negative=True),
        col("currency", "string", "ISO 4217 code", required=True),
        col("channel", "string", "online or store; null where unknown"),
        col("store_id", "string", "The store; null online or where unknown"),
        col("payment_method", "string", "card, cash, invoice, …; null where unknown"),
        col("is_return", "boolean", "The line takes goods back", required=True),
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
        col("customer_id", "string", "The customer", required=True),
        col("valid_from", "date", "First day the attributes hold; 1900-01-01 in an undated snapshot", required=True),
        col("valid_to", "date", "First day they no longer hold; null while they do"),
        col("age_band", "string", "Age band as the source words it; null where unknown"),
        col("age_band_rank", "int", "Position of the age band, 1 = youngest; null where unknown"),
        col("income_band", "string", "Household income band as the source words it; null where unknown"),
        col("income_band_rank", "int", "Position of the income band, 1 = lowest; null where unknown"),
        col("home_ownership", "string", "Owner, renter, …; null where unknown"),
        col("marital_status", "string", "Married, …; null where unknown"),
        col("household_size", "int", "Persons in the household (top-coded as the source does); null where unknown",
           non_negative=True),
        col("children", "int", "Children in the household (top-coded as the source does); null where unknown",
           non_negative=True),
        col("loyalty_tier", "string", "Loyalty tier as the source words it; null where unknown"),
        col("loyalty_tier_rank", "int", "Position of the tier, 1 = lowest; null where unknown"),
        col("city", "string", "City; null where unknown"),
        col("region", "string", "Region; null where unknown"),
        col("account_status", "string", "open, closed, staff or what else the source says; null where unknown"),
    ),
    "state",
)  # fmt: skip

STG_PRODUCTS = Table(
    "stg_products",
    "one row per product",
    ("product_id",),
    (
        col("product_id", "string", "The product", required=True),
        col("category", "string", "Product category; null where unknown"),
        col("department", "string", "Group of categories in the system's words; null where unknown"),
        col("brand", "string", "Brand; null where unknown"),
        col("is_private_label", "boolean", "The retailer's own brand; null where unknown"),
    ),
    "state",
)

STG_CAMPAIGNS = Table(
    "stg_campaigns",
    "one row per campaign",
    ("campaign_id",),
    (
        col("campaign_id", "string", "The campaign", required=True),
        col("campaign_type", "string", "The source's type of campaign; null where unknown"),
        col("channel", "string", "mail, e-mail, app, …; null where unknown"),
        col("starts_on", "date", "First day", required=True),
        col("ends_on", "date", "Last day; null while open"),
        col("cost_amount", MONEY, "Cost in the reporting currency; null where unknown", non_negative=True),
    ),
    "state",
)

STG_INTERACTIONS = Table(
    "stg_interactions",
    "one row per contact between a customer and the retailer outside a purchase",
    ("interaction_id",),
    (
        col("interaction_id", "string", "The contact", required=True),
        col("customer_id", "string", "The customer", required=True),
        col("interaction_ts", "timestamp", "Instant, UTC; null where only the day is known"),
        col("event_date", "date", "Calendar day in the source's time zone", required=True),
        col("interaction_type", "string",
           "exposure, redemption, open, click, visit, service_contact or complaint", required=True),
        col("campaign_id", "string", "The campaign; null outside campaigns"),
        col("channel", "string", "Channel; null where unknown"),
        col("minutes", "decimal(18,3)", "Duration of a visit in minutes; null otherwise", non_negative=True),
    ),
    "state",
    "event_date",
)  # fmt: skip

STG_CONSENT = Table(
    "stg_consent",
    "one row per customer, purpose and period of validity",
    ("customer_id", "purpose", "valid_from"),
    (
        col("customer_id", "string", "The customer", required=True),
        col("purpose", "string", "What was consented to: email, phone, post, profiling, …", required=True),
        col("valid_from", "date", "First day the status holds", required=True),
        col("valid_to", "date", "First day it no longer holds; null while it does"),
        col("status", "string", "granted or withdrawn", required=True),
    ),
    "state",
)

STG_FEEDBACK = Table(
    "stg_feedback",
    "one row per answer a customer gave",
    ("feedback_id",),
    (
        col("feedback_id", "string", "The answer", required=True),
        col("customer_id", "string", "The customer", required=True),
        col("event_date", "date", "Calendar day in the source's time zone", required=True),
        col("feedback_type", "string", "nps (0..10) or satisfaction (1..5)", required=True),
        col("score", "decimal(18,3)", "The answer on its scale", required=True, non_negative=True),
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
        col("source_table", "string", "The input the row came from: transactions, customers, …"),
        col("row_hash", "string", "SHA-256 of the raw row"),
        col("occurrence", "int", "1 for the first of several identical raw rows"),
        col("row_key", "string", "Its key in the staged table, JSON; null where it has none"),
        col("rule", "string", "The rule it broke first"),
        col("reason", "string", "What was found and what was expected"),
        col("raw_row", "string", "The row as it was read, JSON"),
        col("run_id", "string", "The ingest run that refused it first"),
        col("ingested_at", "timestamp", "When that was, UTC"),
    ),
    "state",
)

DATA_QUALITY = Table(
    "data_quality",
    "one row per ingest run, staged table, check and subject",
    ("run_id", "source_table", "check", "subject"),
    (
        col("as_of", "date", "The day the files were received: later rows were refused as future"),
        RUN_ID,
        col("source_table", "string", "The input: transactions, customers, …"),
        col(
            "check",
            "string",
            "rows_read, rows_accepted, rows_quarantined, quarantined_by_rule (repeats: duplicate_line and "
            "conflicting_line), null_share, absent; days_since_newest (event, when the files were received); of the "
            "accepted values of an amount or quantity minimum, percentile_5, percentile_25, median, percentile_75, "
            "percentile_95, maximum and mean; month_lines and month_median_amount (returns left out)",
        ),
        col("subject", "string", "The rule, column or month (2017-01) of the value; empty for the whole input"),
        col(
            "value", "double", "Rows, days, a share 0..1 where the check says share, or in the column's unit; 1: absent"
        ),
    ),
)
