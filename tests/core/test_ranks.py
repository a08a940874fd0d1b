"""Several processes train as one does: the same losses within rounding, and one network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.two_ranks import train
from jetchain.core.ranks import Ranks
from jetchain.core.verbs import Output, Outputs
from jetchain.plumbing import launcher

SCRIPT = Path(__file__).parents[1] / "helpers/two_ranks.py"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What each of torchrun's two processes found."""
    folder = tmp_path_factory.mktemp("ranks")
    paths = [str(Path(launcher.__file__).parents[2]), str(SCRIPT.parents[1])]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, SCRIPT, folder], env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("kind", ["plain", "normed"])
def test_two_processes_train_as_one_does(both, tmp_path, kind):
    alone = train(tmp_path, "alone", kind == "normed")
    for found in (each[kind] for each in both):
        for name, values in alone["history"].items():
            assert found["history"][name] == pytest.approx(values, rel=1e-5), name
        for name, values in alone["state"].items():
            assert np.allclose(found["state"][name], values, rtol=1e-4, atol=1e-6), name
        # Batch normalisation needs the whole batch.
        assert found["largest"] == (10 if kind == "normed" else 5)
    assert both[0][kind]["state"] == both[1][kind]["state"]
    assert [each[kind]["kept"] for each in both] == [True, False]


def test_items_are_divided_once_and_what_cannot_be_is_whole():
    ranks = Ranks(torch.nn.Linear(1, 1))
    ranks.number = 3
    items = torch.arange(7)
    for batch in (items, items.numpy(), (items, items[:, None]), [items]):
        found = []
        for ranks.rank in range(3):
            part = ranks.part(batch)
            part = part[0] if isinstance(batch, tuple | list) else part
            found += part.tolist()
        assert found == items.tolist()
    for whole in ((items, items[:3]), (items, 1.0), torch.tensor(1.0), object()):
        assert ranks.part(whole) is whole
    ranks.rank = 0
    assert ranks.part(items[:2]) is None


def test_a_second_process_of_a_job_writes_nothing(tmp_path, monkeypatch):
    def verb(*, one: Output, many: Outputs, number: int) -> None:
        for path in (one, *many):
            path.write_text(str(number))
            written.append(path)

    written = []
    outputs = {"one": tmp_path / "a.txt", "many": [tmp_path / "b", tmp_path / "c/b"]}
    launcher.help_verb(verb, outputs | {"number": 3})
    assert len({*written}) == 3
    assert not [*tmp_path.iterdir()]
    for rank, helps in (("0", False), ("1", True)):
        monkeypatch.setenv("RANK", rank)
        assert not launcher.helps()
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
        assert launcher.helps() == helps
        monkeypatch.delenv("TORCHELASTIC_RUN_ID")
