"""Keep segments_latest current between months: who has new lines is scored by the last published month's models.

A Structured Streaming job over what ingests and months publish. It takes in what there is and ends, or with --every
goes on until it is stopped. Killed and started again, it goes on where it was; one at a time for a warehouse.
"""

from segmentation.pipeline import run_stream
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, follow."""
    parser = job_parser(__doc__ or "", None, restates=False)
    parser.add_argument(
        "--every", metavar="INTERVAL", help='look again after "10 seconds", "5 minutes", … (default: once)'
    )
    options = parser.parse_args()
    run_stream(context_of("assign_stream", options), options.every)


if __name__ == "__main__":
    run_job(main)
