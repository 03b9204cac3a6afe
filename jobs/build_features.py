"""Build the windowed features of one as-of date, or of several, from what is staged.

Only events before an as-of date count for it. What is published for a date stays until --restate.
"""

from segmentation.pipeline import run_features
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, build, publish one run a date."""
    options = job_parser(__doc__ or "", "features as of the start of this day, or of several: D1,D2,…").parse_args()
    context = context_of("build_features", options, several=True)
    run_features(context, options.as_of)


if __name__ == "__main__":
    run_job(main)
