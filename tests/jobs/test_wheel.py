"""The wheel that goes to a cluster holds the whole library, and `spark-submit` runs a job with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from segmentation.core.config import code_version
from tests.conftest import FAST, ROOT, SUBMIT, job_environment
from tests.published import table


def test_a_job_with_the_wheel_runs_the_code_of_this_tree(shop: Path, tmp_path: Path) -> None:
    """With the generated code that a user's session has and the tests' own has not."""
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # it would keep modules that are gone
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("segmentation-*.whl")
    job = tmp_path / "job.py"
    job.write_text(
        "import runpy, segmentation\n"
        "print('FOUND', segmentation.__file__)\n"
        "runpy.run_path('jobs/ingest.py', run_name='__main__')\n"
    )
    options = ["--config", str(shop / "conf"), "--source", "shop", "--input", str(shop / "raw"),
               "--warehouse", str(tmp_path / "warehouse")]  # fmt: skip
    java = "spark.driver.extraJavaOptions"
    quick = ["--conf", f"{java}={FAST[java]}"]
    command = [*SUBMIT, *quick, "--py-files", str(wheel), str(job), *options]
    done = subprocess.run(command, cwd=ROOT, env=job_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = [text.split() for text in done.stdout.splitlines() if text.startswith("FOUND")]
    assert ".whl" in found[1]  # not the installed one
    runs = table(tmp_path / "warehouse", "runs")
    assert runs[["job", "code_version"]].to_numpy().tolist() == [["ingest", code_version()]]
    lines, customers = (table(tmp_path / "warehouse", name) for name in ("stg_transactions", "stg_customers"))
    assert (len(lines), len(customers)) == (300, 40)
    assert runs["rows_out"].iloc[0] == 340
