"""The features as people list them: one entry per definition, its windows side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segmentation.features.feature import Feature
from segmentation.features.registry import Registry


@dataclass(frozen=True)
class Listed:
    """A block of `conf/features`, with what became of it for a source."""

    feature: Feature
    """Of its columns the last."""
    windows: tuple[str, ...]
    """Their names; none where it has no windows."""
    meant_for_fit: bool
    """Whether any of its columns is."""

    @property
    def description(self) -> str:
        """What it says, and what the source lacks where that switches it off."""
        lacking = self.feature.off_because
        off = f" (off: no {', '.join(lacking).replace('|', ' or ')})" if lacking else ""
        return self.feature.block.description + off


def listed(registry: Registry) -> Iterator[Listed]:
    """In file order."""
    columns: dict[str, list[Feature]] = {}
    for f in registry.features:
        columns.setdefault(f.base, []).append(f)
    for of in columns.values():
        yield Listed(of[-1], tuple(f.window.name for f in of if f.window), any(f.meant_for_fit for f in of))
