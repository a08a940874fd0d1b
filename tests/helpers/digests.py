"""What the digest of the code remembers of the sources."""

from jetchain.plumbing import digest


def forget() -> None:
    """Let the sources be read again."""
    for each in (
        digest._modules, digest.module_path, digest._reader, digest._parse, digest.closure,
        digest.code_digest,
    ):  # fmt: skip
        each.cache_clear()
