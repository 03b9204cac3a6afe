"""What of Superset's own settings `serve` changes."""

# Of Spark the first answer takes longest, on a slow machine more than the minute after which a chart gives up.
SUPERSET_WEBSERVER_TIMEOUT = 600
