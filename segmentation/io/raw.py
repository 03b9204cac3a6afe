"""A user's raw files as data frames; files of one input that do not look alike are refused by name where it matters.

Spark takes the columns of all files from one of them, gives null where another has not got them, and reads on where
a line of a CSV has other columns than its header.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, IntegralType, StringType

from segmentation.core.errors import BadInputError, blamed_on_input, nearest
from segmentation.io.failures import SPARK_FAILED, reason
from segmentation.io.files import RawFile, literal
from segmentation.io.tables import open_delta, open_jdbc

CORRUPT = "_corrupt_record"
"""Spark's name for the column that holds a line which it could not take apart."""
CSV = {
    "enforceSchema": "false",  # by default Spark gives all CSV files the first one's header, by position
    "escape": '"',  # a quote within quotes is doubled (RFC 4180), as spreadsheets and databases write it
    "unescapedQuoteHandling": "RAISE_ERROR",  # by default Spark guesses, and may make one row of two
}
THREADS = 16  # each look at a file is one short wait for the file system
_HELP = "Correct the file, or give it an entry of its own in the mapping, with its own columns."


def open_raw(
    spark: SparkSession,
    files: Sequence[RawFile],
    file_format: str,
    options: Mapping[str, str],
    needed: Collection[str] = (),
) -> DataFrame:
    """The files as one data frame; `needed` are the columns that the mapping reads, others may differ.

    Of a CSV it has a further column, `_corrupt_record`: the line where it has another number of columns than the
    header. Raises BadInputError where Spark cannot make out their schema, and where they are of several shapes and
    one lacks what another has; when rows are read, Spark raises an error that names a CSV with a quote that does
    not close.
    """
    if file_format == "jdbc":
        return open_jdbc(spark, files[0], options)
    if file_format == "delta":
        return _unite([([table], open_delta(spark, table)) for table in files], needed)
    options = {**(CSV if file_format == "csv" else {}), **options}
    if file_format == "csv" and options.get("multiLine", "false").lower() == "true":
        _check_quotes(spark, files, options)
    groups = _group_alike(spark, files, file_format, options)
    return _unite([(group, _read(spark, group, file_format, options)) for group in groups], needed)


def _read(spark: SparkSession, files: Sequence[RawFile], file_format: str, options: Mapping[str, str]) -> DataFrame:
    paths = [literal(f.path) for f in files]
    try:
        rows = spark.read.format(file_format).options(**options).load(paths)
        if file_format != "csv" or not rows.columns:
            return rows
        schema = rows.schema.add(CORRUPT, StringType())
        rows = spark.read.format(file_format).options(**options).schema(schema).load(paths)
    except SPARK_FAILED as error:
        raise _unreadable(files, file_format, error) from None
    # More lines may be lost after a quote that does not close: no matter for the quarantine of single rows.
    broken = F.concat(
        F.col("_metadata.file_name"),
        F.lit(": a quote is opened and not closed (if values hold line breaks, say `multiLine` under options): "),
        F.substring(CORRUPT, 1, 80),
    )
    odd = _quotes(F.col(CORRUPT), options) % 2 == 1
    return rows.withColumn(CORRUPT, F.when(odd, F.raise_error(broken)).otherwise(F.col(CORRUPT)))


def _check_quotes(spark: SparkSession, files: Sequence[RawFile], options: Mapping[str, str]) -> None:
    """Where values may hold line breaks, a last value that is not closed swallows the rest of its file.

    Only the number of quotes tells; one pass over the text, by file.
    """
    text = spark.read.text([literal(f.path) for f in files])
    odd = text.groupBy(F.col("_metadata.file_name").alias("name")).agg(
        F.sum(_quotes(F.col("value"), options)).alias("n")
    )
    found = odd.where("n % 2 = 1").orderBy("name").first()
    if found is not None:
        raise BadInputError(
            f"{found['name']}: it has {found['n']:,} quotes, an odd number: one is opened and not closed. "
            "Correct the file, or say in the mapping which `quote` and `escape` it uses."
        )


def _quotes(text: Column, options: Mapping[str, str]) -> Column:
    """How many quotes open or close a value."""
    quote, escape = options.get("quote", '"'), options["escape"]
    if escape and escape != quote:
        text = F.replace(text, F.lit(escape + quote), F.lit(""))
    return F.length(text) - F.length(F.replace(text, F.lit(quote), F.lit("")))


def _group_alike(
    spark: SparkSession, files: Sequence[RawFile], file_format: str, options: Mapping[str, str]
) -> list[list[RawFile]]:
    """The files by shape, first files first: the footer of a Parquet file, the header of a CSV, ORC's schema.

    Reads a few kilobytes a file, several files at once: 5 ms each on a local disk. JSON has no shape, for any object
    may lack any key. Raises BadInputError naming a file that is broken or of another format.
    """
    looks: dict[str, Callable[[RawFile], str]] = {
        "parquet": partial(_footer, spark),
        "csv": partial(_header, spark),
        "orc": lambda f: str(spark.read.orc(literal(f.path)).schema.json()),
    }
    look = looks.get(file_format)
    if file_format == "csv" and options.get("header", "false").lower() != "true":
        look = None
    if look is None or (len(files) == 1 and file_format != "parquet"):
        return [list(files)]

    def shape(file: RawFile) -> str:
        try:
            return look(file)
        except SPARK_FAILED as error:
            raise _unreadable([file], file_format, error) from None

    groups: dict[str, list[RawFile]] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for file, found in zip(files, pool.map(shape, files), strict=True):
            groups.setdefault(found, []).append(file)
    return list(groups.values())


def _unite(groups: Sequence[tuple[Sequence[RawFile], DataFrame]], needed: Collection[str]) -> DataFrame:
    """The rows of all groups. `needed` are the columns that the mapping reads; others may differ or be missing.

    Raises BadInputError naming file and column where a group lacks a needed one that another has, or has it in another
    type; whole numbers of different width are one type, and so are decimals.
    """
    if len(groups) == 1:
        return groups[0][1]
    named = [(files[0].name, {f.name.lower(): f for f in rows.schema}) for files, rows in groups]
    asked = {name.lower() for name in needed}
    # What most files have is taken for right.
    usual, right = max(zip((len(files) for files, _ in groups), named, strict=True), key=lambda pair: pair[0])[1]
    for name, fields in named:
        for other, others in [(usual, right), *named]:
            for lacking in sorted(asked & (others.keys() - fields.keys())):
                own = [f.name for f in fields.values() if f.name != CORRUPT]
                raise BadInputError(
                    f'{name}: column "{others[lacking].name}" is not there, as it is in {other}. '
                    f"{nearest(lacking, own)} {_HELP}"
                )
        for column in sorted(asked & fields.keys() & right.keys()):
            found, wanted = fields[column].dataType, right[column].dataType
            if not _one_type(found, wanted):
                raise BadInputError(
                    f'{name}: column "{fields[column].name}" is {found.simpleString()}, and '
                    f"{wanted.simpleString()} in {usual}. {_HELP}"
                )
    differing = {
        column
        for _, fields in named
        for column in fields.keys() - asked
        if any(column in others and others[column].dataType != fields[column].dataType for _, others in named)
    }
    # What nobody maps only stands in the raw row, and there as text.
    frames = [rows.withColumns({c: F.col(f"`{c}`").cast("string") for c in _names(rows, differing)})
              for _, rows in groups]  # fmt: skip
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)


def _unreadable(files: Sequence[RawFile], file_format: str, error: Any) -> BadInputError:
    """What is said of files that Spark cannot open. Raises the error itself where it is none of theirs."""
    return blamed_on_input(
        error,
        f"{', '.join(f.name for f in files)}: not readable as {file_format}: {reason(error)}. "
        "Check the file, or `format` in the source mapping.",
    )


def _names(rows: DataFrame, lower: Collection[str]) -> list[str]:
    return [c for c in rows.columns if c.lower() in lower]


def _one_type(a: DataType, b: DataType) -> bool:
    return a == b or (any(isinstance(a, wide) and isinstance(b, wide) for wide in (IntegralType, DecimalType)))


def _footer(spark: SparkSession, file: RawFile) -> str:
    """Columns and types, and the schema that Spark may have left there, which it believes more than these."""
    jvm: Any = spark._jvm
    hadoop = jvm.org.apache.parquet.hadoop
    path = jvm.org.apache.hadoop.fs.Path(file.path)
    reader = hadoop.ParquetFileReader.open(hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration()))
    try:
        meta = reader.getFileMetaData()
        return f"{meta.getSchema()} {meta.getKeyValueMetaData().get('org.apache.spark.sql.parquet.row.metadata')}"
    finally:
        reader.close()


def _header(spark: SparkSession, file: RawFile) -> str:
    """The first line, unpacked where the file's name says that it is packed; empty for an empty file."""
    jvm: Any = spark._jvm
    configuration = spark._jsc.hadoopConfiguration()
    path = jvm.org.apache.hadoop.fs.Path(file.path)
    stream = path.getFileSystem(configuration).open(path)
    codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(configuration).getCodec(path)
    if codec is not None:
        stream = codec.createInputStream(stream)
    # Latin-1 keeps any bytes apart; only Spark needs to know what they mean.
    reader = jvm.java.io.BufferedReader(jvm.java.io.InputStreamReader(stream, "ISO-8859-1"))
    try:
        return str(reader.readLine() or "")
    finally:
        reader.close()
