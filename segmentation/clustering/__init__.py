"""Vectors to clusters: a sweep over k and seeds, indices of every candidate, a choice with its reason.

Features and fitted preprocessors come in; customers are packed once into blocks of float32, over which one Spark job an
iteration serves every dimension, k and seed; out go candidates, the chosen one, and every customer's nearest centroid.
"""

from segmentation.clustering.assign import assign
from segmentation.clustering.hierarchy import merges
from segmentation.clustering.layers import layer_columns, layers, pack_layers
from segmentation.clustering.mllib import adopt
from segmentation.clustering.selection import Choice, Weighed, choose
from segmentation.clustering.sweep import Candidate, SweepConfig, Swept, indices_of, run_sweep
from segmentation.clustering.usefulness import Holdout
from segmentation.clustering.views import View

__all__ = [
    "Candidate",
    "Choice",
    "Holdout",
    "SweepConfig",
    "Swept",
    "View",
    "Weighed",
    "adopt",
    "assign",
    "choose",
    "indices_of",
    "layer_columns",
    "layers",
    "merges",
    "pack_layers",
    "run_sweep",
]
