"""Stage raw files: every row is accepted or quarantined with its reason, and the day tiles are refreshed."""

from segmentation.pipeline import run_ingest
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, stage, publish one run."""
    parser = job_parser(
        __doc__ or "",
        "the day the files were received: rows of that day or later are refused as future "
        "(default: received_on of the source mapping, or else the day after the newest file was written)",
        as_of_required=False,
    )
    parser.add_argument("--input", required=True, metavar="DIR", help="folder of the raw files")
    options = parser.parse_args()
    context = context_of("ingest", options)
    run_ingest(context, options.input, options.as_of)


if __name__ == "__main__":
    run_job(main)
