"""References and outlier scores of the search: one file and one line each."""

from jetchain.core.registry import Member, Registry

MODELS = Registry(
    "jetchain.anomaly.models",
    "anomaly model",
    {
        "supervised": Member("supervised", "2101.08320", "supervised.Supervised"),
        "idealised": Member("idealised", "2109.00546", "idealised.Idealised"),
        "isolation_forest": Member("isolation forest", "", "isolation_forest.IsolationForest"),
        "mahalanobis": Member("Mahalanobis distance", "", "mahalanobis.Mahalanobis"),
    },
)
