"""The aggregate tables that everyone may see, brought up to what is published; see conf/disclosure.yml.

monthly.py ends with this. By itself it is for other rules of disclosure, or after a month was measured again.
"""

from segmentation.pipeline import refresh_aggregates
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, make what is not up to date."""
    refresh_aggregates(context_of("marts", job_parser(__doc__ or "", None, restates=False).parse_args()))


if __name__ == "__main__":
    run_job(main)
