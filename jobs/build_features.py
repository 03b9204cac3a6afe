"""Build the windowed features of one as-of date from what is staged: only events before that day count."""

from segmentation.pipeline import run_features
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, build, publish one run."""
    options = job_parser(__doc__ or "", "features as of the start of this day").parse_args()
    context = context_of("build_features", options)
    run_features(context, options.as_of)


if __name__ == "__main__":
    run_job(main)
