"""Housekeeping of a warehouse: delete what no reader can see any more, compact small files, give up old versions.

Goes by conf/maintenance.yml, beside any other job. Nothing that a view shows goes unless its table is named there.
"""

import datetime as dt

from segmentation.pipeline import run_maintain
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, clean up."""
    parser = job_parser(__doc__ or "", None, restates=False)
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and do nothing")
    options = parser.parse_args()
    run_maintain(context_of("maintain", options), dt.datetime.now(dt.UTC), options.dry_run)


if __name__ == "__main__":
    run_job(main)
