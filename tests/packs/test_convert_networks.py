"""The conversions of the real files, against the numbers of the original networks.

The files come from an installed pack or the shared folder; the original networks' outputs from the latter.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import pytest
from numpy.typing import NDArray

from visavis.errors import PackError
from visavis.packs.catalogue import (
    CENTERFACE,
    EDGEFACE_XS,
    EDGEFACE_XXS,
    MINIFASNET_V1SE,
    MINIFASNET_V2,
    PPOCR_DETECTOR,
    PPOCR_RECOGNISER,
    SFACE,
    YUNET,
    File,
)
from visavis.packs.convert import RECIPES, convert, minifasnet, old_checkpoint
from visavis.packs.convert.text import CHARACTERS
from visavis.packs.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


Array = NDArray[Any]
FILES = {
    "centerface": CENTERFACE,
    "yunet": YUNET,
    "sface": SFACE,
    "edgeface_xs": EDGEFACE_XS,
    "edgeface_xxs": EDGEFACE_XXS,
    "sface-int8": SFACE,
    "text-detector": PPOCR_DETECTOR,
    "text-recogniser": PPOCR_RECOGNISER,
    "minifasnet_v2": MINIFASNET_V2,
    "minifasnet_v1se": MINIFASNET_V1SE,
}
RECIPE_OF = {
    "edgeface_xs": "edgeface",
    "edgeface_xxs": "edgeface",
    "minifasnet_v2": "minifasnet",
    "minifasnet_v1se": "minifasnet",
}
"""Where the recipe hasn't the network's name. The catalogue may choose another one for the same file."""

_converted: dict[str, bytes] = {}


def source_of(file: File, request: pytest.FixtureRequest) -> bytes:
    """The upstream file, from an installed pack, else from the shared folder; skips where neither has it."""
    content = Store().find(file.sha256)
    if content is None:
        path: Path = request.getfixturevalue("shared") / "packs" / file.name
        if not path.is_file():
            pytest.skip(f"{file.name} is not here: visavis packs install brings it")
        content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == file.sha256
    return content


def network_of(name: str, request: pytest.FixtureRequest) -> bytes:
    if name not in _converted:
        _converted[name] = convert(RECIPE_OF.get(name, name), source_of(FILES[name], request))
    return _converted[name]


def run(model: bytes, **inputs: Array) -> dict[str, Array]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def reading_floats(model: bytes) -> bytes:
    """The same network with a float32 input: the references were made of numbers that aren't whole."""
    changed = onnx.load_model_from_string(model)
    changed.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return bytes(changed.SerializeToString())


# All networks


@pytest.mark.parametrize(
    ("name", "picture", "outputs"),
    [
        ("centerface", ["N", "H", "W", 3], ["heatmap", "scale", "offset", "landmarks"]),
        (
            "yunet",
            ["N", "H", "W", 3],
            [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)],
        ),
        ("sface", ["N", 112, 112, 3], ["template"]),
        ("sface-int8", ["N", 112, 112, 3], ["template"]),
        ("edgeface_xs", ["N", 112, 112, 3], ["template"]),
        ("edgeface_xxs", ["N", 112, 112, 3], ["template"]),
        ("text-detector", ["N", "H", "W", 3], ["text"]),
        ("text-recogniser", ["N", 48, "W", 3], ["characters"]),
        ("minifasnet_v2", ["N", 80, 80, 3], ["logits"]),
        ("minifasnet_v1se", ["N", 80, 80, 3], ["logits"]),
    ],
)
def test_a_converted_network_is_sound_and_reads_pictures(
    name: str, picture: list[str | int], outputs: list[str], request: pytest.FixtureRequest
) -> None:
    content = network_of(name, request)
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    (source,) = model.graph.input
    assert source.name == {"H": "picture", 112: "chip", 48: "line", 80: "crop"}[picture[1]]
    assert source.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [side.dim_param or side.dim_value for side in source.type.tensor_type.shape.dim] == picture
    assert [output.name for output in model.graph.output] == outputs
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)
    slow = {"PRelu", "DequantizeLinear", "BatchNormalization", "Dropout", "Identity"}
    assert not slow & {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("name", FILES)
def test_the_same_file_gives_the_same_bytes(name: str, request: pytest.FixtureRequest) -> None:
    again = convert(RECIPE_OF.get(name, name), source_of(FILES[name], request))
    assert again == network_of(name, request)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("centerface", "edgeface_xs"),
        ("centerface", "sface"),
        ("edgeface", "centerface"),
        ("sface", "centerface"),
        ("sface", "edgeface_xs"),
        ("sface-int8", "centerface"),
        ("sface-int8", "edgeface_xs"),
        ("yunet", "centerface"),
        ("yunet", "sface"),
        ("minifasnet", "edgeface_xs"),
        ("minifasnet", "centerface"),
        ("edgeface", "minifasnet_v2"),
    ],
)
def test_another_networks_file_is_refused(recipe: str, name: str, request: pytest.FixtureRequest) -> None:
    source = source_of(FILES[name], request)
    with pytest.raises(PackError) as caught:
        convert(recipe, source)
    assert caught.value.code == "pack.damaged"


@pytest.mark.parametrize("recipe", sorted(RECIPES))
@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 junk", bytes(1000)])
def test_what_is_no_weight_file_is_refused(recipe: str, content: bytes) -> None:
    with pytest.raises(PackError) as caught:
        convert(recipe, content)
    assert caught.value.code == "pack.damaged"


def test_every_recipe_of_the_catalogue_is_there() -> None:
    assert {file.recipe for file in FILES.values()} <= {*RECIPES}


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(PackError) as caught:
        convert("arcface", b"")
    assert caught.value.code == "pack.unknown_recipe"


# Recognisers: reference/*.npz hold eight inputs and what the original networks made of them


@pytest.mark.parametrize(
    ("name", "reference", "to_pixels"),
    [
        ("sface", "sface", lambda values: values),
        ("edgeface_xs", "edgeface_xs_q", lambda values: values * 127.5 + 127.5),
        ("edgeface_xxs", "edgeface_xxs_q", lambda values: values * 127.5 + 127.5),
    ],
)
def test_a_recogniser_gives_the_original_networks_numbers(
    name: str, reference: str, to_pixels: Any, shared: Path, request: pytest.FixtureRequest
) -> None:
    with np.load(shared / f"packs/reference/{reference}_reference.npz") as held:
        planes, expected = held["input"], held["embedding"]
    chips = np.ascontiguousarray(to_pixels(planes).transpose(0, 2, 3, 1), dtype=np.float32)
    model = reading_floats(network_of(name, request))
    assert np.abs(run(model, chip=chips)["template"] - expected).max() < 1e-5
    for chip, template in zip(chips, expected, strict=True):
        assert np.abs(run(model, chip=chip[None])["template"] - template).max() < 1e-5


@pytest.mark.parametrize("name", ["sface", "edgeface_xs", "edgeface_xxs"])
def test_bytes_are_read_as_the_numbers_they_are(name: str, request: pytest.FixtureRequest) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    model = network_of(name, request)
    expected = run(reading_floats(model), chip=chips.astype(np.float32))["template"]
    assert np.array_equal(run(model, chip=chips)["template"], expected)


# SFace in integers, against the float one


def portraits(shared: Path) -> Array:
    """Eight chips of faces, cut out around the middle: good enough to have two networks agree on."""
    folders = sorted(shared.glob("data/lfw-dev/*"))[::350][:8]
    if not folders:
        pytest.skip("the shared folder has no pictures")
    chips = []
    for folder in folders:
        photo = cv2.imread(str(min(folder.glob("*.jpg"))))
        assert photo is not None
        chips.append(cv2.resize(photo[65:185, 65:185, ::-1], (112, 112), interpolation=cv2.INTER_AREA))
    return np.stack(chips)


def cosines(a: Array, b: Array) -> Array:
    result: Array = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return result


def test_integer_sface_agrees_with_the_float_one(shared: Path, request: pytest.FixtureRequest) -> None:
    chips = portraits(shared)
    expected = run(network_of("sface", request), chip=chips)["template"]
    found = run(network_of("sface-int8", request), chip=chips)["template"]
    agreement = cosines(found, expected)
    assert agreement.min() > 0.99
    assert np.median(agreement) > 0.996
    lengths = np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert np.abs(lengths - 1).max() < 0.05


def test_integer_sface_agrees_on_the_reference_inputs(shared: Path, request: pytest.FixtureRequest) -> None:
    with np.load(shared / "packs/reference/sface_reference.npz") as held:
        planes, expected = held["input"], held["embedding"]
    chips = np.rint(planes).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    found = run(network_of("sface-int8", request), chip=np.ascontiguousarray(chips))["template"]
    assert cosines(found, expected).min() > 0.99


def test_integer_sface_is_the_same_in_every_batch(request: pytest.FixtureRequest) -> None:
    chips = np.random.default_rng(4).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    model = network_of("sface-int8", request)
    together = run(model, chip=chips)["template"]
    for index in range(5):
        assert np.array_equal(run(model, chip=chips[index : index + 1])["template"][0], together[index])


def test_integer_sface_saturates_on_no_processor(request: pytest.FixtureRequest) -> None:
    """255 times two neighbouring weights of one sign fits into 16 bits, in the order they are added."""
    model = onnx.load_model_from_string(network_of("sface-int8", request))
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    tried = 0
    for node in model.graph.node:
        if node.op_type == "MatMulIntegerToFloat":
            rows = weights[node.input[1]].T
        elif node.op_type == "QLinearConv" and weights[node.input[3]].shape[1] > 1:
            kernel = weights[node.input[3]]
            rows = kernel.transpose(0, 2, 3, 1).reshape(len(kernel), -1)
        else:
            continue
        rows = np.pad(rows.astype(int), ((0, 0), (0, rows.shape[1] % 2)))
        pairs = rows.reshape(len(rows), -1, 2)
        for half in (pairs, -pairs):
            assert 255 * np.maximum(half, 0).sum(2).max() < 2**15, node.name
        tried += 1
    assert tried == 15


# CenterFace, against the published file with its dimensions set by hand


def original_centerface(batch: int, height: int, width: int, request: pytest.FixtureRequest) -> bytes:
    model = onnx.load_model_from_string(source_of(CENTERFACE, request))
    for value, shrink in ((model.graph.input[0], 1), *((output, 4) for output in model.graph.output)):
        sides = value.type.tensor_type.shape.dim
        sides[0].dim_value = batch
        sides[2].dim_value, sides[3].dim_value = height // shrink, width // shrink
    return bytes(model.SerializeToString())


@pytest.mark.filterwarnings("ignore")  # The published file lists its weights among its inputs.
@pytest.mark.parametrize(
    ("batch", "height", "width"), [(1, 32, 32), (2, 160, 192), (3, 96, 64), (1, 256, 256)]
)
def test_centerface_gives_the_original_networks_numbers(
    batch: int, height: int, width: int, request: pytest.FixtureRequest
) -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    found = run(network_of("centerface", request), picture=pictures)
    planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), dtype=np.float32)
    original = run(original_centerface(batch, height, width, request), **{"input.1": planes})
    for (name, values), expected in zip(found.items(), original.values(), strict=True):
        assert values.shape == expected.shape, name
        assert np.abs(values - expected).max() < 5e-5, name


# YuNet: onnxruntime can't run the published file; OpenCV 4.11's FaceDetectorYN gave these numbers

AL_GORE_BOX = (95.74, 63.23, 84.70, 121.61)
AL_GORE_POINTS = ((108.10, 111.63), (145.80, 112.00), (118.54, 135.54), (111.02, 151.60), (143.26, 152.84))
AL_GORE_SCORE = 0.925


def best_face(found: Mapping[str, Array], width: int) -> tuple[float, Array, Array]:
    """Score, box (left, top, width, height) and points of the best cell of the first picture."""
    best: tuple[float, Array, Array] = (-1.0, np.empty(0), np.empty(0))
    for stride in (8, 16, 32):
        cls, obj, box, points = (found[f"{kind}_{stride}"][0] for kind in ("cls", "obj", "bbox", "kps"))
        scores = np.sqrt(cls * obj)[:, 0]
        cell = int(scores.argmax())
        if scores[cell] > best[0]:
            corner = np.array([cell % (width // stride), cell // (width // stride)])
            size = np.exp(box[cell, 2:]) * stride
            centre = (corner + box[cell, :2]) * stride
            landmarks = (points[cell].reshape(5, 2) + corner) * stride
            best = (float(scores[cell]), np.concatenate([centre - size / 2, size]), landmarks)
    return best


def test_yunet_finds_what_opencv_finds(shared: Path, request: pytest.FixtureRequest) -> None:
    path = shared / "data/lfw-dev/Al_Gore/Al_Gore_0001.jpg"
    if not path.is_file():
        pytest.skip("the shared folder has no pictures")
    photo = cv2.imread(str(path))
    assert photo is not None
    picture = np.zeros((1, 256, 256, 3), np.uint8)
    picture[0, :250, :250] = photo[:, :, ::-1]
    score, box, points = best_face(run(network_of("yunet", request), picture=picture), 256)
    assert score == pytest.approx(AL_GORE_SCORE, abs=6e-4)
    np.testing.assert_allclose(box, AL_GORE_BOX, atol=0.01)
    np.testing.assert_allclose(points, AL_GORE_POINTS, atol=0.01)


def test_yunet_reads_each_picture_of_a_batch_alone(request: pytest.FixtureRequest) -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (3, 96, 64, 3), dtype=np.uint8)
    model = network_of("yunet", request)
    together = run(model, picture=pictures)
    assert together["kps_8"].shape == (3, 96, 10)  # 12 x 8 cells
    for index in range(3):
        alone = run(model, picture=pictures[index : index + 1])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][index], values[0], atol=1e-5)


# The text networks, against the published files, which read BGR floats: (x / 255 - 0.5) / 0.5


def as_published(pictures: NDArray[np.uint8]) -> Array:
    planes = (pictures[..., ::-1].astype(np.float32) / 255 - 0.5) / 0.5
    return np.ascontiguousarray(planes.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 64, 96), (2, 96, 160)])
def test_the_text_detector_gives_the_original_networks_numbers(
    batch: int, height: int, width: int, request: pytest.FixtureRequest
) -> None:
    pictures = np.random.default_rng(5).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    pictures[:, 20:40, 8:-8] //= 8  # a dark bar: text, for the network
    found = run(network_of("text-detector", request), picture=pictures)["text"]
    (expected,) = run(source_of(PPOCR_DETECTOR, request), x=as_published(pictures)).values()
    assert found.shape == expected.shape == (batch, 1, height, width)
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize(("batch", "width"), [(1, 320), (3, 160)])
def test_the_text_recogniser_gives_the_original_networks_numbers(
    batch: int, width: int, request: pytest.FixtureRequest
) -> None:
    lines = np.full((batch, 48, width, 3), 255, np.uint8)
    for line in lines:
        cv2.putText(line, "ID<7", (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    found = run(network_of("text-recogniser", request), line=lines)["characters"]
    source = source_of(PPOCR_RECOGNISER, request)
    held = {entry.key: entry.value for entry in onnx.load_model_from_string(source).metadata_props}
    known = ["blank", *held["character"].split("\n")]
    (expected,) = run(source, x=as_published(lines)).values()
    kept = expected[..., [0, *map(known.index, CHARACTERS)]]
    assert found.shape == (batch, width // 8, 38)
    # Probabilities of the classes that are left.
    assert np.abs(found - kept / kept.sum(-1, keepdims=True)).max() < 1e-4
    best = found[0].argmax(-1)
    changes = best[np.flatnonzero(np.diff(best, prepend=0))]
    assert "".join(CHARACTERS[each - 1] for each in changes if each) == "ID<7"


# MiniFASNet: references as for the recognisers; upstream reads BGR


@pytest.mark.parametrize("name", ["minifasnet_v2", "minifasnet_v1se"])
def test_minifasnet_gives_the_original_networks_numbers(
    name: str, shared: Path, request: pytest.FixtureRequest
) -> None:
    path = shared / f"packs/reference/{name}_reference.npz"
    if not path.is_file():
        pytest.skip("the shared folder has no reference outputs")
    with np.load(path) as held:
        planes, expected = held["input"], held["logits"]
    crops = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)[..., ::-1])
    model = reading_floats(network_of(name, request))
    assert np.abs(run(model, crop=crops)["logits"] - expected).max() < 1e-5
    for crop, logits in zip(crops, expected, strict=True):
        assert np.abs(run(model, crop=crop[None])["logits"] - logits).max() < 1e-5


@pytest.mark.parametrize("name", ["minifasnet_v2", "minifasnet_v1se"])
def test_minifasnet_reads_bytes_as_the_numbers_they_are(name: str, request: pytest.FixtureRequest) -> None:
    crops = np.random.default_rng(6).integers(0, 256, (3, 80, 80, 3), dtype=np.uint8)
    model = network_of(name, request)
    expected = run(reading_floats(model), crop=crops.astype(np.float32))["logits"]
    assert np.array_equal(run(model, crop=crops)["logits"], expected)


def test_a_weight_that_no_layer_reads_is_noticed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(MINIFASNET_V2, request)
    tensors = old_checkpoint.read_old_checkpoint(source) | {"module.conv_9.conv.weight": np.zeros(1)}
    monkeypatch.setattr(minifasnet, "read_old_checkpoint", lambda source: tensors)
    with pytest.raises(PackError) as caught:
        convert("minifasnet", source)
    assert (caught.value.code, caught.value.found) == ("pack.damaged", "conv_9.conv.weight")
