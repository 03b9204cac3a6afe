"""`make bench-sql`: a mart through the SQL server against the same query in the very Spark session that serves it.

Both sides plan and run the query anew and fetch all rows, the server's side over the network protocol as a client in
Python does; in turn, the first of each round the other way round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from impala.dbapi import connect
from pyspark.sql import SparkSession

from segmentation.io.thrift import open_door
from segmentation.pipeline import open_context
from segmentation.pipeline.marts import names_sql
from tests.benchmarks.data import BENCH, ROOT
from tests.conftest import free_port

GOAL = 2.0
QUERIES = {
    "mart_segment_overview": "SELECT * FROM segmentation.mart_segment_overview ORDER BY dimension, segment_id",
    "mart_category_affinity": "SELECT * FROM segmentation.mart_category_affinity ORDER BY ALL",
    "fact_segment_month": "SELECT dimension, sum(customers) FROM segmentation.fact_segment_month GROUP BY 1 ORDER BY 1",
    "mart_customer_360": "SELECT * FROM segmentation.mart_customer_360 ORDER BY customer_id",
}


@dataclass(frozen=True)
class Found:
    """Medians of the rounds, seconds."""

    query: str
    rows: int
    session: float
    server: float

    @property
    def ratio(self) -> float:
        return self.server / self.session


def timed(call: Callable[[], Sequence[object]]) -> tuple[float, Sequence[object]]:
    begun = time.perf_counter()
    rows = call()
    return time.perf_counter() - begun, rows


def run(spark: SparkSession, port: int, queries: dict[str, str], rounds: int) -> list[Found]:
    """Each query once before anything is measured, and then so many rounds; both sides must give as many rows."""
    found = []
    with connect(host="127.0.0.1", port=port, auth_mechanism="PLAIN") as connection, connection.cursor() as cursor:
        for name, sql in queries.items():

            def session(sql: str = sql) -> Sequence[object]:
                return spark.sql(sql).collect()

            def server(sql: str = sql) -> Sequence[object]:
                cursor.execute(sql)
                fetched: list[object] = cursor.fetchall()
                return fetched

            sides = {"session": session, "server": server}
            warm = [len(call()) for call in sides.values()]
            assert warm[0] == warm[1] > 0, (name, warm)
            seconds: dict[str, list[float]] = {side: [] for side in sides}
            for i in range(rounds):
                for side in sorted(sides, reverse=i % 2 == 1):
                    taken, rows = timed(sides[side])
                    assert len(rows) == warm[0]
                    seconds[side].append(taken)
            found.append(Found(name, warm[0], *(statistics.median(seconds[side]) for side in sides)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", default="warehouse")
    parser.add_argument("--source", default="complete_journey")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    context = open_context("bench", str(ROOT / "conf"), options.source, options.warehouse)
    spark, port = context.warehouse.spark, free_port()
    for statement in names_sql(context, for_everyone=False):
        spark.sql(statement)
    open_door(spark, "127.0.0.1", port)
    print("| query | rows | through the server / in its session | goal | met |\n|---|---|---|---|---|", flush=True)
    found = run(spark, port, QUERIES, options.rounds)
    for f in found:
        print(f"| {f.query} | {f.rows:,} | {f.ratio:.2f} | ≤ {GOAL:.0f} | {'yes' if f.ratio <= GOAL else 'no'} |")
    BENCH.mkdir(parents=True, exist_ok=True)
    (BENCH / "sql.json").write_text(json.dumps([vars(f) | {"ratio": f.ratio} for f in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
