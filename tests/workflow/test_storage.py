"""Results and sources in S3, by Snakemake's plugin and a local server: `make test-storage`."""

import socket
import subprocess
import sys
import time

import pytest

from helpers.les_houches import les_houches
from helpers.snakemake import snakemake

pytestmark = pytest.mark.storage

TARGET = "results/generate/few/summary.json"
FEW = {"generate": {"samples": {"few": {"generation": {"process": "gun", "events": 20}}}}}
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "name", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "word"}


@pytest.fixture(scope="module")
def bucket():
    """An empty bucket of a server that ends with the module."""
    import boto3
    from botocore.exceptions import EndpointConnectionError

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)])
    try:
        made = boto3.resource(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="name", aws_secret_access_key="word",
        ).Bucket("jets")  # fmt: skip
        for _ in range(60):
            try:
                made.create()
                break
            except EndpointConnectionError:
                time.sleep(1)
        made.url = f"http://127.0.0.1:{port}"
        yield made
    finally:
        server.terminate()
        server.wait()


def run(folder, bucket, *targets, options=(), **how):
    done = snakemake(
        folder, *targets, environment=KEYS, **how,
        options=("--storage-s3-endpoint-url", bucket.url, *options),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_results_in_a_storage_have_the_bytes_of_local_ones(bucket, tmp_path):
    stored = ("--default-storage-provider", "s3", "--default-storage-prefix", "s3://jets/run")
    run(tmp_path / "there", bucket, TARGET, options=stored, overlay=FEW)
    assert not (tmp_path / "there" / TARGET).exists()
    assert "Nothing to be done" in run(
        tmp_path / "there", bucket, TARGET, options=(*stored, "--dry-run"), overlay=FEW
    )
    assert snakemake(tmp_path / "here", TARGET, overlay=FEW).returncode == 0
    for name in ("0000.root", "0000.json", "spectra.json", "summary.json"):
        path = f"results/generate/few/{name}"
        found = bucket.Object(f"run/{path}").get()["Body"].read()
        assert found == (tmp_path / "here" / path).read_bytes(), name


def test_a_source_in_a_storage_is_that_source(bucket, tmp_path):
    text = les_houches(4)
    (tmp_path / "a.lhe").write_text(text)
    bucket.put_object(Key="in/a.lhe", Body=text.encode())
    source = {"format": "lhe", "shower": {"overrides": ["PartonLevel:MPI = off"]}}
    samples = {
        name: {"shards": 2, "source": source | {"files": [file]}}
        for name, file in (("here", "a.lhe"), ("there", "s3://jets/in/a.lhe"))
    }
    overlay = {"generate": {"samples": samples}}
    targets = [f"results/generate/{name}/0001.json" for name in samples]
    run(tmp_path, bucket, *targets, overlay=overlay)
    one, other = ((tmp_path / target).read_bytes() for target in targets)
    assert one == other
    done = snakemake(
        tmp_path, *targets, overlay=overlay, environment=KEYS,
        options=("--dry-run", "--storage-s3-endpoint-url", bucket.url),
    )  # fmt: skip
    assert "Nothing to be done" in done.stdout
