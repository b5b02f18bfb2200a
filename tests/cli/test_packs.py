from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from visavis.cli import progress
from visavis.cli.packs import packs_group
from visavis.errors import PackError
from visavis.packs import catalogue, convert, install
from visavis.packs.catalogue import DEFAULT_PACK, Engine, File, PackRecogniser, Upstream, View

if TYPE_CHECKING:
    from pathlib import Path

    from visavis.packs.download import Progress


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a mirror with the one file of a pack, "toy", that isn't converted."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "toy.onnx").write_bytes(b"weights" * 100_000)
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", str(mirror))
    monkeypatch.setenv("VISAVIS_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    # By coreutils: yes weights | head -100000 | tr -d '\n' | sha256sum
    sha256 = "b43d4b225cae81641a7c61f542847bc7a07f769354b0b2f2cc353b9d3f14af2c"
    file = File(
        "toy.onnx", sha256, 700_000, None, "MIT", "a toy", (Upstream("https://toys.example/toy.onnx"),)
    )
    recogniser = PackRecogniser(file, 8, (View(),))
    pack = Engine(
        "toy", "Toy", "To play", "MIT", ("noise",), ("a paper",), ("a note",), file, file, (recogniser,)
    )
    monkeypatch.setitem(catalogue.PACKS, "toy", pack)
    monkeypatch.setattr(convert, "RECIPE_VERSION", 1)
    return tmp_path


def run(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(packs_group, words, input=answer)


def code(result: Result) -> str:
    assert isinstance(result.exception, PackError), result.output
    return result.exception.code


def states() -> dict[str, str]:
    return {row["name"]: row["state"] for row in json.loads(run("list", "--json").stdout)}


def test_the_list_shows_what_there_is_and_what_is_installed(folder: Path) -> None:
    assert run("install", "toy").exit_code == 0
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "INSTALLED", "SIZE", "TEMPLATE", "LICENCE", "SUMMARY"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert set(rows) == {"sface", "edgeface-xs", "edgeface-xxs", "duo", "toy", "mrz", "pad"}
    assert "  yes  " in rows["toy"]
    assert "  no  " in rows["sface"]
    assert "128 numbers" in rows["sface"]
    assert "512 numbers" in rows["edgeface-xxs"]
    assert "640 numbers" in rows["duo"]
    assert "  none  " in rows["mrz"]
    assert "  none  " in rows["pad"]


def test_the_list_as_json(folder: Path) -> None:
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows if row["default"]] == [DEFAULT_PACK]
    assert [row["name"] for row in rows[-3:]] == ["toy", "mrz", "pad"]
    assert rows[-1]["template_size"] is rows[-2]["template_size"] is None
    assert rows[-3] == {
        "name": "toy",
        "default": False,
        "state": "no",
        "files_bytes": 2_100_000,
        "template_size": 8,
        "licence": "MIT",
        "fingerprint": catalogue.PACKS["toy"].fingerprint,
        "summary": "To play",
    }


@pytest.mark.parametrize("name", ["sface", "edgeface-xs", "edgeface-xxs", "duo", "mrz", "pad"])
def test_a_card_says_what_a_user_must_know(name: str, folder: Path) -> None:
    card = run("show", name).stdout
    flat = " ".join(card.split())
    pack = catalogue.find_pack(name)
    for file in pack.files.values():
        assert f"sha256 {file.sha256}" in card
        assert f"{file.licence}, " in card
    for text in (*pack.training_data, *pack.notes, *pack.papers, pack.licence, pack.fingerprint):
        assert text in flat
    assert "arXiv" in card


def test_a_card_tells_two_recognisers_apart(folder: Path) -> None:
    lines = run("show", "duo").stdout.splitlines()
    assert "recogniser         face_recognition_sface_2021dec_int8bq.onnx" in lines
    assert "second recogniser  edgeface_xs_q.pt" in lines


def test_install_says_what_it_does_on_stderr_and_the_result_on_stdout(folder: Path) -> None:
    fingerprint = catalogue.PACKS["toy"].fingerprint
    result = run("install", "toy", "toy")
    assert (result.exit_code, result.stderr) == (0, "")  # a mirror folder has nothing to wait for
    assert result.stdout == f"toy is installed (2.1 MB, fingerprint {fingerprint})\n"


def test_steps_are_printed_once_where_nobody_watches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(name: str, *, offline: bool, progress: Progress) -> install.InstalledPack:
        for done in (1, 500_000, 2_000_000):
            progress("toy.whl", done, 2_000_000)
        progress("converting toy.onnx", 0, None)
        progress("converting toy.onnx", 1, 1)
        return install.install(name, offline=offline)

    module = importlib.import_module("visavis.cli.packs")
    monkeypatch.setattr(module, "install", slow)
    result = run("install", "toy")
    assert result.stderr == "toy.whl (2.0 MB)\nconverting toy.onnx\n"
    monkeypatch.setattr(progress, "_is_watched", lambda: True)
    watched = run("install", "toy").stderr
    assert "2.0 MB of 2.0 MB" in watched
    assert "converting toy.onnx" in watched


def test_without_a_name_the_default_pack_is_meant(folder: Path) -> None:
    result = run("install")
    assert code(result) == "pack.offline"
    assert f"the pack '{DEFAULT_PACK}'" in str(result.exception)


def test_offline_is_an_option(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISAVIS_OFFLINE")
    monkeypatch.setenv("VISAVIS_PACK_MIRROR", str(folder))
    assert code(run("install", "toy", "--offline")) == "pack.offline"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["show", "arcface"], "pack.unknown"),
        (["install", "arcface"], "pack.unknown"),
        (["install", "toy", "arcface"], "pack.unknown"),
        (["verify", "arcface"], "pack.unknown"),
        (["remove", "--yes", "arcface"], "pack.unknown"),
        (["verify"], "pack.not_installed"),
        (["verify", "toy"], "pack.not_installed"),
        (["remove", "--yes", "toy"], "pack.not_installed"),
        (["install", "edgeface-xs"], "pack.offline"),
    ],
)
def test_what_goes_wrong_has_a_name(words: list[str], expected: str, folder: Path) -> None:
    assert code(run(*words)) == expected
    assert states()["toy"] == "no", "nothing is done where one of the names is wrong"


def test_verify_offers_the_command_that_installs_the_default_pack(folder: Path) -> None:
    assert "visavis packs install sface" in str(run("verify").exception)


def test_verify_reads_every_file_again(folder: Path) -> None:
    run("install", "toy")
    assert run("verify").stdout == run("verify", "toy").stdout == "toy: every file is as it was installed\n"
    (blob,) = (folder / "home" / "blobs").iterdir()
    blob.write_bytes(b"altered")
    result = run("verify")
    assert code(result) == "pack.damaged"
    assert "visavis packs install toy" in str(result.exception)
    assert states()["toy"] == "yes"  # the list doesn't read files
    run("install", "toy")
    assert run("verify").exit_code == 0


def test_the_list_tells_a_damaged_and_an_outdated_pack(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("install", "toy")
    monkeypatch.setattr(convert, "RECIPE_VERSION", 2)
    assert states()["toy"] == "outdated"
    assert code(run("verify")) == "pack.outdated"
    (folder / "home" / "packs" / "toy.json").write_text("{")
    assert states()["toy"] == "damaged"


@pytest.mark.parametrize(
    ("words", "answer", "state"),
    [(["--yes"], None, "no"), ([], "y\n", "no"), ([], "n\n", "yes"), ([], "", "yes")],
)
def test_remove_asks_first(words: list[str], answer: str | None, state: str, folder: Path) -> None:
    run("install", "toy")
    result = run("remove", "toy", *words, answer=answer)
    assert (result.exit_code == 0) == (state == "no")
    assert states()["toy"] == state


def test_looking_at_packs_loads_nothing_heavy() -> None:
    """In a process of its own, as others have loaded plenty here."""
    import subprocess

    heavy = "{'onnx', 'onnxruntime', 'cv2', 'numpy', 'rich', 'unearth', 'httpx2'}"
    text = f"import sys; import visavis.cli.packs; sys.exit(', '.join({heavy} & sys.modules.keys()) or 0)"
    subprocess.run([sys.executable, "-c", text], check=True)
