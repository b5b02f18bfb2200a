"""The pack `pad`, installed in a home of its own, and faces with a given box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.packs.test_convert_networks import source_of

from visavis.liveness.passive import PassiveDetector
from visavis.packs.catalogue import TOOLS
from visavis.packs.install import install

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def pad_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the pack; skips where its files are not to be had."""
    mirror, home = tmp_path_factory.mktemp("mirror"), tmp_path_factory.mktemp("home")
    for file in TOOLS["pad"].files.values():
        (mirror / file.name).write_bytes(source_of(file, request))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISAVIS_HOME", str(home))
        patch.setenv("VISAVIS_PACK_MIRROR", str(mirror))
        install("pad", offline=True)
    return home


@pytest.fixture(scope="session")
def detector(pad_home: Path) -> PassiveDetector:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISAVIS_HOME", str(pad_home))
        return PassiveDetector(threads=1)
