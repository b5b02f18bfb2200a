"""The languages of the desk: what it says in each, which one somebody reads, how dates and numbers look.

Texts stand in English in templates and code; ``locale/<tag>/LC_MESSAGES/desk.po`` says what they are in
another language. The catalogues are read as translators leave them; nothing is compiled beforehand.
"""

from __future__ import annotations

import gettext
import io
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import babel
from babel import dates, lists, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

SOURCE = "en"
NAMES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "ar": "العربية",
}
"""By its tag: what a language calls itself."""
LOCALES: Mapping[str, str] = {"en": "en_001"}
"""By its tag: how a language writes dates and numbers, where its own way is that of one country."""
DOMAIN = "desk"
MOST_RANGES = 32
"""Languages of an Accept-Language that are looked at."""


def marked(text: str) -> str:
    """Marks a text for the catalogues, as `_`; it is said in a language when somebody reads it."""
    return text


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        tag: As HTML calls it (BCP 47).
        name: What it calls itself.
        locale: How it writes dates and numbers.
        texts: What is said in it.
    """

    tag: str
    name: str
    locale: babel.Locale
    texts: gettext.NullTranslations

    @property
    def direction(self) -> str:
        """``"ltr"`` or ``"rtl"``."""
        return self.locale.text_direction

    def gettext(self, text: str, **values: object) -> str:
        """A text in this language; ``%(name)s`` in it is replaced by the value of that name."""
        said = self.texts.gettext(text)
        return said % values if values else said

    def ngettext(self, one: str, several: str, count: int, **values: object) -> str:
        """A text that depends on a count; ``%(count)s`` in it is the count, as it is written here."""
        return self.texts.ngettext(one, several, count) % {"count": self.number(count), **values}

    def number(self, value: float, digits: int | None = None) -> str:
        """A number as it is written here.

        Args:
            value: The number.
            digits: Digits after the point; None for as many as it has, up to three.
        """
        form = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return numbers.format_decimal(value, format=form, locale=self.locale).replace("-", "\N{MINUS SIGN}")

    def percent(self, share: float, digits: int = 0) -> str:
        """A share of 1 in percent."""
        form = str(self.locale.percent_formats[None].pattern)
        if digits:
            form = form.replace("0", "0." + "0" * digits, 1)
        return numbers.format_percent(share, format=form, locale=self.locale)

    def date(self, moment: datetime) -> str:
        """The day of a moment, where the service stands."""
        return dates.format_date(moment.astimezone(), "long", locale=self.locale)

    def time(self, moment: datetime) -> str:
        """A moment to the minute, where the service stands, with its distance from UTC."""
        here = moment.astimezone()
        form = "HH:mm 'UTC'xxx" if here.utcoffset() else "HH:mm 'UTC'"
        clock = dates.format_time(here, form, locale=self.locale)
        both = str(dates.get_datetime_format("medium", self.locale)).replace("'", "")
        return both.replace("{0}", clock).replace("{1}", self.date(here))

    def listed(self, names: Iterable[str]) -> str:
        """Names one after the other: ``"this, that and another"``."""
        return lists.format_list(list(names), locale=self.locale)

    def wait(self, seconds: int) -> str:
        """A time to wait, rounded up: ``"2 minutes"``."""
        whole = seconds if seconds < 60 else -(-seconds // 60) * 60
        unit = "second" if seconds < 60 else "minute" if seconds < 3600 else "hour"
        size = {"second": 1, "minute": 60, "hour": 3600}[unit]
        return units.format_unit(-(-whole // size), f"duration-{unit}", locale=self.locale)

    def span(self, count: float, unit: Literal["day", "hour", "minute"]) -> str:
        """A length of time with its unit, in the form that goes with the number: ``"24 hours"``.

        It stands by itself, as in a table; for what a sentence bends, there is `ngettext`.
        """
        return units.format_unit(count, f"duration-{unit}", locale=self.locale)

    def again(self, seconds: str | int | None) -> str:
        """When to try again, in a sentence.

        Args:
            seconds: After how many, as Retry-After says it; None where nobody knows.
        """
        _, told = self.gettext, str(seconds)
        if not (told.isascii() and told.isdigit()):
            return _("Try again in a moment.")
        return _("Try again in %(time)s.", time=self.wait(int(told)))


class Languages:
    """All of them, read once."""

    def __init__(self, catalogues: Any = None) -> None:
        """Read the catalogues.

        Args:
            catalogues: The folder; by default the one that ships.
        """
        folder = catalogues or resources.files("visavis.service.pages") / "locale"
        self.all: Mapping[str, Language] = {
            tag: Language(tag, name, babel.Locale.parse(LOCALES.get(tag, tag)), _texts(folder, tag))
            for tag, name in NAMES.items()
        }

    @property
    def source(self) -> Language:
        """That of the code."""
        return self.all[SOURCE]

    def chosen(self, *wishes: str | None, accepted: str | None = None) -> Language:
        """The language that somebody reads.

        Args:
            wishes: Tags, the most important one first; None, or one that isn't there, says nothing.
            accepted: What the browser's Accept-Language says, where no wish does.
        """
        for wish in wishes:
            if wish is not None and wish in self.all:
                return self.all[wish]
        for tag in _ranges(accepted or ""):
            if tag in self.all:
                return self.all[tag]
        return self.source


def _texts(folder: Any, tag: str) -> gettext.NullTranslations:
    if tag == SOURCE:
        return gettext.NullTranslations()
    file = folder / tag / "LC_MESSAGES" / f"{DOMAIN}.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=tag))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _ranges(accepted: str) -> list[str]:
    """The languages of an Accept-Language (RFC 9110, section 12.5.4), without regions, the best first."""
    found: list[tuple[float, int, str]] = []
    for part in accepted[:1000].split(",")[:MOST_RANGES]:
        tag, _, weight = part.strip().partition(";")
        name, _, value = weight.strip().partition("=")
        try:
            quality = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if 0 < quality <= 1:
            found.append((-quality, len(found), tag.strip().partition("-")[0].lower()))
    return [tag for _, _, tag in sorted(found)]
