"""The door's settings, and what `visavis serve --check` says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from visavis.decision.calibration import Calibration
from visavis.service import examination
from visavis.service.config import Config, load, read

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "VISAVIS_SERVICE_FACEPP_"


def test_as_they_are() -> None:
    config = Config()
    assert config.facepp_cors
    assert (config.facepp_image_hosts, config.facepp_refuse_attributes) == ((), False)
    assert config.facepp_token_hours == 72


def test_from_environment_and_file(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(
        "facepp_cors = false\nfacepp_token_hours = 1.5\n"
        'facepp_image_hosts = ["a.example", "http://b.example:8080"]\n'
    )
    config = load(file, {f"{PREFIX}REFUSE_ATTRIBUTES": "true"})
    assert (config.facepp_cors, config.facepp_refuse_attributes) == (False, True)
    assert config.facepp_image_hosts == ("a.example", "http://b.example:8080")
    assert config.facepp_token_hours == 1.5
    config = load(environ={f"{PREFIX}IMAGE_HOSTS": " a.example , a.example,"})
    assert config.facepp_image_hosts == ("a.example",)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CORS", "maybe", "true or false"),
        ("TOKEN_HOURS", "73", "from 0 to 72"),
        ("TOKEN_HOURS", "-1", "from 0 to 72"),
        ("IMAGE_HOSTS", "https://a.example/path", "has hosts like"),
        ("IMAGE_HOSTS", "https://user@a.example", "has hosts like"),
        ("IMAGE_HOSTS", "ftp://a.example", "has hosts like"),
        ("IMAGE_HOSTS", "https://", "has hosts like"),
        ("IMAGE_HOSTS", "a.example:99999", "has hosts like"),
    ],
)
def test_what_is_wrong(name: str, value: str, told: str) -> None:
    config, wrong = read(environ={PREFIX + name: value})
    assert config is None
    assert told in wrong[0]


def test_thresholds_that_cant_be_told_are_noted(tmp_path: Path, sface: Any) -> None:
    assert list(examination._facepp(Config(doors=("facepp",)))) == []
    text = resources.files("visavis.decision").joinpath("calibrations/sface.json").read_text("utf-8")
    whole = Calibration.from_dict(json.loads(text))
    coarse = tuple(mark for mark in whole.marks if mark.fmr > 5e-5)
    assert whole.tail is not None
    modelled = replace(whole.tail, start=coarse[-1].threshold, fmr=coarse[-1].fmr)
    for tail, told in ((None, "1e-5 aren't told"), (modelled, "1e-5 come from the calibration's model")):
        file = tmp_path / "own.json"
        file.write_text(json.dumps(replace(whole, marks=coarse, tail=tail).to_dict()))
        [note] = examination._facepp(Config(doors=("facepp",), calibration=str(file)))
        assert told in note
    assert list(examination._facepp(Config(calibration=str(file)))) == []
