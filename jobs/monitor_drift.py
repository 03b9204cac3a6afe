"""Say anew whether the segments of a published month hold, and what has moved since their models were trained.

Writes drift_report, by the conf/monitoring.yml of now. Ends with exit code 4 where the verdict is stop.
"""

import sys

from segmentation.core.errors import StopError
from segmentation.monitoring import STOP
from segmentation.pipeline import run_drift_report, run_monitor
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, measure, publish one run."""
    options = job_parser(__doc__ or "", "the scored as-of date").parse_args()
    context = context_of("monitor_drift", options)
    run = run_monitor(context, options.as_of)
    context.steps.say(f"Report: {run_drift_report(context, run)}")
    if run["verdict"] == STOP:
        sys.exit(StopError.exit_code)


if __name__ == "__main__":
    run_job(main)
