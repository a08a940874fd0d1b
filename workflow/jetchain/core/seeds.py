"""Seeds from identity, and the switches that make torch deterministic.

Every job's seed is a hash of the root seed and of what the job is (room, verb, sample, shard,
model, fold): no job's numbers depend on which job ran before it, or beside it.
"""

from __future__ import annotations

import hashlib

import numpy as np

MAX_SEED = 2**31 - 1


def derive_seed(root: int, *identity: str | int) -> int:
    """Hash a root seed and an identity into a seed in [1, 2**31 - 1].

    Pythia accepts at most 900,000,000: reduce with ``1 + seed % 900_000_000``.
    """
    text = "\x1f".join([str(root), *map(str, identity)])
    digest = hashlib.sha256(text.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % MAX_SEED


def generator(seed: int, *identity: str | int) -> np.random.Generator:
    """A numpy generator whose stream depends on the seed and on the identity alone."""
    return np.random.default_rng(derive_seed(seed, *identity))


def make_deterministic(seed: int, threads: int = 1) -> None:
    """Seed torch, choose deterministic algorithms, and fix the number of its threads.

    The thread count changes the order of float sums, so it comes from the settings and never
    from the machine.
    """
    import torch

    torch.manual_seed(seed)
    # As `use_deterministic_algorithms(True)`, which imports torch's compiler as well: a second.
    torch.set_deterministic_debug_mode("error")
    # Filling fresh memory finds code that reads it before writing; it costs up to 12 % of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.set_num_threads(threads)
