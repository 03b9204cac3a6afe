"""A month from files to published segments: ingest, features, score with the bundle in effect, drift report, verdict.

Every step that is published already is passed over, so the job is safe to start again at any time. Where no
bundle is in effect at an as-of date, one is fitted first; where the drift report asks for it, a challenger.
"""

from segmentation.pipeline import print_summary, refresh_aggregates, run_months, run_reports
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, run each month, show what came out of the last."""
    parser = job_parser(__doc__ or "", "segments as of the start of this day; several with commas between, in turn")
    parser.add_argument("--input", metavar="DIR", help="folder of raw files to stage first (default: what is staged)")
    options = parser.parse_args()
    context = context_of("monthly", options, several=True)
    for run in run_months(context, options.as_of, options.input):
        reports = run_reports(context, run)
        context.steps.say(f"verdict on {run['as_of']}: {run['verdict']}, {run['reason']}")
        refresh_aggregates(context)
    print_summary(context, run["as_of"], run["run_id"])
    context.steps.say("\n" + "\n".join(f"Report: {path}" for path in reports))


if __name__ == "__main__":
    run_job(main)
