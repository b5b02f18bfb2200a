from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from visavis import cli

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from visavis.verifier import Verifier


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(["demo", *words])
    code = left.value.code or 0
    assert isinstance(code, int)
    return code


def test_twice_and_the_second_time_without_a_network(
    sface: Verifier,
    portraits: Mapping[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    out = tmp_path / "below/demo"
    assert run("--out", str(out)) == 0
    first = capsys.readouterr().out
    request.getfixturevalue("socket_disabled")  # of pytest-socket: to make one is an error from here on
    assert run("--out", str(out)) == 0
    second = capsys.readouterr().out
    for text in (first, second):
        decisions = [line for line in text.splitlines() if line in ("MATCH", "NO MATCH", "CANNOT DECIDE")]
        assert decisions == ["MATCH", "NO MATCH"] * 3, "photographs, a passport and photographs, passports"
    reports: tuple[str, ...] = (
        "obama-obama2.html",
        "obama-biden.html",
        "passport-obama2.html",
        "passport-biden.html",
    )
    reports += ("passport-second-passport.html", "passport-passport-of-another.html")
    names = {*reports, *portraits, "passport.jpg", "second-passport.jpg", "passport-of-another.jpg"}
    assert {path.name for path in out.iterdir()} == names
    for name, content in portraits.items():
        assert (out / name).read_bytes() == content
    for name in reports:
        assert str(out / name) in second
        assert "data:image/" in (out / name).read_text(encoding="utf-8")


def test_in_an_empty_home_without_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISAVIS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VISAVIS_PACK_MIRROR", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert run("--offline", "--out", str(tmp_path / "demo")) == 69
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("visavis: ")
    assert "offline" in err
    assert not (tmp_path / "demo").exists()


def test_an_unknown_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--pack", "arcface", "--out", str(tmp_path)) == 64
    assert "arcface" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(
    sface: Verifier, portraits: Mapping[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert run("--out", str(tmp_path / "file/below")) == 73
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("visavis: ")
