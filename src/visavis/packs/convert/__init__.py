"""Conversions from the weight files that networks' authors publish to the ONNX graphs that visavis runs.

Each is done once, when a pack is installed, and needs no PyTorch. All converted networks read pictures as
visavis holds them: uint8, N x height x width x 3, RGB, under the name `picture` (detectors), `chip`
(recognisers), `line` (of text) or `crop` (detectors of presentation attacks).
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from visavis.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECIPE_VERSION = 1
"""Raised with every change to what a conversion gives: installed packs are then converted again."""


def convert(recipe: str, source: bytes) -> bytes:
    """Convert a weight file.

    Args:
        recipe: A name in `RECIPES`.
        source: The bytes of the file as upstream publishes it.

    Returns:
        The bytes of an ONNX file. The same source gives the same bytes.

    Raises:
        PackError: `pack.damaged` if the file isn't the one that the recipe is for, `pack.unsafe` if it asks
            for code to be run, `pack.unknown_recipe` if there is no such recipe.
    """
    if recipe not in RECIPES:
        raise PackError(
            "pack.unknown_recipe", "there is no such recipe", found=recipe, expected=sorted(RECIPES)
        )
    try:
        return RECIPES[recipe](source)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A readable file with other layers than the recipe's network has.
        raise PackError("pack.damaged", f"the weight file doesn't hold {recipe}") from error


# onnx takes a third of a second to load: only an installation pays for it.


def _centerface(source: bytes) -> bytes:
    from visavis.packs.convert.centerface import convert_centerface

    return convert_centerface(source)


def _edgeface(source: bytes) -> bytes:
    from visavis.packs.convert.edgeface import convert_edgeface

    return convert_edgeface(source)


def _minifasnet(source: bytes) -> bytes:
    from visavis.packs.convert.minifasnet import convert_minifasnet

    return convert_minifasnet(source)


def _sface(source: bytes) -> bytes:
    from visavis.packs.convert.sface import convert_sface

    return convert_sface(source)


def _sface_int8(source: bytes) -> bytes:
    from visavis.packs.convert.sface import convert_sface_int8

    return convert_sface_int8(source)


def _text_detector(source: bytes) -> bytes:
    from visavis.packs.convert.text import convert_text_detector

    return convert_text_detector(source)


def _text_recogniser(source: bytes) -> bytes:
    from visavis.packs.convert.text import convert_text_recogniser

    return convert_text_recogniser(source)


def _yunet(source: bytes) -> bytes:
    from visavis.packs.convert.yunet import convert_yunet

    return convert_yunet(source)


def recipe_data(recipe: str | None) -> str:
    """What a recipe reads beside the weights, as text that doesn't depend on how a file ends its lines."""
    if recipe != "sface-int8":
        return ""
    text = (resources.files(__name__) / "sface_ranges.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), sort_keys=True)


RECIPES: Mapping[str, Callable[[bytes], bytes]] = {
    "centerface": _centerface,
    "edgeface": _edgeface,
    "minifasnet": _minifasnet,
    "sface": _sface,
    "sface-int8": _sface_int8,
    "text-detector": _text_detector,
    "text-recogniser": _text_recogniser,
    "yunet": _yunet,
}
