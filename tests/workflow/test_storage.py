"""Results and sources in S3 and XRootD, by Snakemake's plugins and local servers.

`make test-storage` fetches the plugins and the server of S3; that of XRootD is in Debian's
xrootd-server.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.les_houches import les_houches
from helpers.snakemake import snakemake

pytestmark = pytest.mark.storage

TARGET = "results/generate/few/summary.json"
FEW = {"generate": {"samples": {"few": {"generation": {"process": "gun", "events": 20}}}}}
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "name", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "word"}


@dataclass(frozen=True)
class Store:
    """A storage on this machine: names in it begin with `prefix`."""

    provider: str
    prefix: str
    options: tuple[str, ...]
    put: Callable[[str, bytes], None]
    get: Callable[[str], bytes]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ended(server):
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def s3():
    """An empty bucket of a server that ends with the module."""
    import boto3
    from botocore.exceptions import EndpointConnectionError

    url = f"http://127.0.0.1:{free_port()}"
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", url.split(":")[-1]])
    try:
        bucket = boto3.resource(
            "s3", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id="name", aws_secret_access_key="word",
        ).Bucket("jets")  # fmt: skip
        for _ in range(60):
            try:
                bucket.create()
                break
            except EndpointConnectionError:
                time.sleep(1)
        yield Store(
            "s3", "s3://jets/", ("--storage-s3-endpoint-url", url),
            lambda name, content: bucket.put_object(Key=name, Body=content),
            lambda name: bucket.Object(name).get()["Body"].read(),
        )  # fmt: skip
    finally:
        ended(server)


@pytest.fixture(scope="module")
def xrootd():
    """The empty folder of a server that ends with the module."""
    if shutil.which("xrootd") is None:
        pytest.skip("no xrootd here: it is in Debian's package xrootd-server")
    port, root = free_port(), Path(tempfile.mkdtemp())
    root.chmod(0o755)
    for name in ("files", "admin"):
        (root / name).mkdir()
        (root / name).chmod(0o777)
    (root / "server.cfg").write_text(
        f"xrd.port {port}\nall.export /\noss.localroot {root}/files\n"
        f"all.adminpath {root}/admin\nall.pidpath {root}/admin\n"
    )
    user = ["-R", "nobody"] if os.geteuid() == 0 else []  # it refuses to be root
    server = subprocess.Popen(["xrootd", "-c", str(root / "server.cfg"), *user])
    try:
        for _ in range(60):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(1)

        def put(name, content):
            path = root / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        yield Store(
            "xrootd", f"root://localhost:{port}//", (),
            put, lambda name: (root / "files" / name).read_bytes(),
        )  # fmt: skip
    finally:
        ended(server)
        shutil.rmtree(root)


@pytest.fixture(params=["s3", "xrootd"])
def store(request):
    return request.getfixturevalue(request.param)


def run(folder, store, *targets, options=(), **how):
    done = snakemake(
        folder, *targets, environment=KEYS, options=(*store.options, *options), **how
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_results_in_a_storage_have_the_bytes_of_local_ones(store, tmp_path):
    stored = (
        "--default-storage-provider", store.provider,
        "--default-storage-prefix", f"{store.prefix}run",
    )  # fmt: skip
    run(tmp_path / "there", store, TARGET, options=stored, overlay=FEW)
    assert not (tmp_path / "there" / TARGET).exists()
    assert "Nothing to be done" in run(
        tmp_path / "there", store, TARGET, options=(*stored, "--dry-run"), overlay=FEW
    )
    assert snakemake(tmp_path / "here", TARGET, overlay=FEW).returncode == 0
    for name in ("0000.root", "0000.json", "spectra.json", "summary.json"):
        path = f"results/generate/few/{name}"
        assert store.get(f"run/{path}") == (tmp_path / "here" / path).read_bytes(), name


def test_a_source_in_a_storage_is_that_source(store, tmp_path):
    text = les_houches(4)
    (tmp_path / "a.lhe").write_text(text)
    store.put("in/a.lhe", text.encode())
    source = {"format": "lhe", "shower": {"overrides": ["PartonLevel:MPI = off"]}}
    samples = {
        name: {"shards": 2, "source": source | {"files": [file]}}
        for name, file in (("here", "a.lhe"), ("there", f"{store.prefix}in/a.lhe"))
    }
    overlay = {"generate": {"samples": samples}}
    targets = [f"results/generate/{name}/0001.json" for name in samples]
    run(tmp_path, store, *targets, overlay=overlay)
    one, other = ((tmp_path / target).read_bytes() for target in targets)
    assert one == other
    assert "Nothing to be done" in run(
        tmp_path, store, *targets, options=("--dry-run",), overlay=overlay
    )
