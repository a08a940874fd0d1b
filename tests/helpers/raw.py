"""Jets that are not calibrated."""


def for_collections(table, columns):
    """The same jets in every collection of a table; of them, raw columns where it has these."""
    return {
        name: {column: columns[column.removesuffix("_raw")] for column in declared}
        for name, declared in table.collections.items()
    }
