"""Laws of every design in the table, and what a new one takes: one file and one line."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
import yaml

from helpers.planner import HOUSE, PARTS
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.firmware import FirmwareTimes
from jetchain.core.seeds import derive_seed
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import (
    DesignTimesSettings,
    FixedPointSettings,
    FormatSettings,
)
from jetchain.firmware.designs import CLASSIFIERS, DESIGNS
from jetchain.firmware.synthesise import trace
from jetchain.firmware.times import times

INPUTS, OUTPUTS = 36, 5  # of four constituents, for those that see them one by one

# Four constituents, not its own number; and as many numbers in between as others have outputs.
FORMATS = {"formats": None}  # those of every design
WIDE = {"interaction": {"constituents": None}, "autoencoder": {"latent": OUTPUTS}}

TOY = '''
"""A design."""

from jetchain.core.settings import key
from jetchain.firmware.design_settings import DesignSettings


class ToySettings(DesignSettings):
    """Of the toy."""

    scale: float = key(1.0, "Nothing uses it.", gt=0.0)


class Toy:
    """Planned, and never built."""
'''
LINE = '        "toy": DesignMember("Toy", "", "toy.Toy", "toy.ToySettings"),\n'


def formats(bits: int) -> FormatSettings:
    """Ranges that nothing leaves, with so many fraction bits."""
    wide = FixedPointSettings(signed=True, integer=6, fraction=bits)
    return FormatSettings(
        inputs=wide, weights=wide, biases=wide,
        activations=FixedPointSettings(signed=False, integer=7, fraction=bits),
    )  # fmt: skip


@pytest.fixture(params=DESIGNS)
def design(request):
    return build(request.param, FORMATS)


def twins(design, bits):
    """The float network and the quantised one with the same parameters, and inputs."""
    torch.manual_seed(3)
    floating = design.floating(INPUTS, OUTPUTS)
    quantised = design.quantised(INPUTS, OUTPUTS, formats(bits))
    for own, other in zip(quantised.parameters(), floating.parameters(), strict=True):
        own.data.copy_(other.data)
    return floating.double(), quantised.double(), torch.randn(200, INPUTS, dtype=torch.float64)


def test_with_more_bits_the_quantised_design_becomes_the_float_one(design):
    apart = []
    for bits in (4, 8, 12, 16):
        floating, quantised, x = twins(design, bits)
        with torch.no_grad():
            exact = floating(x)
            apart.append(float((quantised(x) - exact).abs().max() / exact.std()))
    assert apart[-1] < 1e-3
    # Four bits more: sixteen times nearer, give or take the luck of the largest of many.
    assert all(fine < coarse / 5 for coarse, fine in pairwise(apart))


def test_gradients_reach_every_parameter(design):
    for network in twins(design, 8)[:2]:
        network(torch.randn(64, INPUTS, dtype=torch.float64)).square().sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_read_back_is_what_was_trained_bit_for_bit(name, tmp_path):
    torch.manual_seed(1)
    numbers = FormatSettings()
    model = build(name, WIDE.get(name, {}) | FORMATS).quantised(INPUTS, OUTPUTS, numbers)
    model.freeze()
    write_weights(tmp_path / "weights.safetensors", model)
    fixed = read_fixed(
        tmp_path / "weights.safetensors", name, WIDE.get(name, {}) | FORMATS, numbers, headroom=2
    )
    x = fixed.at_port(np.random.default_rng(2).uniform(-5.0, 5.0, (500, INPUTS)))
    with torch.no_grad():
        expected = model.double()(torch.from_numpy(x)).numpy()
    assert len(np.unique(expected)) > 100
    assert np.array_equal(fixed.forward(x), expected)
    assert (fixed.widths[0], fixed.widths[-1]) == (INPUTS, OUTPUTS)
    assert 0.0 <= fixed.sparsity < 1.0
    logic = trace(fixed)
    assert np.array_equal(logic.predict(x, n_threads=1), expected)


@pytest.mark.shared
def test_a_new_design_is_one_file_and_one_line(tmp_path):
    for part in PARTS:
        if (HOUSE / part).is_dir():
            shutil.copytree(HOUSE / part, tmp_path / part)
        else:
            shutil.copy(HOUSE / part, tmp_path / part)
    folder = tmp_path / "workflow" / "jetchain" / "firmware" / "designs"
    (folder / "toy.py").write_text(TOY)
    table = (folder / "__init__.py").read_text()
    assert "    },\n" in table
    (folder / "__init__.py").write_text(table.replace("    },\n", f"{LINE}    }},\n"))
    (tmp_path / "overlay.yaml").write_text(
        "firmware: {designs: [mlp, toy], models: {toy: {scale: 2.0}}}"
    )
    done = subprocess.run(
        [
            "snakemake", "-n", "-p", "--cores", "1", "--directory", str(tmp_path / "run"),
            "--configfile", "config/test.yaml", "overlay.yaml", "--",
            "results/firmware/toy/latency.json", "results/firmware/mlp/latency.json",
            "results/reporting/firmware/firmware_summary.png",
            "results/reporting/firmware/firmware_roc_toy.png",
        ],
        cwd=tmp_path, text=True, capture_output=True, check=False,
        env=os.environ | {
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "PYTHONPATH": str(tmp_path / "workflow"),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    trained = re.findall(
        r"firmware\.train\.floating .* --design (\w+) --settings '(.*)' --seed (\d+)", done.stdout
    )
    root = yaml.safe_load((HOUSE / "config" / "config.yaml").read_text())["seed"]
    assert {name: int(seed) for name, _, seed in trained} == {
        "mlp": derive_seed(root, "firmware.train"),
        "toy": derive_seed(root, "firmware.train", "toy"),
    }
    assert any(name == "toy" and '"scale": 2.0' in text for name, text, _ in trained)
    assert """--names '{"mlp": "MLP", "toy": "Toy"}'""" in done.stdout


def test_times_are_those_of_each_design(tmp_path):
    settings = DesignTimesSettings(
        models={}, constituents=16, classes=["a", "b", "c"], repetitions=1
    )
    times(report=tmp_path / "times.json", settings=settings, seed=1)
    found = read_result(tmp_path / "times.json", FirmwareTimes)
    assert set(found.alone) == set(CLASSIFIERS) - {"own"}
    assert all(found.alone[name] > found.batched[name] > 0 for name in found.alone)
    assert found.batched["interaction"] > found.batched["mlp"]  # pairs, not constituents
