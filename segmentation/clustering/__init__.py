"""Vectors to clusters: a sweep over k and seeds, indices of every candidate, a choice with its reason.

Sharded vectors come in; an engine fits the candidates (MLlib's KMeans), one pass each over all candidates gives
their statistics and silhouettes; out go candidates, the chosen one, and every customer's nearest centroid.
"""

from segmentation.clustering.assign import assign_nearest
from segmentation.clustering.indices import measure
from segmentation.clustering.selection import Choice, choose
from segmentation.clustering.shards import shard_vectors
from segmentation.clustering.sweep import Candidate, SweepConfig, run_sweep

__all__ = [
    "Candidate",
    "Choice",
    "SweepConfig",
    "assign_nearest",
    "choose",
    "measure",
    "run_sweep",
    "shard_vectors",
]
