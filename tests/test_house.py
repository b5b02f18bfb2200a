"""The plan of the house: which room may import which, what is loaded when, and what is never spoken of."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import visavis
from visavis.cli import COMMANDS, commands

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(visavis.__file__).parent

# Ground first; a room imports from lower floors only, for its types too.
FLOORS = (
    ("errors", "disk"),
    ("photo", "geometry"),
    ("storage",),
    ("records",),
    ("packs",),
    ("faces",),
    ("quality",),
    ("decision",),
    ("documents",),
    ("ledger",),
    ("examiner",),
    ("liveness",),
    ("verifier",),
    ("report",),
    ("evaluation",),
    ("vault",),
    ("access",),
    ("batch",),
    ("service",),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
DOORS = {"__init__", "__main__"}  # they open on the whole house

# Each of them costs more than the tenth of a second that all of visavis may take to start.
HEAVY = {"onnxruntime", "cv2", "onnx", "PIL", "rich", "matplotlib", "httpx2", "unearth", "simplejpeg"}
HEAVY |= {"jinja2", "pillow_heif", "google", "pyarrow", "cryptography", "sqlalchemy", "alembic", "psycopg"}
HEAVY |= {"ray"}
# Rooms that others enter by an import inside a function.
LAZY: tuple[str, ...] = ("packs/convert/*.py", "packs/download.py", "packs/sources.py")
LAZY += ("ledger/tables.py", "access/tables.py", "service/tables.py")
LAZY += ("storage/migrations/*.py", "storage/migrations/versions/*.py")

MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all that is imported."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def when_loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: no bodies of functions, nothing for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from when_loaded(node)


def test_every_room_is_on_the_plan() -> None:
    assert {room_of(path) for path in MODULES} <= FLOOR.keys() | DOORS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_from_lower_floors_only(path: Path) -> None:
    room = room_of(path)
    if room in DOORS:
        return
    wrong = []
    for line, name in imports(ast.walk(TREES[path])):
        if not name.startswith("visavis."):
            continue
        other = name.split(".")[1]
        if other == "__version__" or other == room:
            continue
        if FLOOR[other] >= FLOOR[room]:
            wrong.append(f"{name_of(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    if any(path.relative_to(SOURCE).match(pattern) for pattern in LAZY):
        return
    loaded = imports(when_loaded(TREES[path]))
    wrong = [f"{name_of(path)}:{line} {name}" for line, name in loaded if name.split(".")[0] in HEAVY]
    assert wrong == []


def test_lazy_rooms_are_entered_lazily() -> None:
    lazy = {path for pattern in LAZY for path in SOURCE.glob(pattern)}
    assert len(lazy) > 5
    names = {"visavis." + ".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in lazy}
    names -= {"visavis.packs.convert.__init__"}  # the door to the recipes; it loads none of them
    wrong = [
        f"{name_of(path)}:{line} {name}"
        for path in MODULES
        if path not in lazy
        for line, name in imports(when_loaded(TREES[path]))
        if name in names or name.rpartition(".")[0] in names
    ]
    assert wrong == []


def test_nothing_prints() -> None:
    """Output is the command line's business, through click."""
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "input")
    ]
    assert wrong == []


# What is never spoken of: one against many, and guesses about a person

NEVER = re.compile(
    r"\b(search|galler|watch.?list|identif(y|ies|ication)\b|one.to.many|1:n\b|"
    r"ages?\b|gender|sex\b|ethnic|race\b|racial|skin|religio|emotion|mood)",
    re.IGNORECASE,
)


def words_of(name: str) -> str:
    """``min_inter_eye_px`` as words."""
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ")


def public_words() -> Iterator[tuple[str, str]]:
    """Names, parameters, fields and documentation of all that is public."""
    for name in visavis.__all__:
        thing: Any = getattr(visavis, name)
        yield name, words_of(name)
        if isinstance(thing, str):
            continue
        yield name, inspect.getdoc(thing) or ""
        members = [thing, *(member for key, member in vars(thing).items() if not key.startswith("_"))]
        for member in members:
            function = member.__func__ if isinstance(member, classmethod) else member
            if isinstance(function, types.FunctionType):
                where = f"{name}.{function.__name__}"
                yield where, words_of(function.__name__)
                yield where, inspect.getdoc(function) or ""
                yield from ((where, words_of(given)) for given in inspect.signature(function).parameters)
        if dataclasses.is_dataclass(thing):
            yield from ((name, words_of(field.name)) for field in dataclasses.fields(thing))


def command_words() -> Iterator[tuple[str, str]]:
    """All that ``--help`` says, of each command."""

    def walk(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
        # With the real settings: click keeps the help option that a command was first asked for.
        context = click.Context(command, parent, name, **command.context_settings)
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                found = command.get_command(context, below)
                assert found is not None
                yield from walk(found, below, context)

    yield from walk(commands, "visavis", None)


def test_nothing_public_speaks_of_search_or_of_traits() -> None:
    words = [*public_words(), *command_words()]
    assert len(words) > 60
    assert sum(where.startswith("visavis ") for where, _ in words) > len(COMMANDS)
    assert [(where, found[0]) for where, text in words if (found := NEVER.search(text))] == []


@pytest.mark.parametrize(
    "text", ["search a gallery", "the age of", "gender", "best of a watchlist", "guess emotions", "ethnicity"]
)
def test_the_guard_would_notice(text: str) -> None:
    assert NEVER.search(text)


@pytest.mark.parametrize(
    "text", ["image", "page", "package", "message", "average", "traces", "usage: verify"]
)
def test_the_guard_is_not_shy(text: str) -> None:
    assert NEVER.search(text) is None
