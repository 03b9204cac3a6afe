"""A SQL server over a warehouse, for BI tools by JDBC and ODBC: Spark's Thrift Server with the names of `make sql`.

It listens to this machine alone, unless LDAP and TLS are configured (spark.hadoop.hive.server2.*). Start it as a user
of the operating system who may read the warehouse and not write it: SQL may do what its process may.
"""

from segmentation.pipeline import serve
from segmentation.pipeline.options import context_of, job_parser, run_job


def main() -> None:
    """Parse, listen."""
    parser = job_parser(__doc__ or "", None, restates=False)
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=10000, metavar="N", help="default: 10000")
    parser.add_argument(
        "--audience", default="analysts", choices=("analysts", "everyone"),
        help="analysts: all tables and marts; everyone: the marts that tell of no few customers (default: analysts)",
    )  # fmt: skip
    options = parser.parse_args()
    context = context_of("sql-server", options)
    serve(context, options.host, options.port, options.audience == "everyone")


if __name__ == "__main__":
    run_job(main)
