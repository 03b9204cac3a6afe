"""Words and decisions, as README has them too (a test holds one against the other)."""

from __future__ import annotations

GLOSSARY: dict[str, str] = {
    "as-of date": "a run sees exactly the events before that day",
    "window": "the days `[as_of − N, as_of)`; the suffix of a feature: `_30d` … `_365d`, `_lifetime`",
    "dimension": (
        "demographics, transactional, behavioral, psychographic, cx_engagement (customer experience), "
        "and unified over all"
    ),
    "`no_data`": "the segment of customers about whom a dimension knows nothing",
    "score": "0..100: how much nearer the own centroid is than the next one",
    "cluster_id, segment_id": "the algorithm's number in one model; the identity that people use",
    "bundle, champion": "six models fitted together; the bundle in effect at a date",
    "run, run_key": "one published execution; the hash of what was asked of what",
    "z": "a mean's distance from everyone's, in standard deviations of the training customers; a value counts for "
    "about three at most",
}
"""Word → what it means."""

DECISIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "`stable`",
        "0",
        "nothing has moved",
        "nothing",
    ),
    (
        "`rescored`",
        "0",
        (
            "something has moved and the segments still serve; or the gate has refused a challenger, and the"
            " reason names the rule"
        ),
        (
            "look at the rows of `drift_report` that have `moved`; `jobs/promote.py --bundle VERSION --by "
            "NAME` where you think better of the challenger, `--approve --by NAME` where it waits for a "
            "person (`approval: true` in `conf/promotion.yml`)"
        ),
    ),
    (
        "`refit`",
        "0",
        (
            "the segments no longer hold: a challenger was fitted on these customers, passed "
            "`conf/promotion.yml` and serves from the next date on; also the month of a first fit"
        ),
        (
            "compare `segments_challenger` (its word on this month) with `segments`, and `segment_lineage`: "
            "what became of which segment"
        ),
    ),
    (
        "`stop`",
        "4",
        ("something is wrong with the data: no segments are published, the month before stays the last"),
        ("mend the data and start again; where it is the shop that has changed, raise `stop` in `conf/monitoring.yml`"),
    ),
    (
        "–",
        "3",
        "files that make no sense, or rows or money lost on the way: nothing is published",
        "the error names the guard, what was found and what was expected",
    ),
)
"""Of a month the verdict, the exit code of the job, what it means, and what to do."""
