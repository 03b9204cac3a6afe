"""The wheel that goes to a cluster holds the whole library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from segmentation.core.config import code_version
from tests.conftest import ROOT


def test_a_job_with_the_wheel_runs_the_code_of_this_tree(tmp_path: Path) -> None:
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # it would keep modules that are gone
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("segmentation-*.whl")
    job = tmp_path / "job.py"
    job.write_text(
        "import segmentation, segmentation.reports.html as h\n"
        "from segmentation.core.config import code_version\n"
        "from segmentation.pipeline import run_month\n"
        "print('FOUND', segmentation.__file__, code_version())\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYSPARK_SUBMIT_ARGS"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    submit = ["spark-submit", "--properties-file", "conf/spark/local.conf", "--py-files", str(wheel), str(job)]
    done = subprocess.run(submit, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    (found,) = [text.split() for text in done.stdout.splitlines() if text.startswith("FOUND")]
    assert ".whl" in found[1], done.stdout + done.stderr  # not the installed one
    assert found[2] == code_version()
