"""Make a published month again from its recorded inputs, and see that every row comes out as it was published.

Publishes nothing. Ends with exit code 2 where code or conf/ are not those of then, and 3 where a table comes out
otherwise or what it was made of is not kept any more.
"""

from segmentation.pipeline import run_replay
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, make again, compare."""
    options = job_parser(__doc__ or "", "the published as-of date", restates=False).parse_args()
    context = context_of("replay", options)
    found = run_replay(context, options.as_of)
    context.steps.say(f"replayed: {sum(found.values()):,} rows of {len(found)} tables, each as it was published")


if __name__ == "__main__":
    run_job(main)
