"""Whether this machine, a warehouse and its registry are fit to work; and if not, what to do."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import urllib3
from deltalake.exceptions import DeltaError

from segmentation.cli.shown import print_json, print_table
from segmentation.core.errors import ConfigError, first_line
from segmentation.core.schemas import SEGMENTS
from segmentation.io.reader import Reader

JAVA = (17, 21)
"""What Spark 4.2 runs on."""
SPARE = 2.0
"""GB beside Spark's driver: for its Python, and for the system."""
LOCAL = Path("conf/spark/local.conf")
JARS = Path("build/jars")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` is empty where it is fine."""

    what: str
    found: str
    advice: str = ""


def doctor(options: argparse.Namespace) -> None:
    """Says what was found, and what to do. Raises ConfigError where a job would fail."""
    findings = list(_findings(options.warehouse))
    if options.json:
        print_json([vars(f) | {"ok": not f.advice} for f in findings])
    else:
        print_table(("", "looked at", "found"), [["!" if f.advice else "ok", f.what, f.found] for f in findings], "")
        for f in findings:
            if f.advice:
                print(f"\n{f.what}: {f.advice}")
    wrong = [f.what for f in findings if f.advice]
    if wrong:
        raise ConfigError(f"{len(wrong)} of {len(findings)} are not as they should be: {', '.join(wrong)}.")


def _findings(warehouse: str) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", version, "" if sys.version_info >= (3, 11) else "Expected 3.11 or later.")
    yield _java()
    yield _memory()
    yield _jars()
    yield _disk(warehouse)
    yield from _warehouse(warehouse)


def _java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    where = f"JAVA_HOME is {home}" if home else "java on the PATH"
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=60).stderr
    except (OSError, subprocess.SubprocessError):
        return Finding("Java", f"none ({where})", "Install a JDK 17 or 21 (Debian: apt-get install openjdk-17-jdk).")
    number = re.search(r'version "(\d+)', said)
    major = int(number[1]) if number else 0
    return Finding("Java", f"{major} ({where})", "" if major in JAVA else "Spark 4.2 needs 17 or 21; set JAVA_HOME.")


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    asked = re.search(r"^spark\.driver\.memory\s+(\d+)g", LOCAL.read_text(), re.MULTILINE) if LOCAL.exists() else None
    if asked is None:
        return Finding("memory", f"{total:.1f} GB")
    needed = int(asked[1]) * 1.074 + SPARE
    advice = f"Lower spark.driver.memory in {LOCAL} to {max(int(total - SPARE), 1)}g." if total < needed else ""
    return Finding("memory", f"{total:.1f} GB, of which Spark's driver may take {asked[1]} GB", advice)


def _jars() -> Finding:
    found = sorted(p.name for p in JARS.glob("*.jar"))
    if any(name.startswith("delta-spark") for name in found):
        return Finding("Delta's JARs", f"{len(found)} in {JARS}")
    return Finding("Delta's JARs", f"none in {JARS}", "Run make setup in the project's folder.")


def _disk(warehouse: str) -> Finding:
    folder = Path(warehouse).resolve()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / 1e9
    return Finding("disk", f"{free:.1f} GB free", "" if free > 1 else f"Make room, or choose another than {there}.")


def _warehouse(root: str) -> Iterator[Finding]:
    try:
        reader = Reader(root)
    except DeltaError as error:
        advice = "Its log is damaged: restore the folder from a backup, or name another by --warehouse."
        yield Finding("warehouse", first_line(error)[:80], advice)
        return
    except ConfigError:
        yield Finding("warehouse", f"no published tables in {root}", "Run make demo, or name another by --warehouse.")
        return
    shown = reader.shown(SEGMENTS)
    if not shown:
        yield Finding("warehouse", f"no month is published in {root}", "Run jobs/monthly.py, or make demo.")
        return
    newest = max(shown)
    months = f"{len(shown)} month{'s' if len(shown) > 1 else ''}"
    yield Finding("warehouse", f"{months} published, {newest} the last ({shown[newest]['verdict']})")
    yield _registry(root)


def _registry(root: str) -> Finding:
    server = os.environ.get("MLFLOW_TRACKING_URI")
    if server:
        return _server(server)
    path = Path(root) / "mlflow.db"
    if not path.exists():
        return Finding("model registry", "none yet; scoring never needs it")
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as database:
            (models,) = database.execute("SELECT count(DISTINCT name) FROM model_versions").fetchone()
    except sqlite3.Error as error:
        return Finding("model registry", f"{path}: {error}", f"Move {path} away; the next fit writes another.")
    return Finding("model registry", f"{models} models in {path}")


def _server(address: str) -> Finding:
    shown = address.split("@")[-1]
    if not address.startswith(("http://", "https://")):
        return Finding("model registry", f"MLFLOW_TRACKING_URI is {shown}")
    try:
        status = urllib3.request("GET", f"{address.rstrip('/')}/health", timeout=5.0, retries=False).status
    except urllib3.exceptions.HTTPError:
        status = 0
    if status == 200:
        return Finding("model registry", f"{shown} answers")
    found = f"{shown} {f'answers {status}' if status else 'does not answer'}"
    return Finding("model registry", found, "Start it, or unset MLFLOW_TRACKING_URI; months are scored without it.")
