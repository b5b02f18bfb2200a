"""Languages: who reads which, complete catalogues, dates and numbers."""

from __future__ import annotations

import io
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from tests.service.pages.conftest import csrf_of

import visavis.service.pages
from visavis.service.pages.languages import NAMES, SOURCE, Languages

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message
    from tests.service.pages.conftest import Browser

PAGES = Path(visavis.service.pages.__file__).parent
LOCALE = PAGES / "locale"
OTHERS = [tag for tag in NAMES if tag != SOURCE]
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|%%")


@pytest.fixture(scope="module")
def languages() -> Languages:
    return Languages()


def catalogue(tag: str | None) -> Catalog:
    file = LOCALE / "desk.pot" if tag is None else LOCALE / tag / "LC_MESSAGES" / "desk.po"
    return read_po(io.BytesIO(file.read_bytes()), locale=tag)


def said(message: Message) -> list[str]:
    """What a message is in another language: one text, or one for each kind of count."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ("",))


def ids(found: Catalog) -> set[object]:
    return {message.id for message in found if message.id}


# Catalogues


def test_the_template_of_the_catalogues_holds_all_texts_of_pages_and_code() -> None:
    with (LOCALE / "texts.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = {text for _, _, text, _, _ in extract_from_dir(str(PAGES), methods, options)}
    assert ids(catalogue(None)) == found, "run: make texts"


@pytest.mark.parametrize("tag", OTHERS)
def test_catalogues_are_complete(tag: str) -> None:
    found = catalogue(tag)
    assert ids(found) == ids(catalogue(None))
    assert [message.id for message in found if message.id and not all(said(message))] == []
    several = [message for message in found if message.pluralizable]
    assert [message.id for message in several if len(said(message)) != found.num_plurals] == []
    assert [message.id for message in found if message.id and message.fuzzy] == []


@pytest.mark.parametrize("tag", OTHERS)
def test_translations_say_the_same_placeholders(tag: str) -> None:
    for message in catalogue(tag):
        if not message.id or not message.string:
            continue
        texts = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = set(PLACEHOLDER.findall(texts[-1]))
        for each in filter(None, said(message)):
            # "one code", "two codes": a form for one count need not say it
            least = wanted - {"%(count)s"} if len(texts) > 1 else wanted
            assert least <= set(PLACEHOLDER.findall(each)) <= wanted, each
            assert "<" not in each


@pytest.mark.parametrize(("tag", "forms"), [("de", 2), ("fr", 3), ("es", 3), ("ar", 6)])
def test_plurals(tag: str, forms: int) -> None:
    assert catalogue(tag).num_plurals == forms  # CLDR; the third of French and Spanish is for millions


def test_a_count_has_the_form_that_goes_with_it(languages: Languages) -> None:
    arabic, german = languages.all["ar"], languages.all["de"]
    one, several = "%(count)s use", "%(count)s uses"
    said = [
        arabic.ngettext(one, several, count).replace(arabic.number(count), "n") for count in (1, 2, 3, 11)
    ]
    assert len(set(said)) == 4
    assert german.ngettext(one, several, 1) != german.ngettext(one, several, 2).replace("2", "1")


# Who reads which


def test_the_browser_says_it_where_nobody_else_does(languages: Languages) -> None:
    for accepted, tag in (
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.1, fr", "fr"),
        ("pl, es;q=0.5, ar;q=0.6", "ar"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("pl", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=x", "en"),
        ("de;q=nan", "en"),
        ("\x00;;;,,,=", "en"),
        ("de," * 10_000, "de"),
    ):
        assert languages.chosen(None, accepted=accepted).tag == tag, accepted


def test_wishes_go_before_in_their_order(languages: Languages) -> None:
    assert languages.chosen("fr", "es", accepted="de").tag == "fr"
    assert languages.chosen(None, "es", accepted="de").tag == "es"
    assert languages.chosen("xx", "../de", accepted="de").tag == "de"


def test_a_browser_keeps_the_language_that_was_chosen(desk: Browser) -> None:
    german = {"Accept-Language": "de"}
    assert '<html lang="de" dir="ltr">' in desk.get("/desk/sign-in", headers=german).text
    desk.post("/desk/language", {"language": "ar", "back": "/desk/sign-in"})
    assert '<html lang="ar" dir="rtl">' in desk.get("/desk/sign-in", headers=german).text
    desk.post("/desk/language", {"language": "xx"})
    assert '<html lang="ar" dir="rtl">' in desk.get("/desk/sign-in", headers=german).text


def test_a_user_keeps_it_in_every_browser(desk: Browser) -> None:
    user = desk.sign_in("clerk")
    desk.post("/desk/language", {"language": "fr"}, page="/desk/")
    assert desk.accounts.users.get(user.id).language == "fr"
    other = desk.another()
    other.http.headers["Accept-Language"] = "de"
    other.sign_in("clerk")
    assert '<html lang="fr"' in other.get("/desk/").text


def test_what_is_said_is_in_the_language_of_whoever_reads_it(desk: Browser) -> None:
    answer = desk.get("/desk/nothing", headers={"Accept-Language": "de"})
    assert '<html lang="de"' in answer.text
    assert "There is nothing here" not in answer.text


def test_the_menu_names_each_language_in_itself_and_needs_no_script(desk: Browser) -> None:
    page = desk.get("/desk/sign-in?back=/desk/account").text
    for tag, name in NAMES.items():
        assert re.search(rf'<button name="language" value="{tag}" lang="{tag}"[^>]*>{name}</button>', page)
    answer = desk.http.post(
        "/desk/language", data={"csrf": csrf_of(page), "language": "de", "back": "/desk/account"}
    )
    assert answer.headers["location"] == "/desk/account"


# Dates and numbers, as CLDR has them


def test_numbers_and_waits(languages: Languages) -> None:
    german, english = languages.all["de"], languages.all["en"]
    assert german.number(1234567.5, 2) == "1.234.567,50"
    assert english.number(1234567.5, 2) == "1,234,567.50"
    assert english.percent(0.125, 1) == "12.5%"
    assert german.wait(61) == "2 Minuten"
    assert english.wait(1) == "1 second"
    assert english.wait(59) == "59 seconds"
    assert english.wait(3600) == "1 hour"
    assert english.wait(5400) == "2 hours"
    assert [english.span(count, "hour") for count in (1, 1.5, 24)] == ["1 hour", "1.5 hours", "24 hours"]
    assert german.span(30, "minute") == "30 Minuten"
    arabic = languages.all["ar"]  # six forms of a unit
    assert [arabic.span(count, "hour") for count in (1, 2, 3, 24, 100)] == [
        "ساعة",
        "ساعتان",
        "3 ساعات",
        "24 ساعة",
        "100 ساعة",
    ]
    assert english.again(None) == english.again("soon") == "Try again in a moment."


def test_dates(languages: Languages) -> None:
    moment = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
    assert languages.all["de"].date(moment) == "14. März 2026"
    assert languages.all["es"].date(moment) == "14 de marzo de 2026"
    assert languages.all["en"].date(moment) == "14 March 2026"
    assert languages.all["en"].listed(["a", "b", "c"]) == "a, b and c"
    assert languages.all["es"].listed(["a", "b"]) == "a y b"


@pytest.mark.parametrize(
    ("zone", "german", "arabic"),
    [
        ("UTC0", "14. März 2026, 12:00 UTC", "14 مارس 2026، 12:00 UTC"),  # a comma of its own
        ("EAST-5:30", "14. März 2026, 17:30 UTC+05:30", "14 مارس 2026، 17:30 UTC+05:30"),
        ("WEST13", "13. März 2026, 23:00 UTC-13:00", "13 مارس 2026، 23:00 UTC-13:00"),
    ],
)
def test_times(
    languages: Languages, monkeypatch: pytest.MonkeyPatch, zone: str, german: str, arabic: str
) -> None:
    moment = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        try:
            assert languages.all["de"].time(moment) == german
            assert languages.all["ar"].time(moment) == arabic
        finally:
            patched.undo()
            time.tzset()
