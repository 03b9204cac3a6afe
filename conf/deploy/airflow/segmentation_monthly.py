"""Airflow 3: the month on its first day, and housekeeping after it.

Put this file into Airflow's folder of DAGs. From the environment of its workers it takes

* SEGMENTATION_HOME: the project's folder, or wherever `jobs/` and `conf/` lie;
* SEGMENTATION_SUBMIT: how to submit, up to the job: spark-submit, its properties, the master and the wheel;
* SEGMENTATION_OPTIONS: `--source` and `--warehouse`; SEGMENTATION_INPUT: the folder of new raw files, if any.

A job that was refused (exit codes 2, 3 and 4) fails at once: it would be refused again. Anything else that ends it, as
a lost machine does, is tried again, which is safe after anything. On YARN and Kubernetes submit with --deploy-mode
client: in cluster mode spark-submit does not pass the job's exit code on. The as-of date is the first day of the month
of the run. Earlier months: `airflow backfill create --max-active-runs 1 …`, as each compares with the one before.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

ZONE = "UTC"
"""Of the schedule: the retailer's own, so that a month is over when it says so."""
REFUSED = {2: "bad input or configuration", 3: "refused by a guard", 4: "stopped by the drift report"}


def submit(job: str, *arguments: str) -> None:
    """Runs one of the jobs; its output is the task's log."""
    command = [*_words("SEGMENTATION_SUBMIT"), f"jobs/{job}.py", *_words("SEGMENTATION_OPTIONS"), *arguments]
    code = subprocess.run(command, cwd=os.environ["SEGMENTATION_HOME"], check=False).returncode
    if code in REFUSED:
        raise AirflowFailException(f"{job}: exit code {code}, {REFUSED[code]}; the log says what to do")
    if code:
        raise RuntimeError(f"{job}: exit code {code}")


def _words(variable: str) -> list[str]:
    return shlex.split(os.environ[variable])


@dag(
    schedule="0 6 1 * *",
    start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo(ZONE)),
    catchup=False,
    max_active_runs=1,  # each month compares with the one before
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10), "retry_exponential_backoff": True},
    tags=["segmentation"],
    doc_md=__doc__,
)
def segmentation_monthly() -> None:
    """Month, then housekeeping."""

    @task(depends_on_past=True)
    def month(logical_date: datetime | None = None) -> None:
        if logical_date is None:
            raise AirflowFailException("the run has no logical date, and so no month; trigger it with one")
        given = os.environ.get("SEGMENTATION_INPUT")
        day = logical_date.astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-01")
        submit("monthly", "--as-of", day, *(["--input", given] if given else []))

    @task
    def housekeeping() -> None:
        submit("maintain")

    month() >> housekeeping()


segmentation_monthly()
