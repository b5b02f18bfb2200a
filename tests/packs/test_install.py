from __future__ import annotations

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import visavis.packs
from visavis.errors import PackError
from visavis.packs import catalogue, convert
from visavis.packs.catalogue import DEMO_PICTURES, File, PackRecogniser, Tool, View
from visavis.packs.install import (
    Installed,
    fetch_demo_pictures,
    install,
    installed,
    remove,
    require,
    require_any,
    verify,
)
from visavis.packs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.packs.conftest import Server, Toys

    from visavis.packs.catalogue import Role

WHEEL = "/files/toy_wheel-1.0-py3-none-any.whl"

# Another process with the same toys; it says what it converted, and may kill itself over it.
CHILD = """
import os, pickle, signal, sys
from visavis.packs import catalogue, convert, install
catalogue.PACKS.update(pickle.load(open(sys.argv[1], "rb")))
def toy_convert(recipe, source):
    if sys.argv[2] == recipe:
        os.kill(os.getpid(), signal.SIGKILL)
    print(recipe)
    return recipe.encode() + source
convert.convert, convert.RECIPE_VERSION = toy_convert, 1
install.install("toy")
"""


@pytest.fixture
def child(indexed: Toys, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    packs = tmp_path / "packs.pickle"
    packs.write_bytes(pickle.dumps(indexed.packs))
    source = str(Path(visavis.packs.__file__).parents[2])

    def start(dies_converting: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CHILD, str(packs), dies_converting]
        environ = {**os.environ, "PYTHONPATH": source}
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)

    return start


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(PackError) as caught:
        call()
    return caught.value.code


ROLES: tuple[tuple[Role, str], ...] = (
    ("detector", "eyes.onnx"),
    ("landmarks", "points.onnx"),
    ("recogniser", "toy.onnx"),
)


@pytest.fixture
def tool(indexed: Toys, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """A pack that compares no faces; it has a file in common with the engine "toy"."""
    toy = indexed.packs["toy"]
    networks: tuple[tuple[Role, File], ...] = (
        ("text_detector", toy.detector),
        ("text_recogniser", indexed.packs["twin"].recognisers[0].file),
    )
    pack = Tool("reads", "Reads", "Reads what is written", "MIT", ("noise",), (), (), networks)
    monkeypatch.setitem(catalogue.TOOLS, "reads", pack)
    return pack


# Tools


def test_a_tool_is_installed_verified_and_removed_as_engines_are(indexed: Toys, tool: Tool) -> None:
    install("toy")
    assert code_of(lambda: require_any("reads")) == "pack.not_installed"
    done = install("reads")
    assert done == installed("reads") == require_any("reads")
    assert done.fingerprint == tool.fingerprint
    assert done.model("text_recogniser") == b"twin" + indexed.contents["twin.pt"]
    assert indexed.converted == ["eyes", "points", "toy", "twin"], "what both have is converted once"
    assert verify("reads") == []
    remove("toy")
    assert verify("reads") == []
    remove("reads")
    assert installed("reads") is None


@pytest.mark.parametrize("there", [False, True])
def test_a_tool_is_refused_where_faces_are_compared(there: bool, tool: Tool) -> None:
    if there:
        install("reads")
    with pytest.raises(PackError) as caught:
        require("reads")
    assert caught.value.code == "pack.purpose"
    assert "the pack 'reads' compares no faces" in str(caught.value)
    assert "Reads what is written" in str(caught.value)
    assert "sface, edgeface-xs" in str(caught.value)


# Installing


def test_an_installed_pack_gives_its_converted_networks(indexed: Toys) -> None:
    assert installed("toy") is None
    done = install("toy")
    assert done == installed("toy") == require("toy")
    assert done.fingerprint == indexed.packs["toy"].fingerprint
    for role, name in ROLES:
        assert done.model(role) == name.split(".")[0].encode() + indexed.contents[name]
    assert done.size == sum(len(done.model(role)) for role, _ in ROLES)
    assert verify("toy") == []


def test_installing_again_asks_nobody_and_converts_nothing(indexed: Toys) -> None:
    first = install("toy")
    requests = len(indexed.server.log)
    assert install("toy") == first
    assert (len(indexed.server.log), len(indexed.converted)) == (requests, 3)


def test_a_second_pack_shares_what_the_first_one_brought(indexed: Toys) -> None:
    install("toy")
    install("twin")
    assert len(indexed.server.asked(WHEEL)) == 1
    assert indexed.converted == ["eyes", "points", "toy", "twin"]


def test_a_pack_of_two_recognisers_shares_what_the_packs_of_one_brought(
    indexed: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, twin = indexed.packs["toy"], indexed.packs["twin"]
    both = dataclasses.replace(toy, name="both", recognisers=(*toy.recognisers, *twin.recognisers))
    monkeypatch.setitem(catalogue.PACKS, "both", both)
    alone = {name: install(name) for name in ("toy", "twin")}
    requests = len(indexed.server.log)
    done = install("both")
    assert (len(indexed.server.log), indexed.converted) == (requests, ["eyes", "points", "toy", "twin"])
    assert done == require("both")
    assert list(done.entries) == ["detector", "landmarks", "recogniser", "second_recogniser"]
    assert done.model("recogniser") == alone["toy"].model("recogniser")
    assert done.model("second_recogniser") == alone["twin"].model("recogniser")
    for name in ("toy", "twin"):
        remove(name)
    assert verify("both") == []


def test_a_pack_that_has_got_a_second_recogniser_is_outdated(
    indexed: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("toy")
    toy, twin = indexed.packs["toy"], indexed.packs["twin"]
    both = dataclasses.replace(toy, recognisers=(*toy.recognisers, *twin.recognisers))
    monkeypatch.setitem(catalogue.PACKS, "toy", both)
    assert code_of(lambda: require("toy")) == "pack.outdated"
    assert install("toy").model("second_recogniser") == b"twin" + indexed.contents["twin.pt"]


def test_progress_tells_downloads_and_conversions(indexed: Toys) -> None:
    steps: list[tuple[str, int, int | None]] = []
    install("toy", progress=lambda *step: steps.append(step))
    names = list(dict.fromkeys(name for name, _, _ in steps))
    assert names == [
        "toy_wheel-1.0-py3-none-any.whl",
        "toy_sdist-1.0.tar.gz",
        "converting eyes.onnx",
        "converting points.onnx",
        "converting toy.onnx",
    ]
    size = len(indexed.distributions[names[0]])
    assert [step for step in steps if step[0] == names[0]][-1] == (names[0], size, size)


def test_an_upstream_file_that_is_used_as_it_is(indexed: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    file = indexed.packs["twin"].recognisers[0].file
    plain = File(file.name, file.sha256, file.size, None, file.licence, file.origin, file.sources)
    recogniser = PackRecogniser(plain, 8, (View(),))
    pack = catalogue.Engine("twin", "", "", "", (), (), (), plain, plain, (recogniser,))
    monkeypatch.setitem(catalogue.PACKS, "twin", pack)
    assert install("twin").model("landmarks") == indexed.contents["twin.pt"]
    assert indexed.converted == []


@pytest.mark.parametrize("variable", [False, True])
def test_offline_is_respected(variable: bool, indexed: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv("VISAVIS_OFFLINE", "1")
    assert code_of(lambda: install("toy", offline=not variable)) == "pack.offline"
    assert indexed.server.log == []
    assert installed("toy") is None


def test_what_came_before_a_failure_is_kept(indexed: Toys) -> None:
    indexed.server.faults["/simple/toy-sdist/"] = ["403"]
    indexed.server.faults["/upstream/toy.onnx"] = ["403"]
    assert code_of(lambda: install("toy")) == "pack.unreachable"
    assert code_of(lambda: require("toy")) == "pack.not_installed"
    install("toy")
    assert len(indexed.server.asked(WHEEL)) == 1


# Two at once, and death


def test_two_processes_install_once(child: Callable[..., subprocess.Popen[str]], indexed: Toys) -> None:
    indexed.server.faults[WHEEL] = ["stall"]  # long enough for the other one to arrive
    converted = []
    with child() as one, child() as other:
        for process in (one, other):
            converted += process.communicate(timeout=30)[0].split()
            assert process.returncode == 0
    assert sorted(converted) == ["eyes", "points", "toy"]
    assert len(indexed.server.asked(WHEEL)) == 2, "the stalled one and its continuation"
    assert verify("toy") == []


def test_a_killed_download_is_continued(child: Callable[..., subprocess.Popen[str]], indexed: Toys) -> None:
    indexed.server.faults[WHEEL] = ["stall"]
    half = len(indexed.distributions[Path(WHEEL).name]) // 2
    with child() as process:
        end = time.monotonic() + 20
        while sum(part.stat().st_size for part in Store().partial.glob("*.part")) < half:
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
    assert installed("toy") is None
    install("toy")
    assert indexed.server.asked(WHEEL) == [None, f"bytes={half}-"]
    assert verify("toy") == []
    assert list(Store().partial.iterdir()) == []


def test_a_killed_conversion_is_done_again(
    child: Callable[..., subprocess.Popen[str]], indexed: Toys
) -> None:
    with child("points") as process:
        assert process.wait(timeout=30) == -signal.SIGKILL
    assert installed("toy") is None
    requests = len(indexed.server.log)
    assert install("toy").model("landmarks")
    assert len(indexed.server.log) == requests, "the downloads were complete"


# What is installed


@pytest.mark.parametrize(
    "call", [install, installed, require, verify, remove], ids=lambda call: call.__name__
)
def test_an_unknown_pack(call: Callable[[str], object], home: Path) -> None:
    assert code_of(lambda: call("../toy")) == "pack.unknown"


def test_a_pack_that_is_missing_names_the_command_that_installs_it(home: Path) -> None:
    with pytest.raises(PackError) as caught:
        require()
    assert caught.value.code == "pack.not_installed"
    assert str(caught.value) == (
        "the pack 'sface' is not installed; install it with: visavis packs install sface"
    )
    assert code_of(lambda: verify("sface")) == code_of(lambda: remove("sface")) == "pack.not_installed"
    assert not home.exists(), "looking doesn't write"


@pytest.mark.parametrize("which", ["model", "source"])
@pytest.mark.parametrize("harm", ["altered", "gone"])
def test_damage_is_found_and_repaired(which: str, harm: str, indexed: Toys) -> None:
    done = install("toy")
    path = Store().blob(getattr(done.entries["landmarks"], which))
    path.unlink()
    if harm == "altered":
        path.write_bytes(b"altered")
    assert [problem.code for problem in verify("toy")] == ["pack.damaged"]
    if which == "model":
        assert code_of(lambda: require("toy").model("landmarks")) == "pack.damaged"
    assert install("toy") == done
    assert verify("toy") == []


def test_a_damaged_manifest_is_found_and_repaired(indexed: Toys) -> None:
    done = install("toy")
    (Store().root / "packs" / "toy.json").write_text("{")
    assert code_of(lambda: require("toy")) == code_of(lambda: verify("toy")) == "pack.damaged"
    requests = len(indexed.server.log)
    assert install("toy") == done
    assert len(indexed.server.log) == requests


def test_an_update_converts_again_without_any_network(indexed: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    before = install("toy")
    monkeypatch.setattr(convert, "RECIPE_VERSION", 2)
    monkeypatch.setattr(convert, "convert", lambda recipe, source: b"better" + source)
    assert code_of(lambda: require("toy")) == "pack.outdated"
    after = install("toy", offline=True)
    assert after.model("recogniser").startswith(b"better")
    assert after.fingerprint != before.fingerprint
    assert Store().find(before.entries["recogniser"].model) is None, "the old network is gone"


def test_a_pack_whose_files_the_catalogue_has_changed_is_outdated(
    indexed: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("toy")
    monkeypatch.setitem(
        catalogue.PACKS,
        "toy",
        dataclasses.replace(indexed.packs["toy"], recognisers=indexed.packs["twin"].recognisers),
    )
    assert code_of(lambda: require("toy")) == "pack.outdated"


def test_removal(indexed: Toys) -> None:
    install("toy")
    twin = install("twin")
    remove("toy")
    assert installed("toy") is None
    assert verify("twin") == []
    remove("twin")
    assert list((Store().root / "blobs").iterdir()) == []
    assert code_of(lambda: twin.model("detector")) == "pack.damaged"


@pytest.mark.parametrize("state", ["damaged", "outdated"])
def test_what_is_damaged_or_outdated_can_be_removed(
    state: str, indexed: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("toy")
    if state == "damaged":
        (Store().root / "packs" / "toy.json").write_text("{")
    else:
        monkeypatch.setattr(convert, "RECIPE_VERSION", 2)
    remove("toy")
    assert installed("toy") is None


def test_a_read_only_home_serves_an_installed_pack(indexed: Toys, read_only_home: Callable[[], Path]) -> None:
    done = install("toy")
    read_only_home()
    assert install("toy") == require("toy") == done
    assert verify("toy") == []
    assert require("toy").model("recogniser")
    assert code_of(lambda: remove("toy")) == code_of(lambda: install("twin")) == "pack.home"


def test_the_repr_is_one_short_line(indexed: Toys) -> None:
    done = install("toy")
    assert repr(done) == f"Installed('toy', fingerprint={done.fingerprint!r}, size={done.size})"
    assert isinstance(done, Installed)


# The pictures of the demonstration


def test_demo_pictures_are_fetched_once(
    indexed: Toys, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = indexed.packs["twin"].recognisers[0].file
    picture = File("a.jpg", file.sha256, file.size, None, file.licence, file.origin, file.sources)
    monkeypatch.setattr("visavis.packs.install.DEMO_PICTURES", (picture,))
    assert fetch_demo_pictures() == fetch_demo_pictures() == {"a.jpg": indexed.contents["twin.pt"]}
    assert len(server.asked("/upstream/twin.pt")) == 1


def test_removing_a_pack_leaves_the_demo_pictures(indexed: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    file = indexed.packs["toy"].recognisers[0].file
    content = indexed.contents["toy.onnx"][:100]
    Store().put(content)
    install("toy")
    remove("toy")
    assert [path.read_bytes() for path in (Store().root / "blobs").iterdir()] == [content]
    assert file.size > len(content)


def test_demo_pictures_come_by_one_download() -> None:
    distributions = {source.distribution for file in DEMO_PICTURES for source in file.sources}  # type: ignore[union-attr]
    assert len(DEMO_PICTURES) == 3
    assert len(distributions) == 1
