"""What people type to show who they are: passwords, codes in any digits; and what is said of them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from visavis.access.passwords import LEAST, MOST

if TYPE_CHECKING:
    from visavis.errors import AccessError
    from visavis.service.pages.forms import Form
    from visavis.service.pages.frame import Visit

MAX_CODE = 64


def password_of(form: Form, name: str) -> str:
    """A password as it was typed, with the spaces around it."""
    return form.fields.get(name, "")


def new_password(visit: Visit, form: Form) -> tuple[str, dict[str, str]]:
    """A password that was typed twice, and what is wrong with that, by field."""
    _ = visit.gettext
    password = password_of(form, "new")
    if len(password) < LEAST:
        return "", {
            "new": _("The password needs at least %(least)s characters.", least=_number(visit, LEAST))
        }
    if password != password_of(form, "again"):
        return "", {"again": _("These are two different passwords. Type the same one twice.")}
    return password, {}


def weak(visit: Visit, password: str) -> str:
    """What is wrong with a password that `access.passwords.refuse_weak` refused."""
    _ = visit.gettext
    if len(password) > MOST:
        return _("The password may have at most %(most)s characters.", most=_number(visit, MOST))
    return _(
        "Many would try this password: take words that only you think of, not your name, no rows of keys."
    )


def code_of(form: Form) -> str:
    """A code that was typed, in the digits of any script."""
    typed = form.text("code", MAX_CODE)
    digits = (unicodedata.decimal(each, None) for each in typed)
    return "".join(each if digit is None else str(digit) for each, digit in zip(typed, digits, strict=True))


def waiting(visit: Visit, error: AccessError) -> str:
    """What is said to somebody who has to wait before they may sign in."""
    _ = visit.gettext
    if error.code == "access.busy":
        told = _("Many people are signing in at the same time.")
    else:
        told = _("Signing in failed several times. So that nobody can guess on, the next try has to wait.")
    return f"{told} {visit.language.again(error.retry_after_s)}"


def headers_of(error: AccessError) -> dict[str, str]:
    """What a program is told of it."""
    return {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}


def _number(visit: Visit, number: int) -> str:
    return visit.language.number(number)
