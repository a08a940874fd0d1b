"""Jets that are not calibrated."""

from jetchain.core.schema.jets import UNCALIBRATED


def uncalibrated(columns):
    """The columns that reconstructed jets have besides: raw ones as these are, no shares."""
    return {
        name: columns[name.removesuffix("_raw")] if name.endswith("_raw") else 0.0 * columns["pt"]
        for name in UNCALIBRATED
    }


def for_collections(table, columns):
    """The same jets in every collection of a table; of them, raw columns where it has these."""
    every = columns | uncalibrated(columns)
    return {
        name: {column: every[column] for column in declared}
        for name, declared in table.collections.items()
    }
