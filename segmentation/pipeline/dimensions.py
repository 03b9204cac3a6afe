"""`conf/dimensions.yml`: who has data in a dimension, and how much it weighs in the unified segments."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from segmentation.core.config import Strict, load, sql_columns
from segmentation.core.errors import ConfigError, nearest
from segmentation.features import Registry


class Dimension(Strict):
    """One of the five."""

    has_data: str
    weight: float = Field(gt=0)


class Dimensions(Strict):
    """The file."""

    demographics: Dimension
    transactional: Dimension
    behavioral: Dimension
    psychographic: Dimension
    cx_engagement: Dimension

    def items(self) -> list[tuple[str, Dimension]]:
        """The dimensions by name, in order."""
        return [(name, getattr(self, name)) for name in type(self).model_fields]

    @property
    def conditions(self) -> list[str]:
        """`has_data` of all five."""
        return [d.has_data for _, d in self.items()]


def load_dimensions(folder: Path, registry: Registry) -> Dimensions:
    """The dimensions. Raises ConfigError where has_data reads what is no feature."""
    path = folder / "dimensions.yml"
    dimensions = load(path, Dimensions)
    features = [f.name for f in registry.features]
    for name, dimension in dimensions.items():
        for column in sorted(sql_columns(dimension.has_data, f"{path}: {name}") - set(features)):
            raise ConfigError(f'{path}: {name}: has_data reads "{column}", no feature. {nearest(column, features)}')
    return dimensions
