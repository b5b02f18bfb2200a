"""Names in the machine-readable zone: their parts, how a name is written there, whether two are the same.

A zone has only the letters A to Z. A name is transliterated (ICAO Doc 9303-3, section 6), by tables that
leave a choice for some letters, and cut where it is too long. Comparing turns this around: two names are the
same where some choice writes them alike.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from visavis.documents.mrz.layout import FILLER, LETTERS

Likeness = Literal["same", "differs", "not_comparable"]

MOST = 200
"""Characters of a name that is looked at: more than any document holds."""

# Doc 9303-3, section 6, table A, and what states write instead; the first is the recommended one. Letters
# with marks that aren't here lose them.
LATIN = {
    "Ä": ("AE", "A"),
    "Å": ("AA", "A"),
    "Æ": ("AE",),
    "Ð": ("D",),
    "Đ": ("D", "DJ"),
    "Ə": ("E",),
    "Ħ": ("H",),
    "ı": ("I",),  # noqa: RUF001  # Turkish has it
    "Ĳ": ("IJ",),
    "ĸ": ("Q",),
    "Ŀ": ("L",),
    "Ł": ("L",),
    "Ñ": ("N", "NXX"),
    "Ŋ": ("N",),
    "Ö": ("OE", "O"),
    "Ø": ("OE", "O"),
    "Œ": ("OE",),
    "ẞ": ("SS",),
    "Þ": ("TH",),
    "Ŧ": ("T",),
    "Ü": ("UE", "UXX", "U"),
}

# Table B, and what Russia (2010 and before), Ukraine, Bulgaria, Serbia and North Macedonia write instead.
CYRILLIC = {
    "А": ("A",),  # noqa: RUF001
    "Б": ("B",),
    "В": ("V",),  # noqa: RUF001
    "Г": ("G", "H"),
    "Ґ": ("G",),
    "Ѓ": ("G", "GJ"),
    "Ғ": ("G", "GH"),
    "Д": ("D",),
    "Ђ": ("D", "DJ"),
    "Е": ("E", "YE"),  # noqa: RUF001
    "Ё": ("E", "IO", "YO"),
    "Є": ("IE", "YE"),
    "Ж": ("ZH", "Z"),
    "З": ("Z",),  # noqa: RUF001
    "Ѕ": ("DZ",),  # noqa: RUF001
    "И": ("I", "Y"),
    "І": ("I",),  # noqa: RUF001
    "Ї": ("I", "YI"),
    "Й": ("I", "Y"),
    "Ј": ("J",),  # noqa: RUF001
    "К": ("K",),  # noqa: RUF001
    "Қ": ("K", "Q"),
    "Ќ": ("K", "KJ"),
    "Л": ("L",),
    "Љ": ("LJ",),
    "М": ("M",),  # noqa: RUF001
    "Н": ("N",),  # noqa: RUF001
    "Њ": ("NJ",),
    "О": ("O",),  # noqa: RUF001
    "Ө": ("O",),
    "П": ("P",),
    "Р": ("R",),  # noqa: RUF001
    "С": ("S",),  # noqa: RUF001
    "Т": ("T",),  # noqa: RUF001
    "Ћ": ("C",),
    "У": ("U",),  # noqa: RUF001
    "Ў": ("U",),
    "Ү": ("U",),  # noqa: RUF001
    "Ф": ("F",),
    "Х": ("KH", "H"),  # noqa: RUF001
    "Ц": ("TS", "C", "TC"),
    "Ч": ("CH", "C"),
    "Џ": ("DZ", "DJ"),
    "Ш": ("SH", "S"),
    "Щ": ("SHCH", "SHT"),
    "Ъ": ("IE", "A", ""),
    "Ы": ("Y",),
    "Ь": ("", "Y"),  # noqa: RUF001
    "Э": ("E",),
    "Ю": ("IU", "YU"),
    "Я": ("IA", "YA"),
}

# Doc 9303 has no Greek; passports follow ELOT 743.
GREEK = {
    "Α": ("A",),  # noqa: RUF001
    "Β": ("V",),  # noqa: RUF001
    "Γ": ("G", "N"),
    "Δ": ("D",),
    "Ε": ("E",),  # noqa: RUF001
    "Ζ": ("Z",),  # noqa: RUF001
    "Η": ("I",),  # noqa: RUF001
    "Θ": ("TH",),
    "Ι": ("I",),  # noqa: RUF001
    "Κ": ("K",),  # noqa: RUF001
    "Λ": ("L",),
    "Μ": ("M",),  # noqa: RUF001
    "Ν": ("N",),  # noqa: RUF001
    "Ξ": ("X",),
    "Ο": ("O",),  # noqa: RUF001
    "Π": ("P",),
    "Ρ": ("R",),  # noqa: RUF001
    "Σ": ("S",),
    "Τ": ("T",),  # noqa: RUF001
    "Υ": ("Y", "U", "V", "F"),  # noqa: RUF001
    "Φ": ("F",),
    "Χ": ("CH",),  # noqa: RUF001
    "Ψ": ("PS",),
    "Ω": ("O",),
}
TABLE = LATIN | CYRILLIC | GREEK | {letter: (letter,) for letter in LETTERS}

BREAKS = " -\u2010\u2011\u2012\u2013.,/" + FILLER
"""What parts the words of a name: fillers in the zone, spaces and hyphens on the page."""

DROPPED = "'`\u2018\u2019\u02bc\u02bb\u00b4"
"""Apostrophes: a zone leaves them out (Doc 9303-3, 4.6)."""

MAYBE = (("AE", "A"), ("AA", "A"), ("OE", "O"), ("UE", "U"), ("UXX", "U"), ("NXX", "N"))
"""How one letter may stand in two zones; without the letter itself nobody can say that it is one."""

Element = tuple[str, ...]
GAP: Element = ("",)  # between two words


@dataclass(frozen=True, slots=True)
class Name:
    """The name field of a zone.

    Attributes:
        surname: Primary identifier, its words parted by spaces.
        given_names: Secondary identifier; empty where there is none.
        truncated: Whether it may have been cut, because it fills the field to the last character.
    """

    surname: str
    given_names: str
    truncated: bool


def split(field: str) -> Name:
    """The two parts of a name field (Doc 9303-3, 4.6)."""
    primary, _, secondary = field.lstrip(FILLER).partition(2 * FILLER)
    return Name(_words(primary), _words(secondary), bool(field) and not field.endswith(FILLER))


def join(surname: str, given_names: str, length: int) -> str | None:
    """A name field of a name.

    What is too long is cut as Doc 9303-4, 4.2.3 shows: words lose their ends, and the last character of the
    field is a letter, which says that something is missing.

    Args:
        surname: Primary identifier, in any script of the tables.
        given_names: Secondary identifier, or nothing.
        length: Of the field.

    Returns:
        The field with its fillers; None where a name can't be written.
    """
    parts = [transliterate(surname), transliterate(given_names)]
    if parts[0] is None or parts[1] is None or not parts[0]:
        return None
    words = [part.split(FILLER) for part in parts if part]
    if len(words) == 2:
        # A long surname leaves room for the parting fillers and one letter of a given name.
        while len(FILLER.join(words[0])) > length - 3:
            _shorten(words[0])
    while True:
        field = (2 * FILLER).join(FILLER.join(part) for part in words)
        if len(field) <= length:
            return field.ljust(length, FILLER)
        if field[length - 1] != FILLER:
            return field[:length]
        # Cut there, it would look whole: a word before makes room for one letter.
        _shorten(words[-1] if max(map(len, words[0])) == 1 else words[0])


def transliterate(name: str) -> str | None:
    """A name as a zone writes it, by the recommended letters, its words parted by fillers.

    Returns:
        None where it has a character that the tables don't.
    """
    elements = _elements(name)
    if elements is None:
        return None
    return "".join(FILLER if e is GAP else e[0] for e in elements)


def same_name(a: str, b: str, *, cut: tuple[bool, bool] = (False, False)) -> Likeness:
    """Whether two names, or parts of names, are the same.

    Spaces, hyphens and fillers don't count, nor does upper and lower case.

    Args:
        a: A name as a page, a chip or a zone has it.
        b: The other one.
        cut: Whether each of them may have been cut; its words then may be beginnings of the other's.

    Returns:
        ``"same"`` where some transliteration writes them alike; ``"not_comparable"`` where one is empty, has
        characters that the tables don't, or where two zones may or may not mean one letter (MULLER, MUELLER);
        else ``"differs"``.
    """
    first, second = _elements(a), _elements(b)
    if not first or not second:
        return "not_comparable"
    if _alike(first, second, cut):
        return "same"
    # One letter of the original, written by two choices of the table.
    loose = _alike(_loosely(first), second, cut) or _alike(first, _loosely(second), cut)
    return "not_comparable" if loose else "differs"


def _words(part: str) -> str:
    return " ".join(part.replace(FILLER, " ").split())


def _shorten(words: list[str]) -> None:
    """Take the last letter of the longest word, of the last one where several are as long."""
    longest = max(range(len(words)), key=lambda i: (len(words[i]), i))
    words[longest] = words[longest][:-1]
    if not words[longest]:
        del words[longest]


def _elements(name: str) -> list[Element] | None:
    """What each letter of a name may be written as, with one gap between words."""
    elements: list[Element] = []
    for character in unicodedata.normalize("NFC", name[:MOST]):
        if character in BREAKS or character.isspace():
            if elements and elements[-1] is not GAP:
                elements.append(GAP)
        elif character not in DROPPED and not unicodedata.category(character).startswith("M"):
            letters = _letters(character)
            if letters is None:
                return None
            if letters == [GREEK["Υ"]] and elements and elements[-1] is GREEK["Ο"]:  # noqa: RUF001
                letters = [("U", "Y")]
            elements += letters
    while elements and elements[-1] is GAP:
        elements.pop()
    return elements


def _letters(character: str) -> list[Element] | None:
    """What a character may be written as: one element, two for a ligature of plain letters."""
    if character in TABLE:
        return [TABLE[character]]
    upper = "ẞ" if character == "ß" else character.upper()
    if upper in TABLE:
        return [TABLE[upper]]
    plain = [part for part in unicodedata.normalize("NFKD", upper) if not unicodedata.combining(part)]
    if not plain or not all(part in TABLE for part in plain):
        return None
    return [TABLE[part] for part in plain]


def _loosely(elements: list[Element]) -> list[Element]:
    """The same name, every run of letters that may be one letter of the original taken for it."""
    text = "".join(FILLER if e is GAP else e[0] if len(e) == 1 else "?" for e in elements)
    if len(text) != len(elements):
        return elements
    loose: list[Element] = []
    position = 0
    while position < len(elements):
        run = next((pair for pair in MAYBE if text.startswith(pair[0], position)), None)
        loose.append(run or elements[position])
        position += len(run[0]) if run else 1
    return loose


def _alike(a: list[Element], b: list[Element], cut: tuple[bool, bool]) -> bool:
    """Whether some choice of letters writes both alike; words that were cut need only begin alike."""
    if not any(cut):
        return _begin_alike(a, b, cut)
    first, second = _split(a), _split(b)
    if (len(first) < len(second) and not cut[0]) or (len(second) < len(first) and not cut[1]):
        return False
    return all(_begin_alike(*words, cut) for words in zip(first, second, strict=False))


State = tuple[int, int, str, bool]


def _begin_alike(a: list[Element], b: list[Element], cut: tuple[bool, bool]) -> bool:
    """Whether some choice of letters writes both alike, as far as they go where they were cut.

    A state is how far each is used up, and what letters one of them is ahead by, with whether that is `a`.
    """
    seen: set[State] = set()
    waiting: list[State] = [(0, 0, "", True)]
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        i, j, ahead, is_a = state
        over = i == len(a) and not (ahead and is_a), j == len(b) and not (ahead and not is_a)
        if (over[0] and cut[0]) or (over[1] and cut[1]) or all(over):
            return True
        # The one that lags goes on; where none does, `a`, and after its end `b` for letters that are nothing.
        turn_of_a = i < len(a) if not ahead else not is_a
        behind, position = (a, i) if turn_of_a else (b, j)
        if position == len(behind):
            continue
        for letters in behind[position]:
            step = (i + 1, j) if turn_of_a else (i, j + 1)
            if letters.startswith(ahead):
                rest = letters[len(ahead) :]
                waiting.append((*step, rest, turn_of_a if rest else True))
            elif ahead.startswith(letters):
                waiting.append((*step, ahead[len(letters) :], is_a))
    return False


def _split(elements: list[Element]) -> list[list[Element]]:
    """The words of a name."""
    words: list[list[Element]] = [[]]
    for element in elements:
        if element is GAP:
            words.append([])
        else:
            words[-1].append(element)
    return words
