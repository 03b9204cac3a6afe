"""What a configuration only names, and the environment holds."""

from __future__ import annotations

import os

from segmentation.core.errors import ConfigError


def secret(where: str, key: str, value: str) -> str:
    """`$NAME` is what the environment says; the configuration, and so the run, holds only the name.

    Raises ConfigError, naming `where` and `key`, for a variable that is not set.
    """
    if not value.startswith("$"):
        return value
    if value[1:] not in os.environ:
        raise ConfigError(f"{where}: `{key}` is {value}, and that is not set. Set it in the environment of the job.")
    return os.environ[value[1:]]
