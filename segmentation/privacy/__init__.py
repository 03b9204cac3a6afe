"""What may be shown of customers to whom. Comes in: how many customers each cell of a table counts.

The idea: cells of few customers are joined with others, or hidden, until neither a figure nor the difference of two
tells of fewer than `min_customers`. Goes out: which cells are shown, and under which labels.
"""

from segmentation.privacy.disclosure import OTHER, Disclosure, coarsen, hidden, overlapping, rounded

__all__ = ["OTHER", "Disclosure", "coarsen", "hidden", "overlapping", "rounded"]
