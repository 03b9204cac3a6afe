"""CDNOW: every order of 23,570 people who first bought at an online music shop in early 1997, until June 1998.

The classic data of customer-value research (Fader & Hardie 2001, doi:10.1287/inte.31.3s.94.9683), out of the package
lifetimes (MIT).
"""

from __future__ import annotations

import csv
import os
from importlib import metadata
from pathlib import Path

from segmentation.core.errors import BadInputError

FILE = "orders.csv"
WRITTEN = 899251200  # 1998-07-01, the day after the last one in it


def write_cdnow(folder: Path) -> Path:
    """Writes `<folder>/orders.csv`, one row per order, unless it is there, and returns the folder.

    Columns between blanks become a CSV; no value is changed. Raises BadInputError where the extra `demo` is not
    installed.
    """
    target = folder / FILE
    if target.exists():
        return folder
    try:
        # Found without importing it: the library is unmaintained, and only its file is wanted.
        raw = Path(str(metadata.distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_master.txt")))
    except metadata.PackageNotFoundError:
        raise BadInputError(
            "the package lifetimes is not installed: pip install 'segmentation[demo]' brings it."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{FILE}-{os.getpid()}"  # written beside and renamed, so that a killed run leaves no half
    with scratch.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(line.split() for line in raw.read_text("ascii").splitlines())
    os.utime(scratch, (WRITTEN, WRITTEN))  # the same content is the same input, whenever it was written
    os.replace(scratch, target)
    return folder
