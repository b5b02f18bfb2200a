"""The files of `deploy/`: parsed and held against rules, for not each of them can be run where tests are.

The rules for the Dockerfile are those of hadolint that apply to it (DL3002, DL3006, DL3007, DL3020, DL3025,
DL3042, DL4000), those for the unit what `systemd-analyze security` weighs most, where it isn't there itself.
"""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from visavis.cli import COMMANDS
from visavis.packs.catalogue import all_packs
from visavis.service.config import PREFIX, Config, read

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = {field.name for field in fields(Config)}
OTHERS = {"VISAVIS_HOME", "VISAVIS_LEDGER", "VISAVIS_LEDGER_KEY"}


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each on one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def known(name: str) -> bool:
    """Whether a variable is one that visavis reads, or none of its own."""
    if name.startswith(PREFIX):
        return name.removeprefix(PREFIX).lower() in SETTINGS
    return name in OTHERS or not name.startswith("VISAVIS")


def test_the_image_is_built_by_the_rules() -> None:
    found = instructions()
    names = [name for name, _ in found]
    assert set(names) <= {
        *("FROM", "ENV", "WORKDIR", "COPY", "RUN", "ARG", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"),
        *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    for name, value in found:
        if name == "FROM":
            tag = value.split(" ")[0].partition(":")[2]
            assert tag, value
            assert "latest" not in tag
        if name in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(value), list)
        if name == "RUN":
            assert "sudo" not in value
            assert "curl" not in value
            assert "apt-get" not in value
    # Nothing but the user, and what it is told, comes after what root does.
    last = len(names) - 1 - names[::-1].index("USER")
    assert "RUN" not in names[last:]
    assert "COPY" not in names[last:]
    assert dict(found)["USER"].isdigit()
    assert int(dict(found)["USER"]) >= 1000
    environment = " ".join(value for name, value in found if name == "ENV")
    assert "PIP_NO_CACHE_DIR=1" in environment
    assert not re.search(r"password|secret|token", environment, re.IGNORECASE)
    assert all(known(name) for name in re.findall(r"(VISAVIS_\w+)=", environment))


def test_the_image_holds_what_there_is() -> None:
    found = instructions()
    for name, value in found:
        if name == "COPY" and "--from" not in value:
            *sources, _ = value.split()
            assert all((DEPLOY.parent / source).exists() for source in sources), value
    [packs] = re.findall(r'PACKS="([^"]*)"', " ".join(value for name, value in found if name == "ARG"))
    assert set(packs.split()) <= set(all_packs())
    extras = re.search(r"\.\[([a-z,0-9]+)\]", " ".join(value for name, value in found if name == "RUN"))
    assert extras is not None
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    [command] = [json.loads(value) for name, value in found if name == "CMD"]
    assert command[0] in COMMANDS
    assert f"VISAVIS_SERVICE_PORT={dict(found)['EXPOSE']}" in " ".join(
        value for name, value in found if name == "ENV"
    )


def composed() -> Any:
    with (DEPLOY / "compose.yaml").open(encoding="utf-8") as file:
        return import_module("yaml").safe_load(file)


def test_the_composition_is_closed() -> None:
    plain = composed()
    service = plain["services"]["service"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "ports" not in plain["services"]["database"]
    assert plain["networks"]["inside"]["internal"] is True
    assert plain["services"]["database"]["networks"] == ["inside"]
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > Config().stop_s
    for name, each in plain["services"].items():
        assert not each["image"].endswith(":latest")
        assert all(known(variable) for variable in each["environment"]), name
        assert not any(
            "PASSWORD" in variable and not variable.endswith("_FILE") for variable in each["environment"]
        )
        assert set(each.get("secrets", ())) <= set(plain["secrets"])
        for volume in each.get("volumes", ()):
            assert volume.partition(":")[0] in plain["volumes"]
    for command in (each.get("command") for each in plain["services"].values()):
        assert command is None or command[0] in COMMANDS


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their capitals
    parser.read(DEPLOY / "visavis.service", encoding="utf-8")
    assert parser.sections() == ["Unit", "Service", "Install"]
    return dict(parser["Service"])


def test_the_unit_is_hardened() -> None:
    found = unit()
    expected = {
        **dict.fromkeys(("DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp"), "yes"),
        **dict.fromkeys(("PrivateDevices", "RestrictNamespaces", "MemoryDenyWriteExecute"), "yes"),
        **dict.fromkeys(("ProtectKernelTunables", "ProtectKernelModules", "LockPersonality"), "yes"),
        "ProtectSystem": "strict",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
    }
    assert {name: found.get(name) for name in expected} == expected
    for name in ("ExecStart", "ExecStartPre"):
        words = found[name].split()
        assert words[1] in COMMANDS
    assert int(found["TimeoutStopSec"]) > Config().stop_s
    assert known(found["Environment"].partition("=")[0])


def test_the_unit_is_what_systemd_calls_well_confined() -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze isn't installed: the unit is only held against our own rules")
    weighed = subprocess.run(
        [program, "security", "--offline=true", str(DEPLOY / "visavis.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"Overall exposure level for visavis\.service: ([0-9.]+)", weighed.stdout)
    if exposure is None:
        pytest.skip("systemd-analyze can't weigh a unit without a running systemd here")
    assert float(exposure[1]) < 2.0


def test_the_settings_are_ones() -> None:
    file = DEPLOY / "service.toml"
    config, wrong = read(file, {})
    assert wrong == []
    assert config is not None
    given = re.sub(r"^# (\w+ = )", r"\1", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(tomllib.loads(given)) <= SETTINGS
