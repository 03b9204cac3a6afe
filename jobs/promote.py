"""Say which bundle serves: approve a challenger that waits, promote one by hand, or go back to the champion before.

No published as-of date changes its labels: the bundle serves from the next date that is not scored, or from --as-of.
"""

from segmentation.pipeline import run_approve, run_promote
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, check, append one promotion."""
    parser = job_parser(__doc__ or "", "the first as-of date that it labels", as_of_required=False, restates=False)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--bundle", metavar="VERSION", help="the bundle, as segment_models.model_version names it")
    which.add_argument("--back", action="store_true", help="the champion before the newest one")
    which.add_argument("--approve", action="store_true", help="the newest one, where conf/promotion.yml lets it wait")
    parser.add_argument("--by", required=True, metavar="NAME", help="who says so")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; kept with the promotion")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")
    options = parser.parse_args()
    context = context_of("promote", options)
    said = options.as_of, options.reason, options.dry_run
    if options.approve:
        run_approve(context, options.by, *said)
    else:
        run_promote(context, options.by, options.bundle, *said)


if __name__ == "__main__":
    run_job(main)
