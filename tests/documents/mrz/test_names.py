from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.documents.mrz.names import CYRILLIC, GREEK, LATIN, Name, join, same_name, split, transliterate


@pytest.mark.parametrize(
    ("field", "name"),
    [
        # Doc 9303-3, 4.6, and Doc 9303-4, 4.2.3
        ("ERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", Name("ERIKSSON", "ANNA MARIA", False)),
        ("VAN<DER<MUELLEN<<CORNELIA<MARIA<<<<<<<<", Name("VAN DER MUELLEN", "CORNELIA MARIA", False)),
        ("ARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<", Name("ARKFREITH", "", False)),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", Name("NILAVADHANANANDA", "CHAYAPA DEJTHAMRONG K", True)),
        ("PAPANDROPOULOUS<<JONATHON<ALEXANDER<<<<", Name("PAPANDROPOULOUS", "JONATHON ALEXANDER", False)),
        ("<<", Name("", "", False)),
        ("", Name("", "", False)),
    ],
)
def test_published_names_are_split(field: str, name: Name) -> None:
    assert split(field) == name


@pytest.mark.parametrize(
    ("surname", "given_names", "field"),
    [
        ("Eriksson", "Anna Maria", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
        ("Nilavadhanananda", "Chayapa Dejthamrong Krasuang", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"),
        ("Smith-Jones", "Susie Margaret", "SMITH<JONES<<SUSIE<MARGARET<<<<<<<<<<<<"),
        ("O'Connor", "Enya Siobhan", "OCONNOR<<ENYA<SIOBHAN<<<<<<<<<<<<<<<<<<"),
        ("Arkfreith", "", "ARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"),
        # 39 characters would end with a filler and look whole: the longest word makes room.
        ("A" * 20, "B" * 16 + " CD", "A" * 19 + "<<" + "B" * 16 + "<C"),
        ("A" * 50, "Bo", "A" * 36 + "<<B"),
        ("A" * 50, "", "A" * 39),
    ],
)
def test_names_are_joined_and_cut(surname: str, given_names: str, field: str) -> None:
    assert join(surname, given_names, 39) == field


@pytest.mark.parametrize("surname", ["", "-", "山田", "Louis XIV 2", "محمد"])
def test_what_cannot_be_written(surname: str) -> None:
    assert join(surname, "Anna", 39) is None


WORDS = st.lists(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12), min_size=1, max_size=20)


@given(WORDS, WORDS, st.sampled_from([30, 31, 39]))
def test_a_name_field_is_full_and_says_when_it_is_cut(
    surname: list[str], given_names: list[str], length: int
) -> None:
    words = " ".join(surname), " ".join(given_names)
    field = join(*words, length)
    assert field is not None
    assert len(field) == length
    name = split(field)
    if len(words[0]) + 2 + len(words[1]) < length:
        assert (name.surname, name.given_names, name.truncated) == (*words, False)
    assert same_name(words[0], name.surname, cut=(False, True)) == "same"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        # Doc 9303-3, section 6, table A
        ("Ä Å Æ Ð Ø Ñ ß Þ Ł Đ Œ Ĳ", "AE<AA<AE<D<OE<N<SS<TH<L<D<OE<IJ"),
        ("Çelik-Şahin İnce ığdır", "CELIK<SAHIN<INCE<IGDIR"),  # noqa: RUF001
        ("Vô Danh Đào", "VO<DANH<DAO"),
        # Table B
        ("Щукарь Юлия", "SHCHUKAR<IULIIA"),
        ("Горбачёв", "GORBACHEV"),
        # ELOT 743
        ("Παπαδόπουλος", "PAPADOPOULOS"),
        ("L’Inconnu, Zoé.", "LINCONNU<ZOE"),
        ("ﬁnn", "FINN"),
        ("", ""),
        ("王", None),
        ("A1", None),
    ],
)
def test_transliteration(name: str, written: str | None) -> None:
    assert transliterate(name) == written
    assert transliterate(unicodedata.normalize("NFD", name)) == written


@pytest.mark.parametrize(
    ("a", "b", "likeness"),
    [
        ("Eriksson", "ERIKSSON", "same"),
        ("Müller", "MUELLER", "same"),
        ("Müller", "MULLER", "same"),
        ("Müller", "MUXXLLER", "same"),
        ("Müller", "MILLER", "differs"),
        ("Mueller", "Müller", "same"),
        ("MUELLER", "MULLER", "not_comparable"),
        ("Begoña Ñandez", "BEGONXXA<NANDEZ", "same"),
        ("Weiß", "WEISS", "same"),
        ("Weiß", "WEIS", "differs"),
        ("Åse Bjørn", "AASE<BJOERN", "same"),
        ("Åse Bjørn", "ASE<BJORN", "same"),
        ("Þórsdóttir", "THORSDOTTIR", "same"),
        ("Нигдеев", "NIGDEEV", "same"),
        ("Юрий", "IURII", "same"),
        ("Юрий", "YURIY", "same"),
        ("Юрий", "YURI", "differs"),
        ("Олександр", "ALEXANDER", "differs"),
        ("Жељко", "ZELJKO", "same"),
        ("Горбачёв", "GORBACHEV", "same"),
        ("Горбачёв", "GORBACHYOV", "same"),
        ("d'Artagnan", "DARTAGNAN", "same"),
        ("Smith-Jones", "SMITH<JONES", "same"),
        ("Anna Maria", "ANNAMARIA", "same"),
        ("Anna Maria", "ANNA", "differs"),
        ("Anna", "ANNA<MARIA", "differs"),
        ("Anna Maria", "MARIA ANNA", "differs"),
        ("", "ANNA", "not_comparable"),
        ("山田", "YAMADA", "not_comparable"),
        ("-", "ANNA", "not_comparable"),
    ],
)
def test_same_name(a: str, b: str, likeness: str) -> None:
    assert same_name(a, b) == likeness
    assert same_name(b, a) == likeness


@pytest.mark.parametrize(
    ("whole", "cut", "likeness"),
    [
        ("Chayapa Dejthamrong Krasuang", "CHAYAPA DEJTHAMRONG K", "same"),
        ("Chayapa Dejthamrong Krasuang", "CHAYAPA", "same"),
        ("Chayapa Dejthamrong Krasuang", "C D K", "same"),
        ("Chayapa Dejthamrong Krasuang", "CHAYAPA K", "differs"),
        ("Chayapa", "CHAYAPA DEJ", "differs"),
        ("Бенжамин Юрий", "BENZHAMIN I", "same"),
    ],
)
def test_a_cut_name_may_begin_another(whole: str, cut: str, likeness: str) -> None:
    assert same_name(whole, cut, cut=(False, True)) == likeness
    assert same_name(cut, whole, cut=(True, False)) == likeness


@given(st.text(max_size=300), st.text(max_size=300), st.booleans(), st.booleans())
def test_no_text_harms(a: str, b: str, cut_a: bool, cut_b: bool) -> None:
    assert same_name(a, b, cut=(cut_a, cut_b)) in ("same", "differs", "not_comparable")
    written = transliterate(a)
    assert written is None or set(written) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ<")


@given(st.text(sorted({*LATIN, *CYRILLIC, *GREEK, *"ABCXYZ "}), min_size=1, max_size=30))
def test_what_is_written_is_the_same_name(name: str) -> None:
    written = transliterate(name)
    assert written is not None
    assert same_name(name, written) == ("same" if written.strip("<") else "not_comparable")


def test_a_long_row_of_choices_ends() -> None:
    assert same_name("Ü" * 200, "U" * 200) == "same"
    assert same_name("Ü" * 200, "UE" * 99 + "UX") == "differs"
    assert same_name("Ъ" * 200, "IEA" * 60, cut=(True, True)) == "same"


def test_the_tables_write_letters_that_a_zone_has() -> None:
    for table in (LATIN, CYRILLIC, GREEK):
        for letter, written in table.items():
            assert len(letter) == 1
            assert all(set(choice) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for choice in written)
