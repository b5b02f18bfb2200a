"""Biometric records as XML: the patron format of ISO/IEC 19785-3, second edition, with MOSIP's additions.

The root is one record (BIR) that holds others. MOSIP's own element is ``Others`` with an ``entry`` for each
text. Elements of other namespaces, and those that nobody here knows, are carried on.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import TYPE_CHECKING, Any, cast

from visavis.records import moments, xml_tree
from visavis.records.cbeff import (
    PARTS,
    BiometricRecord,
    Bir,
    Count,
    damaged,
    name_of,
    shown,
    unwritable,
    xml_name_of,
)
from visavis.records.xml_tree import Attribute, Element

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from visavis.records.cbeff import Part

NAMESPACE = "http://standards.iso.org/iso-iec/19785/-3/ed-2/"


def read_bir(data: bytes) -> Bir:
    """A record from a document.

    Raises:
        RecordError: `record.damaged`: it isn't well formed, holds a document type, an entity or a processing
            instruction, or something in it isn't as it should be; `record.too_large`: it is over a limit.
    """
    root = xml_tree.read(data)
    if (root.namespace, root.local) != (NAMESPACE, "BIR"):
        raise damaged("", f"an element {shown(root.name)}", f"BIR of {NAMESPACE}")
    return cast("Bir", _read_class(Bir, root, "BIR", 0, Count()))


def write_bir(bir: Bir) -> bytes:
    """A record as a document.

    Raises:
        RecordError: `record.field`: something can't be written.
    """
    return xml_tree.write(_write_class(bir, "BIR", ""))


def record_of(bir: Bir) -> BiometricRecord:
    """A document's record as MOSIP sends it in JSON: its segments are the records within it, or it alone."""
    if bir.bdb is not None or not bir.birs:
        return BiometricRecord(bir.version, bir.cbeff_version, None, (bir,))
    return BiometricRecord(bir.version, bir.cbeff_version, bir.info, bir.birs, bir.others)


def _read_class(kind: type, element: Element, where: str, level: int, count: Count) -> Any:
    if kind is Bir:
        count.enter(level, where)
    found: dict[str, list[Element]] = {}
    for child in element.elements():
        if child.namespace == NAMESPACE:
            found.setdefault(child.local, []).append(child)
    values: dict[str, Any] = {}
    for part in PARTS[kind]:
        children = found.get(part.element, [])
        inside = f"{where}/{part.element}"
        if len(children) > 1 and not part.several:
            raise damaged(inside, f"{len(children)} of them", "one")
        if not children:
            continue
        if isinstance(part.kind, str):
            values[part.name] = _read_value(part.kind, children[0], inside)
        elif part.several:
            values[part.name] = tuple(
                _read_class(part.kind, child, f"{inside}[{number}]", level + 1, count)
                for number, child in enumerate(children)
            )
        else:
            values[part.name] = _read_class(part.kind, children[0], inside, level, count)
    return kind(**values, as_received=element)


def _read_value(kind: str, element: Element, where: str) -> Any:
    try:
        return _entries(element) if kind == "map" else READ[kind](element.text())
    except ValueError as error:
        raise damaged(where, str(error)) from None


def _write_class(thing: Any, where: str, name: str) -> Element:
    """What it was read from, with what was changed since; `name` where it is made anew, or nothing."""
    parts = {part.element: part for part in PARTS[type(thing)]}
    given = thing.as_received if isinstance(thing.as_received, Element) else None
    if given is None:
        given = Element(
            name or "BIR", NAMESPACE, () if name else (Attribute("xmlns", xml_tree.XMLNS, NAMESPACE),)
        )
    prefix = f"{given.prefix}:" if given.prefix else ""
    # Values in the order in which they are to be written, by their elements' names.
    left = {part.element: _values(thing, part) for part in PARTS[type(thing)]}
    children: list[Element | str] = []
    for child in given.children:
        if isinstance(child, str) or child.namespace != NAMESPACE or child.local not in parts:
            children.append(child)
        elif left[child.local]:
            value = left[child.local].pop(0)
            children.append(_written(value, parts[child.local], child, f"{where}/{child.local}", prefix))
    for part in PARTS[type(thing)]:
        for value in left[part.element]:
            new = _written(value, part, None, f"{where}/{part.element}", prefix)
            children.insert(_place(children, part, list(parts)), new)
    return Element(given.name, given.namespace, given.attributes, tuple(children))


def _values(thing: Any, part: Part) -> list[Any]:
    value = getattr(thing, part.name)
    if part.several:
        return list(value)
    # An empty list is written where there was one, which `_written` sees by its element.
    empty = value is None or (value in ((), {}) and not _had(thing, part))
    return [] if empty else [value]


def _had(thing: Any, part: Part) -> bool:
    given = thing.as_received
    return isinstance(given, Element) and any(
        child.namespace == NAMESPACE and child.local == part.element for child in given.elements()
    )


def _place(children: list[Element | str], part: Part, order: list[str]) -> int:
    """Where an element belongs: behind all that come before it in the schema, or are as it is."""
    before = set(order[: order.index(part.element) + 1])
    places = [
        number
        for number, child in enumerate(children)
        if isinstance(child, Element) and child.namespace == NAMESPACE and child.local in before
    ]
    return places[-1] + 1 if places else 0


def _written(value: Any, part: Part, given: Element | None, where: str, prefix: str) -> Element:
    name = prefix + part.element
    if not isinstance(part.kind, str):
        return _write_class(value, where, name)
    if given is not None and _read_value(part.kind, given, where) == value:
        return given
    if given is not None:
        name = given.name
    attributes = given.attributes if given is not None else ()
    try:
        children = tuple(_entry_elements(value, prefix)) if part.kind == "map" else (WRITE[part.kind](value),)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise unwritable(where, str(error)[:60]) from None
    return Element(name, NAMESPACE, attributes, children)


# Values


def _entries(element: Element) -> dict[str, str | None]:
    entries: dict[str, str | None] = {}
    for child in element.elements():
        if child.namespace != NAMESPACE or child.local != "entry":
            continue
        keys = [each.value for each in child.attributes if each.name == "key"]
        if not keys or keys[0] in entries:
            raise ValueError("an entry without a key of its own")
        entries[keys[0]] = child.text()
    return entries


def _entry_elements(value: dict[str, str | None], prefix: str) -> Iterator[Element]:
    for key, text in value.items():
        yield Element(
            f"{prefix}entry", NAMESPACE, (Attribute("key", "", key),), () if text is None else (text,)
        )


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text.strip()):
        raise ValueError("no whole number")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()):
        raise ValueError("no number")
    return float(text) if "." in text else int(text)


def _flag(text: str) -> bool:
    found = {"true": True, "1": True, "false": False, "0": False}.get(text.strip())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"[ \t\r\n]+", "", text).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("text that isn't base64") from None


def _write_number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("a number that isn't finite")
    return str(value)


READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "whole": _whole,
    "number": _number,
    "flag": _flag,
    "octets": _octets,
    "moment": moments.read_text,
    "name": name_of,
    "names": lambda text: tuple(name_of(each) for each in text.split()),
    "texts": lambda text: tuple(text.split()),
}

WRITE: dict[str, Callable[[Any], str]] = {
    "text": str,
    "whole": str,
    "number": _write_number,
    "flag": lambda value: "true" if value else "false",
    "octets": lambda value: base64.b64encode(value).decode("ascii"),
    "moment": moments.write_text,
    "name": xml_name_of,
    "names": lambda value: " ".join(xml_name_of(each) for each in value),
    "texts": " ".join,
}
