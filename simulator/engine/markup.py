"""TwiML as Twilio reads it: an HTTP answer becomes a tree of elements, or a fatal fault.

Source: twilio.com/docs/voice/twiml, and the "Error and Warning Dictionary" (see faults.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from .faults import FaultError

LARGEST_DOCUMENT = 64 * 1024
DEEPEST_NESTING = 50  # TwiML needs five levels; walking a tree must not exhaust the stack
_LONGEST_NUMBER = 9  # digits; no second or count of a call needs more
_TWIML_TYPES = ("text/xml", "application/xml", "text/html")


@dataclass(frozen=True)
class Element:
    """One element: attributes as written, text and child elements in document order."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    content: "tuple[Element | str, ...]" = ()
    line: int = 0

    @property
    def children(self) -> "Iterator[Element]":
        return (part for part in self.content if isinstance(part, Element))

    @property
    def own_text(self) -> str:
        """Text directly inside this element, without that of its children."""
        return "".join(part for part in self.content if isinstance(part, str)).strip()

    def whole(self, name: str, default: int) -> int:
        """A whole-number attribute. A value that is no number counts as absent; checks.py warns."""
        return whole_number(self.attributes.get(name, ""), default)

    def is_true(self, name: str, default: bool = False) -> bool:
        return self.attributes.get(name, str(default)).strip().lower() == "true"

    def method(self, name: str = "method") -> str:
        """GET or POST; POST when absent or invalid."""
        return "GET" if self.attributes.get(name, "").strip().upper() == "GET" else "POST"


def whole_number(text: str, default: int) -> int:
    """Decimal digits as a number; anything else, or a number beyond all use, is the default."""
    digits = text.strip()
    usable = digits.isascii() and digits.isdigit()
    significant = digits.lstrip("0") or "0"
    return int(significant) if usable and len(significant) <= _LONGEST_NUMBER else default


def read_answer(content_type: str, body: bytes, url: str = "") -> Element:
    """The `<Response>` in an HTTP answer. Plain words are one that says them, a sound one that
    plays it.

    Raises FaultError: 11770 empty, 11750 over 64 kB, 12300 content type, 12100 malformed XML or
    leading white space, 12102 another root.
    """
    if not body:
        raise FaultError(11770, "the answer has no body", url)
    kind = media_type(content_type)
    if kind.startswith("audio/"):
        return _one_verb("Play", url)
    if len(body) > LARGEST_DOCUMENT:
        raise FaultError(11750, f"{len(body)} bytes, at most {LARGEST_DOCUMENT} are read", url)
    if kind == "text/plain":
        return _words(content_type, body, url)
    if kind not in _TWIML_TYPES:
        raise FaultError(12300, f"{content_type or 'no Content-Type'} is not text/xml", url)
    return _twiml(body, url)


def media_type(content_type: str) -> str:
    """`text/xml` of `Text/XML; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def _words(content_type: str, body: bytes, url: str) -> Element:
    """ "text/plain is read out (TwiML if it is valid)"."""
    try:
        return _twiml(body, url)
    except FaultError:
        pass
    charset = re.search(r"""charset=["']?([\w-]+)""", content_type, re.I)
    try:
        words = body.decode(charset[1] if charset else "utf-8", "replace")
    except (LookupError, ValueError):  # no such encoding, or none for text
        words = body.decode("utf-8", "replace")
    return _one_verb("Say", words)


def _one_verb(name: str, text: str) -> Element:
    return Element("Response", {}, (Element(name, {}, (text,)),))


def _twiml(body: bytes, url: str) -> Element:
    root = parse(body, url)
    if root.name != "Response":
        raise FaultError(12102, f"the root element is <{root.name}>", url)
    return root


def parse(body: bytes, url: str = "") -> Element:
    """Any XML as a tree; FaultError 12100, where there is one with line and column, if it is
    malformed, nested too deep or in an encoding that expat does not read.
    """
    if body[:1].isspace():
        raise FaultError(12100, "white space before the XML declaration", url)
    builder = _Builder()
    try:
        return builder.build(body)
    # Of an encoding it does not know expat says so with ValueError or LookupError.
    except (expat.ExpatError, ValueError, LookupError, _UnusableError) as error:
        raise FaultError(12100, str(error), url) from error


class _UnusableError(Exception):
    """Sound XML that is no TwiML."""


class _Builder:
    """Feeds expat (which knows line numbers) and keeps a stack of the open elements."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open_elements: list[tuple[str, dict[str, str], list[Element | str], int]] = []
        self._root = Element("")

    def build(self, body: bytes) -> Element:
        self._parser.Parse(body, True)
        return self._root

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open_elements) == DEEPEST_NESTING:
            raise _UnusableError(f"more than {DEEPEST_NESTING} elements inside one another")
        self._open_elements.append((name, attributes, [], self._parser.CurrentLineNumber))

    def _close(self, _name: str) -> None:
        name, attributes, content, line = self._open_elements.pop()
        element = Element(name, attributes, tuple(content), line)
        if self._open_elements:
            self._open_elements[-1][2].append(element)
        else:
            self._root = element

    def _text(self, text: str) -> None:
        if self._open_elements:
            self._open_elements[-1][2].append(text)

    def _doctype(self, *_declaration: object) -> None:
        # Entities could make a small document enormous; no TwiML needs them.
        raise _UnusableError("a document type declaration is not TwiML")
