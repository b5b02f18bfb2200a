"""Charts as SVG that lies in a page: its fonts, its colours in light and dark.

Lines and markers differ in style and not in colour alone.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 6.3  # inches, of 72 units each: small enough that text can still be read on a phone
FONT = 9.5

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
NONE: Mapping[str, str] = {}

# Stand-ins that matplotlib draws with; the page's own colours take their places.
INK, QUIET, LINE, WASH, FIRST, SECOND, PAPER = (f"#a1b2c{digit}" for digit in range(7))
VARIABLES = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    LINE: "var(--line)",
    WASH: "var(--wash)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    PAPER: "var(--paper)",
}

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "visavis",
    "font.size": FONT,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelpad": 6,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """What is drawn within the block has the style of the pages, whatever settings the machine has."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def canvas(height: float, *, left: float = 0.98, top: float = 0.1) -> tuple[Figure, Axes]:
    """Axes on a figure of `height` inches, `left` and `top` inches from its edges."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(WIDTH, height))
    axes = drawn.subplots()
    drawn.subplots_adjust(
        left=left / WIDTH, right=1 - 0.2 / WIDTH, top=1 - top / height, bottom=0.62 / height
    )
    return drawn, axes


def log_ticks(axis: Axis, low: float, high: float, label: Callable[[float], str], *, most: int = 6) -> None:
    """Ticks at 1, 2, 5 times powers of ten; at 1, 3 or at 1 alone where that would be more than `most`."""
    from matplotlib.ticker import NullLocator

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= most:
            break
    axis.set_ticks(ticks, [label(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())


def svg(drawn: Figure, name: str, title: str, description: str, texts: Mapping[str, str] = NONE) -> str:
    """The figure as an element for the inside of an HTML page.

    Args:
        drawn: What was drawn with the stand-in colours.
        name: Begins every id.
        title: What it shows, for people who can't see it.
        description: Its numbers in words, for them too.
        texts: Labels of the figure and what takes their places.
    """
    written = io.StringIO()
    drawn.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(written.getvalue())  # noqa: S314  # our own
    for parent in list(root.iter()):
        for child in [each for each in parent if each.tag in (f"{SVG}metadata", f"{SVG}style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        if element.text is not None and element.text in texts:
            element.text = texts[element.text]
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            element.set(key.removeprefix(XLINK), _attribute(key, value, name))
    root.attrib = {
        "class": "chart",
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-desc",
    }
    for tag, text in (("desc", description), ("title", title)):
        element = ET.Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode", method="xml")


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == f"{XLINK}href":
        return f"#{name}-{value[1:]}"
    value = value.replace("url(#", f"url(#{name}-")
    if key == "style":
        value = re.sub(r"font(?:-family)?: [^;]*;? ?", _font, value)
        value = re.sub(r"#a1b2c\d", lambda found: VARIABLES[found[0]], value)
    return " ".join(value.split())


def _font(found: re.Match[str]) -> str:
    """The size of a font and not its name: the page has its own."""
    size = re.search(r"[\d.]+px", found[0])
    return f"font-size: {size[0]}; " if size else ""
