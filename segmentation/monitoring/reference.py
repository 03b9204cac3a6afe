"""What a bundle remembers of the customers that it was trained on, kept with each model: no month reads them again."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from segmentation.monitoring.centroids import Standing
from segmentation.monitoring.histograms import Histogram


@dataclass(frozen=True)
class Reference:
    """Of one dimension."""

    values: tuple[Histogram, ...]
    """Of its features; none in the unified layer, whose features are the dimensions'."""
    standing: Standing
    young: bool
    """Whether history was too short at training for much of what the segments are made of: figures of the segments
    then change by themselves as windows fill, and ask for other segments once these are full."""

    def to_json(self) -> str:
        """For `segment_models.reference`."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Reference:
        """The inverse of to_json.

        >>> then = Standing((2.0,), ((0.5,),), (1.0,), ((0.5,),), 1.0, None, 2.0, 2, 1.0, (0.1,), 0.0)
        >>> r = Reference((), then, False)
        >>> Reference.from_json(r.to_json()) == r
        True
        """
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(Reference)
