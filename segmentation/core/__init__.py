"""What every room shares: errors, configuration files, table definitions and day windows.

Nothing here touches Spark's JVM, Delta or a clock: these are values and plain functions.
Every other room may import core; core imports none.
"""

from segmentation.core.errors import (
    BadInputError,
    ConfigError,
    GuardError,
    SegmentationError,
)
from segmentation.core.periods import LIFETIME, WINDOWS, Window

__all__ = [
    "LIFETIME",
    "WINDOWS",
    "BadInputError",
    "ConfigError",
    "GuardError",
    "SegmentationError",
    "Window",
]
