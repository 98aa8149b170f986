"""Which TwiML elements and attributes exist, and what may stand in what.

Nothing is listed by hand: the method signatures of the official `twilio` package are the list.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twilio.twiml import TwiML, lower_camel
from twilio.twiml.voice_response import VoiceResponse

_NOT_ELEMENTS = {"append", "nest", "add_child", "to_xml", "xml"}


@dataclass(frozen=True)
class Noun:
    """An element as it may appear below one particular parent."""

    attributes: frozenset[str]
    twiml_class: type[TwiML]


_KNOWN: dict[type[TwiML], Mapping[str, Noun]] = {}


def allowed_in(twiml_class: type[TwiML] = VoiceResponse) -> Mapping[str, Noun]:
    """Elements allowed directly inside `twiml_class` (default: inside `<Response>`), by name."""
    if twiml_class not in _KNOWN:
        _KNOWN[twiml_class] = _read(twiml_class)
    return _KNOWN[twiml_class]


def _read(twiml_class: type[TwiML]) -> Mapping[str, Noun]:
    parent = twiml_class(**_required(twiml_class))
    return dict(_noun(parent, method) for method in _element_methods(twiml_class))


def _element_methods(twiml_class: type[TwiML]) -> Iterator[str]:
    for name, _method in inspect.getmembers(twiml_class, inspect.isfunction):
        if not name.startswith("_") and name not in _NOT_ELEMENTS:
            yield name


def _noun(parent: TwiML, method_name: str) -> tuple[str, Noun]:
    method: Any = getattr(parent, method_name)
    child = method(**_required(method))
    content = set(inspect.signature(type(child)).parameters)
    named = [n for n, p in inspect.signature(method).parameters.items() if _is_named(p)]
    attributes = frozenset(_attribute(n) for n in named if n not in content)
    return child.name, Noun(attributes, type(child))


def _attribute(parameter: str) -> str:
    """`finish_on_key` -> `finishOnKey`, `xml_lang` -> `xml:lang`, as the package itself does."""
    camel: Any = lower_camel
    return str(camel(TwiML.MAP.get(parameter, parameter)))


def _required(target: Any) -> dict[str, str]:
    parameters = inspect.signature(target).parameters.items()
    return {n: "x" for n, p in parameters if _is_named(p) and p.default is inspect.Parameter.empty}


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind is not inspect.Parameter.VAR_KEYWORD
