"""A small training, by one process or by torchrun's; writes the history and the network.

Run as ``python two_ranks.py FOLDER``; the file's name there is the rank, or "alone".
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from jetchain.core.checkpoints import kept_in
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit
from jetchain.core.training_settings import TrainingSettings

X = torch.from_numpy(np.random.default_rng(0).normal(size=(72, 3))).float()
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]])


def train(folder, name, normed):
    make_deterministic(1)
    middle = [nn.BatchNorm1d(4)] if normed else []
    model = nn.Sequential(nn.Linear(3, 4), *middle, nn.Tanh(), nn.Linear(4, 1))
    seen = []

    def loss(network, batch):
        seen.append(len(batch[0]))
        return mse_loss(network(batch[0]), batch[1]), len(batch[0])

    with kept_in(Path(folder, f"{name}.checkpoint"), lambda: "job"):
        history = fit(
            model,
            # Of the last batch, which has one item, one of two processes has none.
            batches=lambda random: [
                (X[rows], Y[rows])
                for rows in np.split(random.permutation(62 if normed else 61), range(10, 61, 10))
            ],
            validation=lambda: [(X[62:], Y[62:])],
            loss=loss,
            settings=TrainingSettings(epochs=4, learning_rate=0.05),
            seed=1,
            name="toy",
        )
        kept = Path(folder, f"{name}.checkpoint").exists()
    state = {key: value.tolist() for key, value in model.state_dict().items()}
    return {"history": history, "state": state, "largest": max(seen), "kept": kept}


if __name__ == "__main__":
    rank = os.environ.get("RANK", "alone")
    found = {
        kind: train(sys.argv[1], f"{rank}-{kind}", kind == "normed") for kind in ("plain", "normed")
    }
    Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(found))
