"""Choose k and fit a bundle of models on the published features of one as-of date.

The bundle becomes champion where none is in effect at that date, or where it passes conf/promotion.yml beside the one
that is; otherwise it stays a challenger.
"""

from segmentation.pipeline import run_fit
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, fit, publish one run."""
    options = job_parser(__doc__ or "", "the as-of date whose features train the models").parse_args()
    context = context_of("fit_segments", options)
    run_fit(context, options.as_of)


if __name__ == "__main__":
    run_job(main)
