"""How segments are made: the sweep, the choice of k, the models, and what became of segments in a refit."""

from __future__ import annotations

from segmentation.core.schemas.contract import AS_OF, DIMENSION, RUN_ID, Table, col

K_SWEEP = Table(
    "k_sweep",
    "one row per fitted candidate",
    ("run_id", "dimension", "k", "seed"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("k", "int", "Number of clusters asked for"),
        col("seed", "bigint", "Seed of the initial centroids"),
        col("sse", "double", "Sum of squared distances to the own centroid, scaled units"),
        col("silhouette", "double", "Mean silhouette, squared Euclidean, −1..1; null for one cluster"),
        col("davies_bouldin", "double", "Davies–Bouldin index, lower is better; null for one cluster"),
        col("calinski_harabasz", "double", "Calinski–Harabasz index, higher is better; null for one cluster"),
        col("iterations", "int", "Lloyd iterations until it stood still"),
        col("min_share", "double", "Share of customers in the smallest cluster, 0..1"),
        col("engine", "string", "What fitted it: lloyd, mllib, or coreset (the best of each k on all)"),
    ),
)

K_SELECTION = Table(
    "k_selection",
    "one row per fitted dimension",
    ("run_id", "dimension"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("k", "int", "The chosen number of segments; null where no structure was found"),
        col("seed", "bigint", "The seed of the chosen candidate; null where nothing was fitted"),
        col("chosen_by", "string", "system, or user where conf/sweep.yml pins k"),
        col("reason", "string", "Why, in plain words"),
        col("structure", "string", "clusters; continuum: parts of one crowd; none: no more than noise has"),
        col("candidates",
           "array<struct<k:int,seed:bigint,silhouette:double,davies_bouldin:double,calinski_harabasz:double,"
           "min_share:double,seed_agreement:double,stability:double,returns:double,excess:double,error:double,"
           "gap:double,separation:int,valleys:double,usefulness:double,flaws:array<string>>>",
           "The best candidate of every k: its indices; adjusted Rand index with other seeds (seed_agreement) and with "
           "refits on resamples (stability); share of these in which its least stable cluster comes back (returns); "
           "silhouette above that of noise with the same covariance (excess) and its standard error (error); gap "
           "statistic against that noise; fewest features in which two neighbours differ by half a standard deviation "
           "(separation); share of neighbouring pairs with fewer customers between than at either (valleys); share of "
           "the variance of log spend in the holdout that segments of then explain (usefulness; null without one); "
           "what keeps it from being chosen (flaws). Null where there are too few customers to resample"),
        col("merges", "array<struct<segments:int,one:array<string>,other:array<string>,kept:double>>",
           "How the chosen segments would join, the two that lose least first (Ward): how many are then left, the "
           "segment_ids of the two that join, and the share that is then left of the sum of squares between segments"),
    ),
)  # fmt: skip

SEGMENT_MODELS = Table(
    "segment_models",
    "one row per fitted model",
    ("dimension", "model_version"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("model_version", "string", "The bundle: six models fitted and promoted together"),
        col("k", "int", "Number of clusters"),
        col(
            "centroids",
            "array<array<double>>",
            "Cluster centres in scaled units, in feature_names' order, by cluster_id",
        ),
        col("segment_ids", "array<string>", "The stable identity of each cluster_id"),
        col("segment_names", "array<string>", "The name of each cluster_id"),
        col("preprocessor", "string", "Fitted constants, pruned features with their reasons, JSON"),
        col("feature_names", "array<string>", "The vector's slots"),
        col(
            "reference",
            "string",
            "How the training customers stood, for the drift report: histograms of the features, "
            "means, spreads and reach of the segments, and what chance moves; JSON",
        ),
        col("metrics", "map<string,double>", "Indices of the chosen candidate, and the gates' figures"),
        col("trained_as_of", "date", "The as-of date of the training features"),
        col("training_customers", "bigint", "Customers with data in the dimension at training"),
        col("mlflow_run_id", "string", "The tracking run; null where tracking was out of reach"),
        col("model_path", "string", "Folder of the saved PipelineModel, relative to the warehouse"),
        col("files_sha256", "map<string,string>", "SHA-256 of every file under model_path"),
    ),
)

SEGMENT_LINEAGE = Table(
    "segment_lineage",
    "one row per segment of a refit and of the champion it was compared with: what became of it",
    ("dimension", "from_version", "to_version", "from_segment_id", "to_segment_id"),
    (
        AS_OF,
        RUN_ID,
        DIMENSION,
        col("from_version", "string", "The bundle that was champion when the refit was made"),
        col("to_version", "string", "The refit"),
        col("from_segment_id", "string", "A segment of the champion; (new) where there is none"),
        col("to_segment_id", "string", "A segment of the refit; (gone) where there is none"),
        col(
            "relation",
            "string",
            "same: more than half in common (overlap above 0.5); split: more than half of it comes from there; "
            "merged: more than half went there; new; retired",
        ),
        col("overlap", "double", "Customers in both over customers in either, 0..1; null without a partner"),
        col("distance", "double", "Between the means, root mean square in deviations; null without a partner"),
    ),
)
