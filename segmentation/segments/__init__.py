"""Clusters become segments: with an identity, a name that is true, business rules and a profile.

Assigned customers, features and day tiles come in; `conf/population.yml` says who takes part at all, a name is a
predicate of `conf/personas.yml` that holds beyond chance, a rule of `conf/rules.yml` may override the unified segment
and says so; out go the rows of `population`, `segments`, `segment_profiles`, `segment_differences` and
`segment_migration`.
"""

from segmentation.segments.concentration import revenue_steps
from segmentation.segments.differences import NEXT_PERIOD, difference_rows, outside_every_fit
from segmentation.segments.matching import Kin, lineage, means_apart, moved_share, new_ids, same_as
from segmentation.segments.members import Model, segment_ids, segment_rows
from segmentation.segments.migration import migration, paths, segment_changes
from segmentation.segments.moments import centred, cluster_means, moments
from segmentation.segments.personas import Personas, beyond_chance, load_personas, name_segments
from segmentation.segments.population import (
    Exclusion,
    Population,
    excluded_customers,
    load_population,
    population_rows,
)
from segmentation.segments.profiles import profile_rows
from segmentation.segments.rules import Rules, load_rules
from segmentation.segments.stickiness import Stickiness

__all__ = [
    "NEXT_PERIOD",
    "Exclusion",
    "Kin",
    "Model",
    "Personas",
    "Population",
    "Rules",
    "Stickiness",
    "beyond_chance",
    "centred",
    "cluster_means",
    "difference_rows",
    "excluded_customers",
    "lineage",
    "load_personas",
    "load_population",
    "load_rules",
    "means_apart",
    "migration",
    "moments",
    "moved_share",
    "name_segments",
    "new_ids",
    "outside_every_fit",
    "paths",
    "population_rows",
    "profile_rows",
    "revenue_steps",
    "same_as",
    "segment_changes",
    "segment_ids",
    "segment_rows",
]
