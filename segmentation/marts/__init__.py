"""What people read: a cube of figures that everyone may see, and views by name over it and over the tables.

Comes in: a published month (segments, profiles, migration, features, tiles). The idea: count the customers of every
cell in Spark, then show none of which few customers can be told. Goes out: the rows of the cube, and the views of
`conf/sql/marts`.
"""

from segmentation.marts.cells import Cell, Cells, count_cells
from segmentation.marts.cube import cube_rows, drift_rows, quality_rows, shown_segments
from segmentation.marts.views import Mart, load_marts

__all__ = [
    "Cell",
    "Cells",
    "Mart",
    "count_cells",
    "cube_rows",
    "drift_rows",
    "load_marts",
    "quality_rows",
    "shown_segments",
]
