"""One month from files to published segments: ingest, features, score with the bundle in effect, report.

Every step that is published already is passed over, so the job is safe to start again at any time. Where no
bundle is in effect at the as-of date, one is fitted first.
"""

from segmentation.pipeline import print_summary, run_month, run_report
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, run the month, show what came out."""
    parser = job_parser(__doc__ or "", "segments as of the start of this day")
    parser.add_argument("--input", metavar="DIR", help="folder of raw files to stage first (default: what is staged)")
    options = parser.parse_args()
    context = context_of("monthly", options)
    run = run_month(context, options.as_of, options.input)
    report = run_report(context, run)
    print_summary(context, options.as_of, run["run_id"])
    context.steps.say(f"\nReport: {report}")


if __name__ == "__main__":
    run_job(main)
