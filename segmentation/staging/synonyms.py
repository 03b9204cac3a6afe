"""What retailers call what: for guesses in the first draft of a mapping, the better name first."""

from __future__ import annotations

import re

# Our input → our column → their names, without case and separators. The order of inputs is that of the guesses.
SYNONYMS: dict[str, dict[str, str]] = {
    "transactions": {
        "transaction_id": "transactionid receipt receiptno receiptid receiptnumber basketid basket invoice invoiceno "
                          "invoiceid ticket ticketno ticketid saleid orderid orderno ordernumber order",
        "line_no": "lineno line linenumber lineid position pos itemno",
        "customer_id": "customerid customer customerno customernumber custid householdid household userid user "
                       "memberid member clientid client shopper loyaltyid cardno",
        "transaction_ts": "transactionts transactiontimestamp timestamp datetime soldat purchasedat orderedat saletime "
                          "transactiondate purchasedate orderdate invoicedate saledate createdat date day time",
        "order_id": "orderid orderno ordernumber order",
        "product_id": "productid product productno productcode sku stockcode articleid article articleno itemid item "
                      "upc ean",
        "category": "category productcategory productgroup",
        "quantity": "quantity qty units pieces numberofcds itemcount",
        "unit_price": "unitprice price itemprice",
        "discount_amount": "discountamount discount rebate reduction",
        "coupon_amount": "couponamount coupon couponvalue coupondisc",
        "net_amount": "netamount net amount salesvalue lineamount linetotal total revenue sales turnover paid "
                      "dollarvalue value",
        "cost_amount": "costamount cost cogs",
        "currency": "currency currencycode",
        "channel": "channel saleschannel",
        "store_id": "storeid store storeno shopid shop branch outlet",
        "payment_method": "paymentmethod payment paymenttype tender",
        "is_return": "isreturn return returned iscancelled cancelled isrefund refund",
    },
    "feedback": {
        "feedback_id": "feedbackid answerid answerno responseid surveyid id",
        "customer_id": "", "event_date": "eventdate answeredon answeredat date day surveydate",
        "feedback_type": "feedbacktype survey surveytype scale question",
        "score": "score answer rating",
    },
    "consent": {
        "customer_id": "", "purpose": "purpose topic", "status": "status answer consent granted",
        "valid_from": "validfrom since givenfrom from date", "valid_to": "validto validuntil givenuntil until",
    },
    "interactions": {
        "interaction_id": "interactionid eventid contactid ticketno ticketid clickid visitid couponno redemptionid id",
        "customer_id": "", "interaction_ts": "interactionts eventts eventat eventtime openedat clickedat visitedat "
                                             "timestamp datetime",
        "event_date": "eventdate date day senton redemptiondate redeemedon startdate",
        "interaction_type": "interactiontype eventtype eventname event action type reason",
        "campaign_id": "campaignid campaign campaigncode", "channel": "channel medium device",
        "minutes": "minutes duration",
    },
    "campaigns": {
        "campaign_id": "campaignid campaign campaigncode", "campaign_type": "campaigntype type occasion",
        "channel": "channel medium", "starts_on": "startson startdate firstday start validfrom",
        "ends_on": "endson enddate lastday end validto", "cost_amount": "costamount cost budget budgeteur",
    },
    "products": {
        "product_id": "", "category": "category productcategory productgroup", "brand": "brand maker manufacturer "
                                                                                        "manufacturerid",
        "is_private_label": "isprivatelabel privatelabel ownbrand",
    },
    "customers": {
        "customer_id": "", "valid_from": "validfrom", "valid_to": "validto validuntil",
        "age_band": "ageband agegroup age",
        "income_band": "incomeband income netincome", "home_ownership": "homeownership housing",
        "marital_status": "maritalstatus", "household_size": "householdsize hhsize persons",
        "children": "children kids kidscount", "loyalty_tier": "loyaltytier tier clubtier loyalty status",
        "city": "city town", "region": "region state province",
    },
}  # fmt: skip
# Persons and products are called the same everywhere.
for _columns in SYNONYMS.values():
    for _name in ("customer_id", "product_id"):
        if _columns.get(_name) == "":
            _columns[_name] = SYNONYMS["transactions"][_name]

# Word in a value or a file's name → our kind.
KIND_WORDS = {
    "interaction_type": {
        "redemption": "redemption", "redeem": "redemption", "click": "click", "open": "open", "visit": "visit",
        "session": "visit", "complaint": "complaint", "service": "service_contact", "question": "service_contact",
        "exposure": "exposure", "mailing": "exposure", "sent": "exposure",
    },
    "feedback_type": {"nps": "nps", "recommend": "nps", "csat": "satisfaction", "satisf": "satisfaction"},
    "channel": {"online": "online", "web": "online", "app": "online", "internet": "online", "store": "store",
                "shop": "store", "till": "store", "branch": "store"},
    "status": {"granted": "granted", "yes": "granted", "true": "granted", "withdrawn": "withdrawn", "no": "withdrawn",
               "false": "withdrawn"},
}  # fmt: skip


def plain(name: str) -> str:
    """A name without case and separators.

    >>> plain("Invoice No.")
    'invoiceno'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())
