"""The page about the service says what is: its settings, its routes, its codes."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import visavis
from visavis.service.config import Config
from visavis.service.documentation import document_of

SOURCE = Path(visavis.__file__).parent / "service"
PAGE = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """A table by its first column."""
    lines = PAGE[PAGE.index(f"| {heading} |") :].splitlines()[2:]
    found = {}
    for line in lines:
        if not line.startswith("|"):
            break
        first, *rest = (cell.strip() for cell in line.strip("|").split("|"))
        found[first.strip("`")] = rest
    return found


def test_every_setting_is_there_with_its_default() -> None:
    table = rows("setting")
    assert list(table) == [field.name for field in fields(Config)]
    for field in fields(Config):
        told = table[field.name][1]
        if isinstance(field.default, int | float) or field.name in ("host", "pack"):
            assert told.strip("`") == str(field.default).lower()  # TOML says true and false


def test_every_route_is_there() -> None:
    table = PAGE[PAGE.index("| route |") : PAGE.index("`GET /openapi.json`")]
    told = set(re.findall(r"`(GET|POST) (/[^`]+)`", table))
    document = document_of()["paths"]
    assert told == {(method.upper(), path) for path, item in document.items() for method in item}


def test_every_code_of_its_own_is_there() -> None:
    """Codes that modules of the service and its desk give to a problem, with the status beside them.

    Doors say theirs in the words of whom they speak to.
    """
    found: dict[str, set[int]] = {}
    for path in (*SOURCE.glob("*.py"), *SOURCE.glob("pages/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("Problem", "cls"):
                continue
            match node.args[:2]:
                case [ast.Constant(value=int(status)), ast.Constant(value=str(code))]:
                    found.setdefault(code, set()).add(status)
    found |= {"request.path": {404}, "request.method": {405}, "request.refused": {400}}
    found.pop("policy.liveness")  # the library's own
    told = {code: {int(cells[0])} for code, cells in rows("code").items()}
    assert told == found
