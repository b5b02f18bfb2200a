"""The sheets: contrast by WCAG 2.2, directions of writing, and names that are used and defined."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import visavis.service

WEB = Path(visavis.service.__file__).parent / "web"
SHEETS = sorted(WEB.glob("*.css"))
TEXT = (
    *(
        (ink, ground)
        for ink in ("ink", "quiet", "first", "bad", "good", "doubt")
        for ground in ("paper", "card")
    ),
    *((ink, "wash") for ink in ("ink", "quiet", "first")),
    *(("ink", f"{name}-wash") for name in ("first", "good", "bad", "doubt")),
    *((name, f"{name}-wash") for name in ("good", "bad", "doubt")),
    ("on-first", "first"),
)
"""What is written in which colour on which."""
BORDERS = tuple((name, ground) for name in ("edge", "first", "bad") for ground in ("paper", "card", "wash"))


def colours(*names: str) -> dict[str, str]:
    """Colours as the last of some sheets leaves them."""
    found: dict[str, str] = {}
    for name in names:
        root = re.search(r":root \{(.*?)\}", (WEB / name).read_text(encoding="utf-8"), re.DOTALL)
        assert root is not None
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", root[1]))
    return found


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)  # the well-known grey just too light


@pytest.mark.parametrize("sheets", [("desk.css",), ("desk.css", "dark.css")], ids=["light", "dark"])
def test_what_is_written_can_be_read(sheets: tuple[str, ...]) -> None:
    known = colours(*sheets)
    weak = [(ink, ground) for ink, ground in TEXT if contrast(known[ink], known[ground]) < 4.5]
    weak += [(edge, ground) for edge, ground in BORDERS if contrast(known[edge], known[ground]) < 3]
    assert weak == []


def test_the_dark_sheet_leaves_no_colour_as_it_is_by_day() -> None:
    assert colours("dark.css").keys() == colours("desk.css").keys()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_sheets_follow_the_direction_of_writing(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    sided = r"(?:margin|padding|border|inset|align:)[-\s]*(?:left|right)\b|(?<![\w-])(?:left|right)\s*:"
    assert re.findall(sided, text) == []
    assert "@import" not in text
    assert re.findall(r"url\((?!\"?#)", text) == []


def test_variables_that_are_used_are_defined() -> None:
    text = "".join(sheet.read_text(encoding="utf-8") for sheet in SHEETS)
    used = set(re.findall(r"var\(--([a-z-]+)", text))
    defined = set(re.findall(r"--([a-z-]+):", text))
    assert used <= defined
