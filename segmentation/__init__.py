"""Customer segmentation on Spark and Delta.

Raw files become staged tables, day tiles, windowed features, vectors, clusters, and segments with profiles.
Each sub-package is a room with one task; data moves through them in one direction (README shows the way).
"""

__version__ = "0.1.0"
