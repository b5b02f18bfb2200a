"""The pages of fictional documents, drawn: layouts after Doc 9303 and the hand that fills them.

No state's design is imitated: the pattern, the emblem and the colours are drawn by a seed, and each page says
SPECIMEN in its header, across its middle and along its lower edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from visavis.documents.ocr_b import CAPITAL, DIGIT, PITCH, STROKE, ink
from visavis.documents.specimen_fonts import sans
from visavis.geometry import Box

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

    from visavis.geometry import Floats

    Pixels = NDArray[np.uint8]
    Colour = tuple[int, int, int]

PX_PER_MM = 12.0
LINE_PITCH = 6.35  # mm between the lines of a machine-readable zone (Doc 9303-4, -6 and -7)
CARD_PITCH = 25.4 / 6  # the same on a card of three lines: six to the inch, as cards in use have it
ZONE = 23.2  # mm, its height
FADED = 0.45  # what is left of a ghost portrait's contrast

INK = (28, 28, 34)
LABEL = (74, 84, 104)
PEN = (32, 40, 96)
RED = (196, 24, 40)

LABELS = {
    "type": "Type / Type",
    "code": "Code / Code",
    "number": "Document No. / N° du document",
    "surname": "Surname / Nom",
    "given_names": "Given names / Prénoms",
    "nationality": "Nationality / Nationalité",
    "birth": "Date of birth / Date de naissance",
    "sex": "Sex / Sexe",
    "place": "Place of birth / Lieu de naissance",
    "personal_number": "Personal No. / N° personnel",
    "issued": "Date of issue / Délivré le",
    "expiry": "Date of expiry / Expire le",
    "from": "Valid from / Valable du",
    "until": "Valid until / Jusqu'au",
    "entries": "Entries / Entrées",
    "authority": "Authority / Autorité",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand on one side of a document, in mm from its upper left corner.

    Attributes:
        width: Of the side.
        height: Of the side.
        title: What kind of document it is, in two languages.
        fields: Key of `LABELS` with the left and the upper edge of the label, and the width for the value.
        places: Of ``"portrait"``, ``"ghost"`` (the small second portrait) and ``"signature"``, where the side
            has them.
        lines: How many machine-readable lines there are.
        lines_left: Where the cell of their first character begins. Its ink begins about 0.5 mm later: at 6 mm
            on a passport, at 4 mm on the others (Doc 9303 parts 4 to 7).
        lowest: Middle of the last of them, above the lower edge.
        pitch: Between the middles of two of them.
    """

    width: float
    height: float
    title: str
    fields: tuple[tuple[str, float, float, float], ...]
    places: Mapping[str, Box] = field(default_factory=dict)
    lines: int = 0
    lines_left: float = 0
    lowest: float = 9.4
    pitch: float = LINE_PITCH

    @property
    def upper(self) -> float:
        """Height in mm of what lies above the machine-readable zone."""
        return self.height - (ZONE if self.lines else 0)


PASSPORT = Layout(
    125,
    88,
    "PASSPORT / PASSEPORT",
    (
        ("type", 43, 16, 10),
        ("code", 58, 16, 12),
        ("number", 80, 16, 40),
        ("surname", 43, 23, 78),
        ("given_names", 43, 30, 78),
        ("nationality", 43, 37, 36),
        ("personal_number", 80, 37, 22),
        ("birth", 43, 44, 36),
        ("place", 80, 44, 22),
        ("sex", 43, 51, 14),
        ("issued", 58, 51, 21),
        ("authority", 80, 51, 22),
        ("expiry", 43, 58, 21),
    ),
    places={
        "portrait": Box(6, 16.5, 34, 43.7),
        "ghost": Box(104.5, 37.5, 15.5, 19.9),
        "signature": Box(70, 57.5, 32, 6.6),
    },
    lines=2,
    lines_left=5.5,
)
TD2 = Layout(
    105,
    74,
    "OFFICIAL TRAVEL DOCUMENT / DOCUMENT OFFICIEL DE VOYAGE",
    (
        ("type", 36, 12.5, 8),
        ("code", 47, 12.5, 10),
        ("number", 64, 12.5, 37),
        ("surname", 36, 19, 65),
        ("given_names", 36, 25.5, 65),
        ("nationality", 36, 32, 26),
        ("birth", 64, 32, 22),
        ("sex", 36, 38.5, 14),
        ("expiry", 64, 38.5, 22),
    ),
    places={
        "portrait": Box(5, 12.5, 28, 36),
        "ghost": Box(88, 30.5, 12, 15.4),
        "signature": Box(52, 44.3, 30, 5.4),
    },
    lines=2,
    lines_left=3.5,
)
CARD = Layout(
    85.6,
    54,
    "IDENTITY CARD / CARTE D'IDENTITÉ",
    (
        ("surname", 34, 12.5, 49),
        ("given_names", 34, 19, 49),
        ("nationality", 34, 25.5, 18),
        ("birth", 54, 25.5, 28),
        ("sex", 34, 32, 12),
        ("number", 34, 38.5, 34),
        ("expiry", 54, 32, 15),
    ),
    places={
        "portrait": Box(4.5, 12, 27, 34.7),
        "ghost": Box(71, 32.5, 10.5, 13.5),
        "signature": Box(36, 45.4, 30, 5.2),
    },
)
CARD_BACK = Layout(
    85.6,
    54,
    "IDENTITY CARD / CARTE D'IDENTITÉ",
    (
        ("place", 5, 11.5, 36),
        ("issued", 44, 11.5, 30),
        ("personal_number", 5, 18.5, 36),
        ("authority", 44, 18.5, 38),
    ),
    lines=3,
    lines_left=3.5,
    lowest=6.9,
    pitch=CARD_PITCH,
)
VISA_A = Layout(
    120,
    80,
    "VISA / VISA",
    (
        ("type", 40, 13.5, 10),
        ("from", 56, 13.5, 28),
        ("until", 88, 13.5, 28),
        ("surname", 40, 21, 76),
        ("given_names", 40, 28.5, 76),
        ("nationality", 40, 36, 28),
        ("birth", 72, 36, 26),
        ("sex", 40, 43.5, 12),
        ("entries", 56, 43.5, 14),
        ("number", 72, 43.5, 26),
    ),
    places={
        "portrait": Box(5, 13, 31, 39.9),
        "ghost": Box(101, 34.5, 13.5, 17.4),
        "signature": Box(40, 50, 30, 6),
    },
    lines=2,
    lines_left=3.5,
)
VISA_B = Layout(
    105,
    74,
    "VISA / VISA",
    (
        ("type", 36, 12.5, 10),
        ("from", 50, 12.5, 24),
        ("until", 77, 12.5, 24),
        ("surname", 36, 19, 65),
        ("given_names", 36, 25.5, 65),
        ("nationality", 36, 32, 24),
        ("birth", 62, 32, 24),
        ("sex", 36, 38.5, 12),
        ("entries", 50, 38.5, 10),
        ("number", 62, 38.5, 24),
    ),
    places={
        "portrait": Box(5, 12.5, 28, 36),
        "ghost": Box(88, 30.5, 12, 15.4),
        "signature": Box(36, 44.6, 30, 5.4),
    },
    lines=2,
    lines_left=3.5,
)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a document, drawn, with the true places of what is on it in pixels."""

    pixels: Pixels
    portraits: Mapping[str, Box]
    line_boxes: tuple[Box, ...]


def draw_side(
    layout: Layout,
    values: Mapping[str, str],
    *,
    lines: tuple[str, ...] = (),
    portrait: Pixels | None = None,
    ghost: bool = False,
    seed: int,
) -> Side:
    """Draw one side at `PX_PER_MM`.

    Args:
        layout: Where things stand.
        values: What is printed, for each key of the layout's fields.
        lines: The machine-readable lines, where the layout has a place for them.
        portrait: H x W x 3, RGB; what doesn't fit the place is cut off at its sides.
        ghost: Whether the small second portrait is printed.
        seed: Of pattern, colours and signature: both sides of a document share it.
    """
    hand = _Hand(layout, seed)
    places = {name: _px(place) for name, place in layout.places.items()}
    if portrait is not None:
        hand.photo(portrait, places["portrait"])
        if ghost:
            hand.faded_photo(portrait, places["ghost"])
    hand.header(values["issuer"])
    for key, x, y, width in layout.fields:
        hand.field(LABELS[key], values[key], x, y, width)
    if "signature" in layout.places:
        hand.sign(layout.places["signature"])
    hand.mark()
    boxes = hand.zone(lines) if layout.lines else ()
    printed = ("portrait", "ghost") if ghost else ("portrait",)
    return Side(np.array(hand.image), {name: places[name] for name in printed if name in places}, boxes)


def _px(box: Box) -> Box:
    """A place in mm as whole pixels."""
    left, top = round(box.x * PX_PER_MM), round(box.y * PX_PER_MM)
    right, bottom = round((box.x + box.width) * PX_PER_MM), round((box.y + box.height) * PX_PER_MM)
    return Box(left, top, right - left, bottom - top)


class _Hand:
    """Draws one side; all measures in mm."""

    def __init__(self, layout: Layout, seed: int) -> None:
        from PIL import ImageDraw

        self.layout = layout
        self.random = np.random.default_rng(seed)
        self.width, self.height = round(layout.width * PX_PER_MM), round(layout.height * PX_PER_MM)
        hue = self.random.uniform(0, 1)
        self.tints = [_colour(hue + step, 0.16, 0.97) for step in (0.0, 0.09, 0.2)]
        self.strokes = [_colour(hue + step, 0.5, 0.74) for step in (0.02, 0.3, 0.62)]
        self.band = _colour(hue + 0.02, 0.75, 0.42)
        self.image = self._paper()
        self.pen = ImageDraw.Draw(self.image)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        *,
        colour: Colour = INK,
        style: str = "plain",
        anchor: str = "ls",
        width: float = math.inf,
    ) -> None:
        """Print `text` with its base line at `at`, `size` mm an em, made smaller until it fits `width` mm."""
        size, limit = size * PX_PER_MM, width * PX_PER_MM
        font = sans(size, style)
        while (long := font.getlength(text)) > limit:  # hinted widths don't shrink in proportion
            size *= min(limit / long, 0.98)
            font = sans(size, style)
        x, y = at
        self.pen.text((x * PX_PER_MM, y * PX_PER_MM), text, colour, font, anchor)

    # The paper

    def _paper(self) -> Image.Image:
        """Tints that run into each other, waves and rosettes of fine lines on them, a pale strip below."""
        import cv2
        from PIL import Image

        across = np.linspace(0, 2, self.width)
        tint = np.stack(
            [np.interp(across, (0, 1, 2), [colour[i] for colour in self.tints]) for i in range(3)], axis=-1
        )
        paper = np.repeat(tint[None], self.height, axis=0)
        lines = paper.astype(np.uint8)
        for stroke, curve in self._waves() + self._rosettes():
            fixed = (curve * PX_PER_MM * 16).round().astype(np.int32)
            cv2.polylines(lines, [fixed], False, stroke, 1, cv2.LINE_AA, 4)
        share = np.full((self.height, 1, 1), 0.62)
        if self.layout.lines:  # the pattern must not disturb the machine
            share[round(self.layout.upper * PX_PER_MM) :] = 0.22
            paper = np.where(share < 0.5, paper * 0.5 + 255 * 0.5, paper)
        drawn = paper * (1 - share) + lines * share
        return Image.fromarray(drawn.clip(0, 255).astype(np.uint8))

    def _waves(self) -> list[tuple[Colour, Floats]]:
        """Two families of waves; neighbours differ a little in phase, as in a guilloche."""
        x = np.linspace(-1, self.layout.width + 1, 420)
        curves: list[tuple[Colour, Floats]] = []
        for stroke in self.strokes[:2]:
            long, short = self.random.uniform(26, 60), self.random.uniform(7, 15)
            swing, ripple = self.random.uniform(2.5, 5.5), self.random.uniform(0.5, 1.4)
            phase, drift = self.random.uniform(0, math.tau), self.random.uniform(0.05, 0.16)
            for step, y in enumerate(np.arange(-6, self.layout.height + 6, 1.15)):
                wave = swing * np.sin(math.tau * x / long + phase + drift * step)
                wave += ripple * np.sin(math.tau * x / short - 2 * drift * step)
                curves.append((stroke, np.stack([x, y + wave], axis=-1)))
        return curves

    def _rosettes(self) -> list[tuple[Colour, Floats]]:
        """A large rosette in the middle of the upper part and small ones beside it (rhodonea curves)."""
        turn = np.linspace(0, math.tau, 900)
        curves: list[tuple[Colour, Floats]] = []
        upper = self.layout.upper
        places = [(self.layout.width * 0.66, upper * 0.56, upper * 0.42)]
        places += [(self.layout.width * at, upper * 0.9, upper * 0.14) for at in (0.08, 0.5, 0.93)]
        for x, y, radius in places:
            petals = int(self.random.integers(7, 15))
            depth = self.random.uniform(0.14, 0.3)
            for ring in np.linspace(0.35, 1, 9):
                r = radius * ring * (1 - depth + depth * np.cos(petals * turn + 5 * ring))
                curves.append(
                    (self.strokes[2], np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], axis=-1))
                )
        return curves

    # The portraits

    def photo(self, portrait: Pixels, box: Box) -> None:
        """The portrait, its edges fading into the paper, with the pattern's colour breathed over them."""
        paper = self._cut(box)
        picture = _fitted(portrait, int(box.width), int(box.height)).astype(np.float32)
        y, x = np.mgrid[: int(box.height), : int(box.width)]
        edge = np.minimum.reduce([x, y, box.width - 1 - x, box.height - 1 - y]) / PX_PER_MM
        share = (0.82 + 0.15 * np.clip(edge / 5, 0, 1))[..., None]
        self._paste(picture * share + paper * (1 - share), box)

    def faded_photo(self, portrait: Pixels, box: Box) -> None:
        """The same portrait small, pale, of one colour, lit from the upper left as if it were embossed."""
        import cv2

        paper = self._cut(box)
        size = int(box.width), int(box.height)
        grey = cv2.cvtColor(_fitted(portrait, *size), cv2.COLOR_RGB2GRAY).astype(np.float32)
        relief = cv2.filter2D(
            cv2.GaussianBlur(grey, (0, 0), 1.0), -1, np.array([[-1.0, -1, 0], [-1, 0, 1], [0, 1, 1]])
        )
        low, high = np.percentile(grey, (2, 98))
        tone = np.clip((grey - low) / max(high - low, 1), 0, 1)[..., None]
        printed = tone * 255 + (1 - tone) * np.array(self.band, dtype=np.float32)
        y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        oval = np.clip((1.06 - np.hypot(x, y * 0.98)) / 0.25, 0, 1)[..., None]
        share = (0.35 + FADED * (1 - tone)) * oval
        drawn = paper * (1 - share) + printed * share + 0.25 * relief[..., None] * oval
        self._paste(drawn, box)

    def _cut(self, box: Box) -> NDArray[np.float32]:
        left, top = int(box.x), int(box.y)
        corners = left, top, left + int(box.width), top + int(box.height)
        return np.asarray(self.image.crop(corners), dtype=np.float32)

    def _paste(self, pixels: NDArray[np.floating], box: Box) -> None:
        from PIL import Image

        self.image.paste(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), (int(box.x), int(box.y)))

    # The print

    def header(self, issuer: str) -> None:
        """Emblem, issuer, kind of document, and in red that it is a specimen."""
        high = 11.0 if self.layout.height > 60 else 8.6
        size = high * 0.44
        self._emblem(4.5 + high * 0.32, high * 0.54, high * 0.36)
        left = 6.5 + high * 0.64
        self.text((left, high * 0.56), issuer, size, style="bold", colour=self.band)
        self.text(
            (left, high * 0.88),
            self.layout.title,
            size * 0.46,
            colour=self.band,
            width=self.layout.width * 0.52,
        )
        right = self.layout.width - 4.5
        self.text((right, high * 0.56), "SPECIMEN", size, style="bold", colour=RED, anchor="rs")
        self.text((right, high * 0.88), "NO VALIDITY / SANS VALEUR", size * 0.42, colour=RED, anchor="rs")
        y = round((high + 0.3) * PX_PER_MM)
        self.pen.line((round(4.5 * PX_PER_MM), y, round(right * PX_PER_MM), y), fill=self.band, width=3)

    def _emblem(self, x: float, y: float, radius: float) -> None:
        """A ring with a star of seven points: nobody's arms."""
        import cv2

        drawn = np.array(self.image)
        star = [
            (x + radius * r * math.sin(turn), y - radius * r * math.cos(turn))
            for turn, r in zip(np.arange(14) * math.tau / 14, (0.8, 0.36) * 7, strict=True)
        ]
        fixed = (np.array(star) * PX_PER_MM * 16).round().astype(np.int32)
        cv2.fillPoly(drawn, [fixed], self.band, cv2.LINE_AA, 4)
        centre = round(x * PX_PER_MM * 16), round(y * PX_PER_MM * 16)
        cv2.circle(drawn, centre, round(radius * PX_PER_MM * 16), self.band, 4, cv2.LINE_AA, 4)
        self._whole(drawn)

    def field(self, label: str, value: str, x: float, y: float, width: float) -> None:
        """A printed label and its value below."""
        self.text((x, y + 1.5), label, 1.65, colour=LABEL, width=width)
        self.text((x, y + 5.1), value, 3.0, width=width)

    def sign(self, place: Box) -> None:
        """A scribble: loops of a running pen, smooth through random points (cubic Hermite spline)."""
        import cv2

        count = int(self.random.integers(11, 17))
        x = np.linspace(0.02, 0.86, count) + self.random.normal(0, 0.02, count)
        y = 0.55 + 0.3 * self.random.uniform(0.4, 1, count) * np.where(np.arange(count) % 2, 1, -1)
        y[0], y[1] = 0.05, 0.95  # a capital
        y[-1], x[-1] = 0.62, 1.0
        knots = np.stack([place.x + place.width * x, place.y + place.height * y], axis=-1)
        slopes = np.gradient(knots, axis=0) * (1.0, 0.5)
        slopes[:, 0] += np.where(np.arange(count) % 2, -1, 1) * place.width / count * 0.9
        t = np.linspace(0, 1, 24)[:, None]
        h = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2
        curve = np.concatenate(
            [
                h[0] * a + h[1] * at_a + h[2] * b + h[3] * at_b
                for a, at_a, b, at_b in zip(knots, slopes, knots[1:], slopes[1:], strict=False)
            ]
        )
        drawn = np.array(self.image)
        fixed = (curve * PX_PER_MM * 16).round().astype(np.int32)
        cv2.polylines(drawn, [fixed], False, PEN, 4, cv2.LINE_AA, 4)
        self._whole(drawn)

    def mark(self) -> None:
        """SPECIMEN across the page beside the portrait, in red to be read through, and below the face."""
        from PIL import Image, ImageDraw

        layout, portrait = self.layout, self.layout.places.get("portrait")
        left = 0.0 if portrait is None else portrait.x + portrait.width
        top = 11.5 if layout.height > 60 else 9.0
        bottom = layout.upper
        width, height = (layout.width - left) * PX_PER_MM, (bottom - top) * PX_PER_MM
        slope = math.atan2(0.45 * height, width)  # as large as fits across then fits in height, too
        long = sans(100, "bold").getlength("SPECIMEN") / 100
        font = sans(0.96 * width / (long * math.cos(slope) + math.sin(slope)), "bold")
        mask = Image.new("L", (round(math.hypot(width, height)), round(font.size * 1.3)), 0)
        middle = mask.width / 2, mask.height / 2
        ImageDraw.Draw(mask).text(middle, "SPECIMEN", 86, font, "mm", stroke_width=2, stroke_fill=140)
        mask = mask.rotate(math.degrees(slope), Image.Resampling.BICUBIC, expand=True)
        sheet = Image.new("L", self.image.size, 0)
        at = left * PX_PER_MM + (width - mask.width) / 2, top * PX_PER_MM + (height - mask.height) / 2
        sheet.paste(mask, (round(at[0]), round(at[1])))
        clear = ImageDraw.Draw(sheet)
        clear.rectangle((0, bottom * PX_PER_MM, self.width, self.height), fill=0)
        for name in ("portrait", "ghost"):
            if name in layout.places:
                box = _px(layout.places[name])
                clear.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=0)
        if portrait is not None:
            below = (
                (portrait.x + portrait.width / 2) * PX_PER_MM,
                (portrait.y + portrait.height) * PX_PER_MM - 8,
            )
            across = sans(portrait.width * PX_PER_MM * 0.13, "bold")
            clear.text(below, "SPECIMEN", 215, across, "mb")
        self.image.paste(Image.new("RGB", self.image.size, RED), (0, 0), sheet)

    def zone(self, lines: tuple[str, ...]) -> tuple[Box, ...]:
        """The machine-readable lines, and below them once more that this is a specimen.

        Returns:
            Where the ink of each line may be, in pixels.
        """
        from PIL import Image

        layout = self.layout
        left = layout.lines_left * PX_PER_MM
        boxes = []
        for above, line in zip(range(len(lines) - 1, -1, -1), lines, strict=True):
            middle = layout.height - layout.lowest - above * layout.pitch
            top = (middle + CAPITAL / 2 - DIGIT - STROKE / 2) * PX_PER_MM
            x, y = int(left), int(top)
            printed = Image.fromarray(ink(line, PITCH * PX_PER_MM, (left - x, top - y)))
            self.image.paste(Image.new("RGB", printed.size, INK), (x, y), printed)
            boxes.append(Box(left, top, len(line) * PITCH * PX_PER_MM, (DIGIT + STROKE) * PX_PER_MM))
        below = "SPECIMEN · A FICTIONAL DOCUMENT OF UTOPIA · NOT A TRAVEL DOCUMENT · SPECIMEN"
        at = layout.width / 2, layout.height - 2.4
        self.text(at, below, 1.7, colour=RED, anchor="ms", width=layout.width - 10)
        return tuple(boxes)

    def _whole(self, pixels: Pixels) -> None:
        """Take drawn pixels as the image; the pen holds the image, so it stays the same object."""
        from PIL import Image

        self.image.paste(Image.fromarray(pixels))


def _fitted(portrait: Pixels, width: int, height: int) -> Pixels:
    """A portrait in `width` x `height` pixels, what is too much cut off evenly at two sides."""
    import cv2

    high, wide = portrait.shape[:2]
    share = min(wide / width, high / height)
    cut_width, cut_height = max(1, round(width * share)), max(1, round(height * share))
    left, top = (wide - cut_width) // 2, (high - cut_height) // 2
    cut = np.ascontiguousarray(portrait[top : top + cut_height, left : left + cut_width])
    way = cv2.INTER_AREA if share > 1 else cv2.INTER_CUBIC
    return cv2.resize(cut, (width, height), interpolation=way)  # type: ignore[return-value]


def _colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB of a colour given as HSV, each 0 to 1 (the hue goes round)."""
    from colorsys import hsv_to_rgb

    red, green, blue = hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
