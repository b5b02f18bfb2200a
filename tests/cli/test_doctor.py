from __future__ import annotations

import dataclasses
import json
import re
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from visavis import cli
from visavis.cli import doctor
from visavis.packs.catalogue import PACKS, TOOLS
from visavis.packs.install import require
from visavis.packs.store import Store

if TYPE_CHECKING:
    from visavis.verifier import Verifier


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(["doctor", *words])
        out, err = capsys.readouterr()
        assert err == ""
        assert isinstance(left.value.code, int)
        return left.value.code, out

    return run


def findings(out: str) -> dict[str, dict[str, str | None]]:
    return {row["subject"]: row for row in json.loads(out)["findings"]}


def test_an_empty_home(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "not/yet/there"
    monkeypatch.setenv("VISAVIS_HOME", str(home))
    status, out = run()
    assert status == 69
    assert "-> visavis packs install sface" in out
    assert out.count("->") == 2, "one line of advice: the other packs needn't be there"
    assert str(home) in out
    assert not home.exists(), "an examination changes nothing"
    status, out = run("--json")
    assert status == 69
    assert json.loads(out)["healthy"] is False
    assert findings(out)["pack sface"]["advice"] == "visavis packs install sface"
    assert findings(out)["pack edgeface-xs"] == {
        "subject": "pack edgeface-xs",
        "found": "not installed",
        "advice": None,
    }


def test_a_full_home(run: Any, sface: Verifier) -> None:
    status, out = run("--json")
    assert status == 0
    seen = findings(out)
    assert seen.keys() >= {"visavis", "python", "processor", "threads", "libraries", "home"}
    assert seen.keys() >= {f"pack {name}" for name in PACKS}
    assert f"numpy {metadata.version('numpy')}" in (seen["libraries"]["found"] or "")
    found = seen["pack sface"]["found"] or ""
    assert found.startswith("installed and whole")
    for role in ("detector", "landmarks", "recogniser"):
        assert f"{role} " in found
    assert found.endswith("ms on one thread")


def test_the_speed_of_each_recogniser_is_told(monkeypatch: pytest.MonkeyPatch, sface: Verifier) -> None:
    """A pack with one recogniser twice: what there are other files for isn't installed everywhere."""
    there = require("sface")
    twice = dataclasses.replace(there.pack, recognisers=there.pack.recognisers * 2)
    entries = {**there.entries, "second_recogniser": there.entries["recogniser"]}
    pair = dataclasses.replace(there, pack=twice, entries=entries)
    monkeypatch.setattr("visavis.packs.install.require_any", lambda name: pair)
    monkeypatch.setattr(doctor, "RUNS", 1)
    parts = ("detector", "landmarks", "recogniser", "second recogniser")
    told = ", ".join(rf"{part} \d+\.\d ms" for part in parts)
    assert re.fullmatch(rf"{told} on one thread", doctor._speed("sface"))


def test_the_speed_of_each_tool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        def __init__(self, model: Any, *, threads: int) -> None:
            self.role = model

        def __call__(self, pictures: Any) -> None:
            shapes[self.role] = pictures.shape

    shapes: dict[str, tuple[int, ...]] = {}
    monkeypatch.setattr("visavis.packs.runtime.Network", Asked)
    for tool in TOOLS.values():
        there = SimpleNamespace(pack=tool, model=lambda role: role)
        monkeypatch.setattr("visavis.packs.install.require_any", lambda name, there=there: there)
        assert doctor._speed(tool.name).endswith("ms on one thread")
    assert shapes["pad_close"] == shapes["pad_wide"] == (1, 80, 80, 3)
    assert shapes.keys() == {role for tool in TOOLS.values() for role in tool.files}


@pytest.fixture
def copied_home(sface: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = Store()
    for folder in ("packs", "blobs"):
        (tmp_path / folder).mkdir()
    shutil.copy(here.root / "packs/sface.json", tmp_path / "packs")
    for entry in require("sface").entries.values():
        for sha256 in (entry.source, entry.model):
            shutil.copy(here.blob(sha256), tmp_path / "blobs")
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "RUNS", 1)
    return tmp_path


def test_everything_in_place(run: Any, copied_home: Path) -> None:
    status, out = run()
    assert status == 0
    assert out.rstrip().endswith("Everything is in place.")
    assert "->" not in out


def test_a_damaged_pack(run: Any, copied_home: Path) -> None:
    blob = copied_home / "blobs" / require("sface").entries["recogniser"].model
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    status, out = run()
    assert status == 69
    assert "was altered" in out
    assert "-> visavis packs install sface" in out


def test_a_manifest_that_is_none(run: Any, copied_home: Path) -> None:
    (copied_home / "packs/sface.json").write_text("{}")
    status, out = run()
    assert status == 69
    assert "-> visavis packs install sface" in out


def test_a_missing_library(run: Any, copied_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    _, out = run()
    assert "no-such-library missing" in out
    assert "-> install again with: pip install no-such-library" in out


def test_features_are_those_that_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : fpu avx2 avx512_vnni avx2x\n")
    assert doctor.processor_features() == ["avx2", "avx512_vnni"]


def test_a_machine_that_does_not_tell_its_features(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert doctor.processor_features() == []
