"""Say whether the segments of a published month still hold, and what has moved since their models were trained.

Writes drift_report. Ends with exit code 4 where something seems wrong with the data (verdict stop).
"""

import sys

from segmentation.pipeline import run_monitor
from segmentation.pipeline.options import context_of, job_parser, run_job

STOP = 4


def main() -> None:
    """Parse, measure, publish one run."""
    options = job_parser(__doc__ or "", "the scored as-of date").parse_args()
    context = context_of("monitor_drift", options)
    if run_monitor(context, options.as_of)["verdict"] == "stop":
        sys.exit(STOP)


if __name__ == "__main__":
    run_job(main)
