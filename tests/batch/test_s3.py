"""Tables and pictures in S3, against a server on this machine that is another program's idea of it (moto)."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.batch.invented import picture

from visavis.batch import locations
from visavis.errors import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.batch.conftest import Desk

pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries of others

SERVER = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a server with an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], **quiet)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "the server is gone"
                assert time.monotonic() < end, "the server doesn't answer"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def s3(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A file system in it."""
    import s3fs

    given = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "a test",
        "AWS_SECRET_ACCESS_KEY": "a test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.lower().endswith("_proxy") and name != "NO_PROXY"]:
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    found = s3fs.S3FileSystem()
    if not found.exists("pictures"):
        found.mkdir("pictures")
    yield found
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_table_and_its_pictures_in_s3(desk: Desk, s3: Any) -> None:
    rows = [("reference", "probe", "subject", "purpose")]
    for number in range(3):
        for take in range(2):
            s3.pipe(f"pictures/p{number}-{take}.jpg", picture(f"p{number}", take))
        # Relative to the table, and by its address.
        rows.append((f"p{number}-0.jpg", f"s3://pictures/p{number}-1.jpg", f"subject {number}", "a test"))
    rows.append(("p0-0.jpg", "gone.jpg", "subject 4", "a test"))
    rows.append(("/etc/hostname", "p0-0.jpg", "subject 5", "a test"))
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    s3.pipe("pictures/pairs.csv", text.getvalue().encode())
    summary = desk.run("s3://pictures/pairs.csv")
    assert summary.decisions == {"match": 3, "no_match": 0, "inconclusive": 0}
    assert summary.rejected == {"batch.row": 1, "photo.missing": 1}
    assert "can't name files of this machine" in desk.rows()[4]["message"]
    assert locations.size("s3://pictures/p0-0.jpg") == len(picture("p0", 0))
    assert locations.size("s3://pictures/gone.jpg") is None
    assert list(desk.path.rglob("*.jpg")) == [], "no picture is written anywhere"


def test_a_probe_under_many_names_in_s3_is_refused(desk: Desk, s3: Any) -> None:
    from visavis.errors import AccessError

    rows = []
    for number in range(6):
        s3.pipe(f"pictures/copy{number}.jpg", picture("wanted"))
        s3.pipe(f"pictures/other{number}.jpg", picture(f"other{number}"))
        address = f"s3://pictures/other{number}.jpg", f"s3://pictures/copy{number}.jpg"
        rows.append((*address, f"subject {number}", "a test"))
    with pytest.raises(AccessError) as caught:
        desk.run(desk.table(rows))
    assert caught.value.code == "access.fan_out"


def test_a_table_that_isn_t_in_s3(desk: Desk, s3: Any) -> None:
    with pytest.raises(BatchError) as caught:
        desk.run("s3://pictures/gone.csv")
    assert caught.value.code == "batch.missing"
