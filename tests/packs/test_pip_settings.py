from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from visavis.errors import PackError
from visavis.packs.pip_settings import Location, config_files, read_pip_settings

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = Location(None, is_index=True)


def index(url: str) -> Location:
    return Location(url, is_index=True)


def links(url: str) -> Location:
    return Location(url, is_index=False)


# The precedence is that of pip's documentation ("Configuration") and of uv's ("Package indexes").
@pytest.mark.parametrize(
    ("environ", "conf", "expected"),
    [
        ({}, "", [PUBLIC]),
        ({"PIP_INDEX_URL": "https://a/simple"}, "", [index("https://a/simple")]),
        ({"PIP_INDEX_URL": ""}, "", [PUBLIC]),
        ({}, "[global]\nindex-url = https://c/simple", [index("https://c/simple")]),
        (
            {},
            "[global]\nindex-url=https://c\n[install]\nindex-url=https://i\n[download]\nindex-url=https://d",
            [index("https://i")],
        ),
        (
            {"PIP_INDEX_URL": "https://a"},
            "[global]\nindex_url = https://c\nextra-index-url = https://e",
            [index("https://a"), index("https://e")],
        ),
        (
            {},
            "[global]\nextra-index-url =\n  https://e\n  https://f",
            [PUBLIC, index("https://e"), index("https://f")],
        ),
        ({"PIP_FIND_LINKS": "/w https://l"}, "", [links("/w"), links("https://l"), PUBLIC]),
        ({"PIP_EXTRA_INDEX_URL": "file:///m"}, "", [index("file:///m"), PUBLIC]),
        ({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/w"}, "", [links("/w")]),
        ({"PIP_NO_INDEX": "0"}, "", [PUBLIC]),
        ({}, "[global]\nno-index = true", []),
        ({"UV_DEFAULT_INDEX": "https://u"}, "", [index("https://u")]),
        ({"UV_DEFAULT_INDEX": "corp=https://u"}, "", [index("https://u")]),
        ({"UV_INDEX_URL": "https://u?a=b"}, "", [index("https://u?a=b")]),
        ({"UV_INDEX": "one=https://x two=https://y"}, "", [PUBLIC, index("https://x"), index("https://y")]),
        ({"UV_DEFAULT_INDEX": "https://u", "PIP_INDEX_URL": "https://a"}, "", [index("https://a")]),
        ({"UV_FIND_LINKS": "/a b,/c"}, "", [links("/a b"), links("/c"), PUBLIC]),
        ({"UV_NO_INDEX": "true"}, "", []),
    ],
)
def test_where_to_look(environ: dict[str, str], conf: str, expected: list[Location], tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text(conf)
    assert list(read_pip_settings(environ, [path]).locations) == expected


def test_how_to_reach_it(tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("[global]\ncert = /c.pem\nproxy = http://p:1\ntrusted-host = a\n  b:8443\n")
    settings = read_pip_settings({}, [path])
    assert (settings.certificate, settings.proxy) == ("/c.pem", "http://p:1")
    assert settings.trusted_hosts == ("a", "b:8443")
    settings = read_pip_settings({"PIP_CERT": "/d.pem", "PIP_PROXY": "q", "PIP_TRUSTED_HOST": "c"}, [path])
    assert (settings.certificate, settings.proxy, settings.trusted_hosts) == ("/d.pem", "q", ("c",))


def test_a_later_file_overrides_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_text("[global]\nindex-url = https://1\nproxy = p")
    second.write_text("[global]\nindex-url = https://2")
    settings = read_pip_settings({}, [first, tmp_path / "missing", second])
    assert (settings.locations, settings.proxy) == ((index("https://2"),), "p")


@pytest.mark.parametrize("conf", [b"index-url = https://c", b"[global\n", b"[global]\n\xff\xfe\x00"])
def test_settings_that_make_no_sense_are_named(conf: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_bytes(conf)
    with pytest.raises(PackError, match=r"pip\.conf") as caught:
        read_pip_settings({}, [path])
    assert caught.value.code == "pack.settings"


def test_which_files_pip_reads(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen.conf"
    with_home = config_files({"PIP_CONFIG_FILE": str(chosen)})
    assert with_home[-1] == chosen
    chosen.touch()
    without_home = config_files({"PIP_CONFIG_FILE": str(chosen)})
    assert len(without_home) < len(with_home), "the user's own files give way to the chosen one"
    assert config_files({"PIP_CONFIG_FILE": os.devnull}) == []
