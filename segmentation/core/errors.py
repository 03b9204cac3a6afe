"""One exception tree; each class carries the exit code of the job that ends with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SegmentationError(Exception):
    """Whatever the system refuses to do. The message says what was found, what was expected, what to do."""

    exit_code = 2


class BadInputError(SegmentationError):
    """The data cannot be read as the source mapping says. Exit code 2."""


class ConfigError(SegmentationError):
    """A file in conf/ or an option is wrong. Exit code 2."""


class GuardError(SegmentationError):
    """A check refused to publish what was computed. Exit code 3."""

    exit_code = 3


class OvertakenError(SegmentationError):
    """Another job has written or published in the meantime; started again, this one goes on from there. Exit code 1."""

    exit_code = 1


class StopError(SegmentationError):
    """What was accepted has drifted beyond what may be published. Exit code 4."""

    exit_code = 4


MACHINES = (
    "No space left on device", "OutOfMemoryError", "ExecutorLostFailure", "Executor heartbeat timed out",
    "SparkContext was shut down", "Connection refused", "Connection reset", "UnknownHostException", "SocketTimeout",
)  # fmt: skip
"""What Java and Spark say of disks, memory, processes and networks."""


def is_of_the_machines(error: Exception) -> bool:
    """Whether what Spark says of files or values is due to where it runs: then it is worth trying again.

    >>> is_of_the_machines(RuntimeError("Task failed: java.io.IOException: No space left on device"))
    True
    >>> is_of_the_machines(RuntimeError("[CAST_INVALID_INPUT] The value 'two' of the type STRING"))
    False
    """
    return any(sign in str(error) for sign in MACHINES)


def blamed_on_input(error: Exception, said: str) -> BadInputError:
    """What is said of the input that Spark could not read. Raises the error itself where it is due to the machines."""
    if is_of_the_machines(error):
        raise error
    return BadInputError(said)


def first_line(error: Exception | str) -> str:
    r"""The first line that says something, or else what kind of error it is.

    >>> first_line("\n[PARSE_SYNTAX_ERROR] Syntax error")
    '[PARSE_SYNTAX_ERROR] Syntax error'
    >>> first_line(ValueError())
    'ValueError'
    """
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the closest known spelling and what there is.

    >>> nearest("net_amout", ["net_amount", "qty"])
    'It has: net_amount, qty. Did you mean "net_amount"?'
    >>> nearest("zzz", ["net_amount"])
    'It has: net_amount.'
    """
    names = sorted(known)
    if not names:
        return "It has nothing."
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.6)
    hint = next((n for n in names if close and n.lower() == close[0]), None)
    return f"It has: {shown}." + (f' Did you mean "{hint}"?' if hint else "")
