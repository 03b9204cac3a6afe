"""`conf/promotion.yml`: what a refit must be to take the champion's place by itself."""

from __future__ import annotations

from pydantic import Field

from segmentation.core.config import Strict


class PromotionRules(Strict):
    """The file. All of it is about the unified layer."""

    max_silhouette_loss: float = Field(0.02, ge=0)
    min_stability: float = Field(0.75, ge=0, le=1)
    min_share: float = Field(0.01, ge=0, lt=0.5)
    min_usefulness: float = Field(0.01, ge=0, le=1)
    max_moved_share: float = Field(0.5, ge=0, le=1)
    approval: bool = False
