"""What a calibration may hold: each value is looked at before anything is computed from it.

Operators' calibrations come from files that anybody may have written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from visavis.errors import PackError

LONGEST_NAME = 100  # what stands in one line of a report
LONGEST_TEXT = 4000
LEAST_RATE = 1e-15  # nobody has the comparisons that would show a smaller one


def damaged(what: str, *, found: str | None = None, expected: str | None = None) -> PackError:
    """What to raise where a calibration can't be one."""
    return PackError(
        "calibration.damaged", f"a calibration is damaged: {what}", found=found, expected=expected
    )


def number(name: str, value: object, low: float, high: float, *, above: bool = False) -> None:
    """Refuse what isn't a finite number from `low` (or, with `above`, from just above it) to `high`."""
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if fits and (low < cast("float", value) <= high or (value == low and not above)):
        return
    limits = f"a number {'above' if above else 'from'} {low:g} up to {high:g}"
    raise damaged(name, found=shown(value), expected=limits)


def count(name: str, value: object, least: int = 0) -> None:
    """Refuse what isn't a whole number from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**53:
        raise damaged(name, found=shown(value), expected=f"a whole number from {least}")


def text(name: str, value: object, longest: int = LONGEST_NAME) -> None:
    """Refuse what isn't one line of printable text: it will stand in reports and on terminals."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise damaged(name, found=shown(value), expected=f"a line of at most {longest} printable characters")


def one_of(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse what isn't one of the `choices`."""
    if value not in choices:
        raise damaged(name, found=shown(value), expected=" or ".join(choices))


def record(name: str, value: object, keys: Sequence[str]) -> Mapping[str, object]:
    """A JSON object with exactly these keys."""
    if not isinstance(value, Mapping):
        raise damaged(name, found=shown(value), expected=f"an object with {', '.join(keys)}")
    for key in keys:
        if key not in value:
            raise damaged(f"{name} lacks {key}")
    for key in value:
        if key not in keys:
            raise damaged(f"{name} has more than it should", found=shown(key), expected=", ".join(keys))
    return value


def array(name: str, value: object, length: int | None = None) -> Sequence[object]:
    """A JSON array, of this length where one is given."""
    if not isinstance(value, list | tuple) or length not in (None, len(value)):
        limits = "an array" if length is None else f"an array of {length}"
        raise damaged(name, found=shown(value), expected=limits)
    return value


def shown(value: object) -> str:
    """A value nobody vouches for, in one short printable line."""
    if value is None or isinstance(value, str | float | bool):
        told = ascii(value)
        return told if len(told) <= 60 else f"{told[:60]}..."
    if isinstance(value, int) and abs(value) < 2**53:
        return str(value)
    if isinstance(value, list | tuple | Mapping):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
