"""Fictional documents of Utopia (UTO), drawn: for the demo, for tests, for benchmarks.

Utopia is the state that ICAO Doc 9303 gives its own examples to. Every page is marked SPECIMEN; nothing here
draws a document of a real state, nor lets a holder have the nationality of one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from visavis import geometry
from visavis.documents.mrz.mrz import compose
from visavis.documents.mrz.names import transliterate
from visavis.documents.specimen_fonts import letters
from visavis.documents.specimen_page import (
    CARD,
    CARD_BACK,
    PASSPORT,
    TD2,
    VISA_A,
    VISA_B,
    Layout,
    draw_side,
)
from visavis.errors import DocumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visavis.faces.face import Face
    from visavis.geometry import Box
    from visavis.photo import Photo

    Pixels = NDArray[np.uint8]

ISSUER = "UTO"
NATIONALITIES = {
    "UTO": "UTOPIAN",
    "XXA": "STATELESS",
    "XXB": "REFUGEE",
    "XXC": "REFUGEE (OTHER)",
    "XXX": "UNSPECIFIED",
}
SEXES = ("F", "M", "X")
SCRIPTS = "Latin, Cyrillic or Greek"
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MAX_NAME = 60
YEARS = 1900, 2099
NUMBER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document that can be drawn.

    Attributes:
        form: Its machine-readable zone (Doc 9303 parts 4 to 7).
        code: The document code that the zone begins with.
        personal: The zone's field for a personal number and its length, or None.
        front: Layout of the page with the portrait.
        back: Layout of the other side, which then has the zone.
    """

    form: str
    code: str
    personal: tuple[str, int] | None
    front: Layout
    back: Layout | None = None


KINDS = {
    "passport": Kind("TD3", "P", ("personal_number", 14), PASSPORT),
    "card": Kind("TD1", "I", ("optional_data", 15), CARD, CARD_BACK),
    "td2": Kind("TD2", "I", ("optional_data", 7), TD2),
    "visa": Kind("MRVA", "V", None, VISA_A),
    "visa-b": Kind("MRVB", "V", None, VISA_B),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a specimen is made out to, and what its numbers and dates are: a fiction, in the caller's words.

    Attributes:
        surname: Primary part of the name, in letters of Latin, Cyrillic or Greek script.
        given_names: The other part; may be empty.
        number: Of the document, 1 to 9 capitals and digits.
        birth: Date of birth.
        issued: Date of issue, after the date of birth.
        expiry: Date of expiry, after the date of issue.
        nationality: Key of `NATIONALITIES`: Utopia's, or one of Doc 9303's codes for people without one.
        sex: What is printed, given by the caller and read off nothing: ``"F"``, ``"M"`` or ``"X"``.
        place: Place of birth.
        personal_number: Up to 14 capitals and digits, or nothing.

    Raises:
        DocumentError: `specimen.holder`.
    """

    surname: str
    given_names: str
    number: str
    birth: date
    issued: date
    expiry: date
    nationality: str = ISSUER
    sex: str = "X"
    place: str = "AMAUROT"
    personal_number: str = ""

    def __post_init__(self) -> None:
        for name, value in (
            ("surname", self.surname),
            ("given names", self.given_names),
            ("place", self.place),
        ):
            _check_words(name, value, may_be_empty=name != "surname")
        _check_number("number", self.number, 1, 9)
        _check_number("personal number", self.personal_number, 0, 14)
        if self.nationality not in NATIONALITIES:
            raise _refused("nationality", self.nationality, f"one of {', '.join(NATIONALITIES)}")
        if self.sex not in SEXES:
            raise _refused("printed sex", self.sex, f"one of {', '.join(SEXES)}")
        if not self.birth < self.issued < self.expiry:
            dates = " / ".join(day.isoformat() for day in (self.birth, self.issued, self.expiry))
            raise _refused("dates", dates, "birth before issue before expiry")
        if self.birth.year < YEARS[0] or self.expiry.year > YEARS[1]:
            raise _refused("dates", f"{self.birth.year} to {self.expiry.year}", "1900 to 2099")


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """A drawn document and the truth about it. Places are in pixels of the side that they are on.

    Attributes:
        kind: Key of `KINDS`.
        holder: Who it is made out to.
        page: H x W x 3, RGB: the side with the portrait, at `PX_PER_MM`.
        back: The other side of a card, or None.
        portrait: Place of the portrait on the page.
        ghost: Place of the second portrait on the page, or None.
        lines: The machine-readable lines.
        line_boxes: Where each line is printed: on the back where there is one, else on the page.
    """

    kind: str
    holder: Holder
    page: Pixels
    back: Pixels | None
    portrait: Box
    ghost: Box | None
    lines: tuple[str, ...]
    line_boxes: tuple[Box, ...]


def draw(kind: str, holder: Holder, portrait: Pixels, *, ghost: bool = False, seed: int = 0) -> Specimen:
    """Draw a document.

    Args:
        kind: Key of `KINDS`.
        holder: Who it is made out to.
        portrait: H x W x 3, RGB, 8 bit, best 7 wide to 9 high (see `portrait_of`); what is too much is cut
            off at its sides.
        ghost: Whether the page carries the small pale second portrait.
        seed: Of the pattern, the colours and the signature.

    Raises:
        DocumentError: `specimen.kind` or `specimen.portrait`.
    """
    if kind not in KINDS:
        raise DocumentError(
            "specimen.kind",
            "no such kind of specimen",
            found=repr(kind),
            expected=f"one of {', '.join(KINDS)}",
        )
    if portrait.dtype != np.uint8 or portrait.ndim != 3 or portrait.shape[2] != 3 or min(portrait.shape) < 1:
        raise DocumentError(
            "specimen.portrait",
            "the array isn't an RGB picture",
            found=f"shape {portrait.shape} of {portrait.dtype}",
            expected="height x width x 3 of uint8",
        )
    form = KINDS[kind]
    lines = zone_of(kind, holder)
    values = _printed(form, holder)
    on_back = form.back is not None
    front = draw_side(
        form.front, values, lines=() if on_back else lines, portrait=portrait, ghost=ghost, seed=seed
    )
    zone = back = front
    if form.back is not None:
        zone = back = draw_side(form.back, values, lines=lines, seed=seed)
    return Specimen(
        kind=kind,
        holder=holder,
        page=front.pixels,
        back=back.pixels if on_back else None,
        portrait=front.portraits["portrait"],
        ghost=front.portraits.get("ghost"),
        lines=lines,
        line_boxes=zone.line_boxes,
    )


def zone_of(kind: str, holder: Holder) -> tuple[str, ...]:
    """The machine-readable lines of a document of a kind; a personal number that has no room is left out.

    Raises:
        DocumentError: `mrz.field` where a value can't stand in them.
    """
    form = KINDS[kind]
    fields = {
        "document_code": form.code,
        "issuing_state": ISSUER,
        "surname": holder.surname,
        "given_names": holder.given_names,
        "document_number": holder.number,
        "nationality": holder.nationality,
        "date_of_birth": holder.birth.isoformat(),
        "sex": holder.sex,
        "date_of_expiry": holder.expiry.isoformat(),
    }
    if form.personal is not None and len(holder.personal_number) <= form.personal[1]:
        fields[form.personal[0]] = holder.personal_number
    return compose(form.form, fields)


def portrait_of(photo: Photo, face: Face, *, height: int = 600) -> Pixels:
    """A face cut out of a photo as a document's portrait.

    The head is upright and about 75 % of the frame's height, the frame 7 to 9, the eyes at 45 % of its height
    from above. From chin to crown a head is taken as 3.1 times as high as its eyes are apart; a face turned
    aside shows less between the eyes, so that the height from eyes to mouth (times 3) counts where it gives
    more. Where the frame leaves the photo its border is drawn out.

    Args:
        photo: The photo.
        face: With its points placed, in pixels of the full picture.
        height: Of the portrait in pixels.

    Returns:
        H x W x 3, RGB.
    """
    import cv2

    high = float(np.linalg.norm(face.points[:2].mean(axis=0) - face.points[3:].mean(axis=0)))
    head = max(3.1 * face.inter_eye_px, 3.0 * high, 1.0)
    photo = photo.finer(min(1.0, 0.75 * height / head))
    points = face.points * photo.scale
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down = (mouth - eyes) / max(high * photo.scale, 1e-6)
    scale = 0.75 * height / (head * photo.scale)
    width = round(height * 7 / 9)
    # Upright: `down` of the photo becomes (0, 1), and the eyes' middle comes to its place.
    turn = np.array([[down[1], -down[0]], [down[0], down[1]]]) * scale
    shift = np.array([width / 2, 0.45 * height]) - turn @ eyes
    to_portrait = np.hstack([turn, shift[:, None]])
    half = np.array([0.5, 0.5])  # pixel centres lie at whole numbers for OpenCV and at halves here
    moved = to_portrait.copy()
    moved[:, 2] = geometry.apply(to_portrait, half[None])[0] - half
    pixels = photo.pixels
    if scale < 1:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5 + 0.01)  # type: ignore[assignment]
    return cv2.warpAffine(  # type: ignore[return-value]
        pixels, moved, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def fictional(seed: int) -> Holder:
    """An invented holder: names that say that nobody has them, of many languages and three scripts."""
    random = np.random.default_rng(seed)
    surnames, given = NAMES[random.integers(len(NAMES))]
    count = min(int(random.integers(1, 3)), len(given))
    names = " ".join(given[i] for i in random.permutation(len(given))[:count])
    birth = date(1940, 1, 1) + timedelta(days=int(random.integers(365 * 62)))
    issued = date(2022, 1, 1) + timedelta(days=int(random.integers(365 * 4)))
    alphabet = sorted(NUMBER)
    digits = "".join(alphabet[i] for i in random.integers(10, size=5))
    mixed = "".join(alphabet[i] for i in random.integers(len(alphabet), size=3))
    personal = "".join(alphabet[i] for i in random.integers(10, size=9)) if random.random() < 0.5 else ""
    return Holder(
        surname=surnames[random.integers(len(surnames))],
        given_names=names,
        number=f"U{mixed}{digits}",
        birth=birth,
        issued=issued,
        expiry=issued + timedelta(days=3652),
        sex=SEXES[random.integers(len(SEXES))],
        place=PLACES[random.integers(len(PLACES))],
        personal_number=personal,
    )


def _printed(form: Kind, holder: Holder) -> dict[str, str]:
    """What the visual zone says, for each key of `specimen_page.LABELS`."""
    return {
        "issuer": "UTOPIA",
        "type": form.code,
        "code": ISSUER,
        "number": holder.number,
        "surname": _in_latin(holder.surname),
        "given_names": _in_latin(holder.given_names),
        "nationality": NATIONALITIES[holder.nationality],
        "birth": _day(holder.birth),
        "sex": holder.sex,
        "place": _in_latin(holder.place),
        "personal_number": holder.personal_number or "-",
        "issued": _day(holder.issued),
        "expiry": _day(holder.expiry),
        "from": _day(holder.issued),
        "until": _day(holder.expiry),
        "entries": "MULT",
        "authority": "OFFICE OF NOWHERE",
    }


def _day(day: date) -> str:
    return f"{day.day:02d} {MONTHS[day.month - 1]} {day.year}"


def _upper(name: str) -> str:
    """Capitals, but a sharp s as it is: Doc 9303 wants it printed so, and it has no place in `str.upper`."""
    return "ß".join(part.upper() for part in name.split("ß"))


def _in_latin(name: str) -> str:
    """Capitals, and behind those of another script how they are written in Latin (Doc 9303-3, 3.4)."""
    upper = _upper(name)
    if all(unicodedata.name(c).startswith("LATIN") for c in upper if c.isalpha()):
        return upper
    return f"{upper} / {(transliterate(name) or '').replace('<', ' ')}"


def _check_words(name: str, value: str, *, may_be_empty: bool) -> None:
    if not value and may_be_empty:
        return
    if not any(character.isalpha() for character in value) or value != value.strip():
        raise _refused(name, repr(value[:MAX_NAME]), "a name in letters")
    if len(value) > MAX_NAME:
        raise _refused(name, f"{len(value)} characters", f"at most {MAX_NAME}")
    if wrong := {c for c in value + _upper(value) if not _printable(c)}:
        raise _refused(name, repr(min(wrong)), f"letters of {SCRIPTS} script, spaces, - ' . and ,")
    if transliterate(value) is None:
        raise _refused(name, repr(value), "letters that Doc 9303 transliterates")


def _printable(character: str) -> bool:
    if character in " -'.,":
        return True
    script = unicodedata.name(character, "").partition(" ")[0]
    return character.isalpha() and script.title() in SCRIPTS and character in letters()


def _check_number(name: str, value: str, low: int, high: int) -> None:
    if not low <= len(value) <= high or not set(value) <= NUMBER:
        raise _refused(name, repr(value[:MAX_NAME]), f"{low} to {high} capitals A to Z and digits")


def _refused(what: str, found: str, expected: str) -> DocumentError:
    return DocumentError(
        "specimen.holder", f"the holder's {what} can't be used", found=found, expected=expected
    )


# Names that mean nobody, nowhere, or made up, in their languages.
NAMES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Nobody", "Nowhere-Smith", "O'Nothing"), ("Anne", "John", "Never")),
    (("Nirgendsdörfer", "Weißnicht", "von Überall"), ("Jürgen", "Käthe", "Götz")),
    (("Dailleurs-Néant", "L'Inconnu", "Forêt-Rêvée"), ("Zoé", "François", "Maëlys")),
    (("Ninguno Ñandez", "Inventado", "de la Nada"), ("Begoña", "Íñigo", "Jesús")),
    (("Ninguém", "Ficção", "Fulano"), ("João", "Conceição", "Inês")),
    (("Nessunò", "D'Altrove"), ("Niccolò", "Mariù")),
    (("Niemandsland", "van Nergens"), ("Noë", "Zoë", "Daan")),
    (("Ingenstedsøn", "Ødegård-Ingen"), ("Søren", "Åse", "Bjørn")),
    (("Hvergisþórsdóttir", "Uppspuni"), ("Þóra", "Æsa", "Sigurður")),
    (("Eikukaan", "Keksitty"), ("Päivö", "Äijä", "Yrjö")),
    (("Nigdzieński", "Zmyślonowicz"), ("Łucja", "Świętosław", "Żaneta")),
    (("Neznámý", "Smyšlená", "Odnikudů"), ("Jiří", "Žofie", "Bořek")),
    (("Seholsem", "Kitalált-Őry"), ("Győző", "Tünde", "Árpád")),
    (("Nicăieri", "Închipuitu"), ("Ștefan", "Ioana", "Măriuca")),
    (("Hiçyeroğlu", "Uydurmacı"), ("Çağla", "İsmail", "Gülşen")),  # noqa: RUF001  # Turkish has it
    (("Niekas", "Išgalvotas"), ("Žydrė", "Ąžuolas")),
    (("Không", "Vô Danh"), ("Đào", "Hoàng")),
    (("Нигдеев", "Выдумкина"), ("Пётр", "Любовь", "Щукарь")),
    (("Ніденко", "Вигадана"), ("Юрій", "Євгенія", "Олесь")),
    (("Никъдев", "Измислена"), ("Цветана", "Жельо")),
    (("Ουδείς", "Ανύπαρκτος"), ("Ζωή", "Ιωάννης")),
    (("Nanashi", "Kakuu"), ("Tarou", "Hanako", "Ichirou")),
    (("Kalpanik", "Kahinahi"), ("Meera", "Aarav", "Dev")),
    (("Al-Wahmi", "Bin Khayal"), ("Yusuf", "Layla", "Karim")),
    (("Hakunamahali", "Mfano"), ("Neema", "Juma", "Zawadi")),
)
PLACES = ("AMAUROT", "ZENITH", "LAPUTA", "EREWHON", "SCHILDA", "CLOUDCUCKOO", "BENSALEM")
