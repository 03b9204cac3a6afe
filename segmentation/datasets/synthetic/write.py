"""Writes the files, and counts what was written in the same pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import Observation, SparkSession
from pyspark.sql import functions as F

from segmentation.core.errors import BadInputError
from segmentation.datasets.synthetic.exports import Export, exports
from segmentation.datasets.synthetic.faults import FAULTS, PLANTED
from segmentation.datasets.synthetic.people import truth
from segmentation.datasets.synthetic.retailer import Retailer

HEADER = {"csv": {"header": "true"}}


@dataclass(frozen=True)
class Written:
    """`rows` by file, and `planted`: by (input of the mapping, rule) the rows that staging must refuse."""

    rows: Mapping[str, int]
    planted: Mapping[tuple[str, str], int]


def write_synthetic(spark: SparkSession, retailer: Retailer, folder: str) -> Written:
    """Writes `<folder>/raw/<file>`, and apart from them `<folder>/truth/segments` and `<folder>/truth/planted_faults`.

    Raises BadInputError where files are there already.
    """
    rows: dict[str, int] = {}
    planted: Counter[tuple[str, str]] = Counter()
    try:
        for export in exports(spark, retailer):
            rows[export.name], found = _write(export, f"{folder}/raw")
            planted.update(found)
        truth(spark, retailer).write.parquet(f"{folder}/truth/segments")
        faults = [(name, rule, n) for (name, rule), n in sorted(planted.items())]
        frame = spark.createDataFrame(faults, "input string, rule string, rows bigint")
        frame.coalesce(1).write.json(f"{folder}/truth/planted_faults")
    except AnalysisException as error:
        if error.getCondition() != "PATH_ALREADY_EXISTS":
            raise
        raise BadInputError(f"{folder}: there are files already. Name a new folder, or remove this one.") from None
    return Written(rows, dict(planted))


def _write(export: Export, folder: str) -> tuple[int, Counter[tuple[str, str]]]:
    """Rows written, and how many of them break which rule of which input."""
    rules = sorted({f.rule for stream in export.streams for f in FAULTS.get(stream, ())})
    count = Observation()
    counted = export.rows.observe(
        count, F.count("*").alias("rows"), *(F.count_if(F.col(PLANTED) == rule).alias(rule) for rule in rules)
    )
    options = HEADER.get(export.format, {})
    counted.drop(PLANTED).write.format(export.format).options(**options).save(f"{folder}/{export.name}.{export.format}")
    found = count.get
    return found["rows"], Counter({(name, rule): found[rule] for rule in rules for name in export.inputs(rule)})
