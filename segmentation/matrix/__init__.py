"""Features to vectors: one preprocessor a dimension, fitted once, stored with the model and reused to score.

`customer_features` comes in; constants are exact figures of a hash-chosen sample, written as literals into one
SQLTransformer, so that the same numbers come out under any partitioning and in plain PySpark; out goes the
preprocessor with its reasons, and vectors.
"""

from segmentation.matrix.preprocessor import (
    NOTHING,
    Block,
    Dropped,
    Preprocessor,
    Slot,
    fit_preprocessor,
    unify,
)
from segmentation.matrix.sample import hash_sample

__all__ = ["NOTHING", "Block", "Dropped", "Preprocessor", "Slot", "fit_preprocessor", "hash_sample", "unify"]
