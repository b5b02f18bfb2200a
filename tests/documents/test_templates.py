from __future__ import annotations

from typing import Any

import jinja2
import pytest

from visavis.decision.verdict import Reason
from visavis.documents import words
from visavis.documents.templates import templates


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("visavis.documents", "document.html"),
        ("visavis.report", "verdict.html"),
        ("visavis.report", "crosscheck.html"),
        ("visavis.report", "sections.html"),  # shared
    ],
)
def test_a_room_finds_its_own_and_what_is_shared(room: str, name: str) -> None:
    assert templates(room).get_template(name).name == name


@pytest.mark.parametrize("name", ["verdict.html", "nothing.html", ""])
def test_a_room_finds_nothing_of_others(name: str) -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        templates("visavis.documents").get_template(name)


def test_what_is_written_stays_text() -> None:
    section: Any = templates("visavis.report").get_template("sections.html").module
    html = section.missing("<b>", [("<i>", "<u>")])
    assert all(f"&lt;{letter}&gt;" in html for letter in "biu")
    reason = Reason("code", "document", "<i> is wrong", decisive=True)
    html = section.reasons([reason], words)
    assert "<b>Reason:</b> &lt;i&gt; is wrong." in html
    assert section.reasons([], words) == ""
