"""XML that nobody trusts as a tree, and a tree as XML: the small part of XML that records need.

Document types, entities and processing instructions are refused by the parser's own handlers before anything
of them takes effect; nothing is ever fetched. Prefixes and white space are kept, so that a tree is written
with the canonical form (Canonical XML 1.1) that it was read with; comments are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.parsers import expat

from visavis.records.cbeff import damaged, too_large, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_XML = 16 * 2**20
"""Bytes of a document. MOSIP's with all of a person's blocks have 2 to 5 MB."""

MAX_ELEMENTS = 20_000
"""Elements, comments included. A record has about 30."""

MAX_EQUALS = 20_000
"""Signs of equality, which stand in attributes: MOSIP's documents have a few for each record."""

MAX_DEPTH = 32
"""Elements in one another. Records at the deepest level that is allowed have twelve."""

XML = "http://www.w3.org/XML/1998/namespace"
XMLNS = "http://www.w3.org/2000/xmlns/"

# What no XML may hold, escaped or not (XML 1.0, 2.2).
ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, declarations of namespaces included; `name` is as written."""

    name: str
    namespace: str
    value: str


@dataclass(frozen=True, slots=True)
class Element:
    """An element.

    Attributes:
        name: As written, with its prefix.
        namespace: Which one that is; empty for none.
        attributes: In the order in which they stand.
        children: Elements and the texts between them.
    """

    name: str
    namespace: str
    attributes: tuple[Attribute, ...] = ()
    children: tuple[Element | str, ...] = ()

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        """The prefix, or nothing."""
        return self.name.rpartition(":")[0]

    def elements(self) -> Iterator[Element]:
        """Its children without the texts."""
        return (child for child in self.children if isinstance(child, Element))

    def text(self) -> str:
        """Its text, where it has nothing else; `ValueError` where it has."""
        if any(isinstance(child, Element) for child in self.children):
            raise ValueError("elements where a text belongs")
        return "".join(child for child in self.children if isinstance(child, str))


def read(data: bytes) -> Element:
    """The root of a document in UTF-8.

    Raises:
        RecordError: `record.too_large`, or `record.damaged`: it isn't well formed, or holds what is refused.
    """
    if len(data) > MAX_XML:
        raise too_large(f"{len(data)} bytes", f"at most {MAX_XML}")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise damaged("", "bytes that aren't text in UTF-8") from None
    if b"\0" in data:  # the parser would take it for UTF-16
        raise damaged("", "a byte of zero", "text in UTF-8")
    # Counted before they are parsed: each costs a hundred times its bytes.
    if data.count(b"<") > 2 * MAX_ELEMENTS:
        raise too_large("too many elements", f"at most {MAX_ELEMENTS}")
    if data.count(b"=") > MAX_EQUALS:
        raise too_large("too many attributes", f"at most {MAX_EQUALS}")
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        told = f"{expat.ErrorString(error.code)} in line {error.lineno}"
        raise damaged("", told, "XML without a document type") from None
    return builder.root()


class _Builder:
    """The handlers of one parser, and what they made so far."""

    def __init__(self) -> None:
        # Named here, the encoding is UTF-8; a declaration that says otherwise is refused.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.buffer_size = 2**16
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = _Refusal("a document type")
        self.parser.EntityDeclHandler = _Refusal("an entity")
        self.parser.ExternalEntityRefHandler = _Refusal("an external entity")
        self.parser.SkippedEntityHandler = _Refusal("an entity")
        self.parser.ProcessingInstructionHandler = _Refusal("a processing instruction")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        # Name, attributes and children of each open element, outermost first, with the document around them.
        self.open: list[tuple[str, list[Attribute], list[Element | str]]] = [("", [], [])]
        self.scopes: list[dict[str, str]] = [{"": "", "xml": XML, "xmlns": XMLNS}]

    def root(self) -> Element:
        """The outermost element."""
        return next(child for child in self.open[0][2] if isinstance(child, Element))

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002
        if version != "1.0" or (encoding or "utf-8").lower() not in ("utf-8", "utf8"):
            raise damaged("", "another version or encoding", "XML 1.0 in UTF-8")

    def _start(self, name: str, flat: list[str]) -> None:
        if len(self.open) > MAX_DEPTH:
            raise too_large(f"more than {MAX_DEPTH} elements in one another", f"at most {MAX_DEPTH}")
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        scope = self.scopes[-1]
        declared = {_declared(key): value for key, value in pairs if _is_declaration(key)}
        if declared:
            if any(
                (prefix and not value) or prefix in ("xml", "xmlns") for prefix, value in declared.items()
            ):
                raise damaged("", "a namespace that can't be declared")
            scope = scope | declared
        self.scopes.append(scope)
        attributes = [
            Attribute(key, self._namespace(key, scope, attribute=True), value) for key, value in pairs
        ]
        if len({(each.namespace, each.name.rpartition(":")[2]) for each in attributes}) < len(attributes):
            raise damaged("", "an attribute that stands twice")
        self._namespace(name, scope)
        self.open.append((name, attributes, []))

    def _end(self, name: str) -> None:
        _, attributes, children = self.open.pop()
        namespace = self._namespace(name, self.scopes.pop())
        self.open[-1][2].append(Element(name, namespace, tuple(attributes), tuple(children)))

    def _text(self, text: str) -> None:
        children = self.open[-1][2]
        if children and isinstance(children[-1], str):  # a comment stood between them
            children[-1] += text
        else:
            children.append(text)

    @staticmethod
    def _namespace(name: str, scope: Mapping[str, str], *, attribute: bool = False) -> str:
        prefix, colon, local = name.rpartition(":")
        if name.count(":") > 1 or (colon and not (prefix and local)):
            raise damaged("", "a name with colons where none belong")
        if attribute and not colon:
            return XMLNS if name == "xmlns" else ""
        if prefix not in scope:
            raise damaged("", "a prefix that isn't declared")
        return scope[prefix]


class _Refusal:
    """A handler of the parser that refuses what it is called for."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __call__(self, *_: object) -> int:
        raise damaged("", self.what, "XML without document types, entities and processing instructions")


def _is_declaration(name: str) -> bool:
    return name == "xmlns" or name.startswith("xmlns:")


def _declared(name: str) -> str:
    """The prefix that a declaration is for."""
    return name.partition(":")[2]


def write(root: Element) -> bytes:
    """A document in UTF-8.

    Raises:
        RecordError: `record.field`: a text holds what XML can't.
    """
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(root, {"": "", "xml": XML, "xmlns": XMLNS}, out)
    return "".join(out).encode("utf-8")


def _write(element: Element, scope: Mapping[str, str], out: list[str]) -> None:
    attributes = list(element.attributes)
    inner = {**scope, **{_declared(each.name): each.value for each in attributes if each.namespace == XMLNS}}
    # An element that was read elsewhere may have prefixes that aren't declared here.
    needed = {element.prefix: element.namespace}
    needed |= {
        prefix: each.namespace for each in attributes if (prefix := each.name.rpartition(":")[0]) != ""
    }
    for prefix, namespace in needed.items():
        if inner.get(prefix) != namespace:
            name = f"xmlns:{prefix}" if prefix else "xmlns"
            attributes.append(Attribute(name, XMLNS, namespace))
            inner[prefix] = namespace
    out.append(f"<{element.name}")
    out += [f' {each.name}="{_escaped(each.value, quoted=True)}"' for each in attributes]
    if not element.children:
        out.append("/>")
        return
    out.append(">")
    for child in element.children:
        if isinstance(child, str):
            out.append(_escaped(child))
        else:
            _write(child, inner, out)
    out.append(f"</{element.name}>")


def _escaped(text: str, *, quoted: bool = False) -> str:
    if illegal := ILLEGAL.search(text):
        raise unwritable("a text", f"the character {illegal[0]!a}", "what XML allows")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    if quoted:
        text = text.replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return text
