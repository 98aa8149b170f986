"""What Twilio's debugger would say about a document that can be read: every warning at once.

12200 for unknown verbs, attributes and nesting; 13xxx and 14xxx for values out of range.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from twilio.twiml import TwiML
from twilio.twiml.voice_response import VoiceResponse

from .faults import Fault
from .markup import Element
from .speech import heard_text
from .vocabulary import Noun, allowed_in

_WHOLE = r"0*[0-9]{1,9}"  # as `whole_number` reads them
_POSITIVE = r"0*[1-9][0-9]{0,8}"
_METHOD = r"GET|POST"
_BOOLEAN = r"true|false"
_VALUES: dict[tuple[str, str], tuple[int, str]] = {
    ("Gather", "method"): (13312, _METHOD),
    ("Gather", "timeout"): (13313, _POSITIVE),
    ("Gather", "numDigits"): (13314, _POSITIVE),
    ("Gather", "input"): (13326, r"dtmf|speech|dtmf speech|speech dtmf"),
    ("Gather", "speechTimeout"): (13327, _POSITIVE + r"|auto"),
    ("Gather", "bargeIn"): (13332, _BOOLEAN),
    ("Gather", "profanityFilter"): (13333, _BOOLEAN),
    ("Gather", "actionOnEmptyResult"): (13338, _BOOLEAN),
    ("Say", "loop"): (13510, _WHOLE),
    ("Play", "loop"): (13410, _WHOLE),
    ("Play", "digits"): (13430, r"[0-9*#wW]+"),
    ("Pause", "length"): (13910, _POSITIVE),
    ("Redirect", "method"): (13710, _METHOD),
    ("Reject", "reason"): (13810, r"rejected|busy"),
    ("Dial", "method"): (13210, _METHOD),
    ("Dial", "timeout"): (13212, _POSITIVE),
    ("Dial", "hangupOnStar"): (13213, _BOOLEAN),
    ("Dial", "timeLimit"): (13216, _POSITIVE),
    ("Record", "method"): (13610, _METHOD),
    ("Record", "timeout"): (13611, _WHOLE),
    ("Record", "maxLength"): (13612, _POSITIVE),
    ("Record", "finishOnKey"): (13613, r"[0-9*#]*"),
    ("Record", "playBeep"): (13616, _BOOLEAN),
    ("Enqueue", "method"): (14201, _METHOD),
    ("Enqueue", "waitUrlMethod"): (14206, _METHOD),
}
# "Nested: Say, Play, Pause only (13320)"; Dial has its own code too, all else is 12200.
_NESTING_CODES = {"Gather": 13320, "Dial": 13215}
_GATHER_SAY_CODES = {13510: 13322, 13511: 13321}

_VOICE = re.compile(r"man|woman|alice|(?:Polly|Google)\.[\w-]+")
_MANDARIN_VOICE = re.compile(
    r"Polly\.Zhiyu(?:-Neural)?|Google\.cmn-CN-(?:Standard-[A-D]|Wavenet-[A-D]|Chirp3-HD-\w+)"
)
# Error 13521: basic voices 4096 characters, Polly 3000, Google 5000, URL-encoded text 4500.
_LONGEST_TEXT = {"Polly": 3000, "Google": 5000}
_LONGEST_BASIC_TEXT = 4096
_LONGEST_ENCODED_TEXT = 4500
_LONGEST_QUEUE_NAME = 64
LONGEST_TRANSCRIBED = 120  # seconds


def faults_in(root: Element, url: str = "") -> list[Fault]:
    """All warnings for a `<Response>`, in document order."""
    return [Fault(code, detail, url) for code, detail in _check(root, VoiceResponse)]


def _check(element: Element, twiml_class: type[TwiML]) -> Iterator[tuple[int, str]]:
    allowed = allowed_in(twiml_class)
    if element.name == "Response" and element.own_text:
        yield 12200, f"text outside a verb: {element.own_text[:40]!r}"
    for child in element.children:
        noun = allowed.get(child.name)
        if noun is None:
            code = _NESTING_CODES.get(element.name, 12200)
            yield code, f"line {child.line}: <{child.name}> inside <{element.name}>"
            continue
        if element.name == "Gather" and child.name == "Play" and "digits" in child.attributes:
            yield 12200, f"line {child.line}: <Play digits> inside <Gather>"
        yield from _check_attributes(child, noun)
        yield from _relabelled(_check_values(child), element)
        yield from _check(child, noun.twiml_class)


def _relabelled(faults: Iterator[tuple[int, str]], parent: Element) -> Iterator[tuple[int, str]]:
    for code, detail in faults:
        in_gather = parent.name == "Gather"
        yield (_GATHER_SAY_CODES.get(code, code) if in_gather else code), detail


def _check_attributes(element: Element, noun: Noun) -> Iterator[tuple[int, str]]:
    for name in element.attributes:
        if name not in noun.attributes:
            yield 12200, f"line {element.line}: <{element.name}> has no attribute {name!r}"


def _check_values(element: Element) -> Iterator[tuple[int, str]]:
    for name, value in element.attributes.items():
        code, pattern = _VALUES.get((element.name, name), (0, ""))
        if code and not re.fullmatch(pattern, value):
            yield code, f"line {element.line}: {name}={value!r}"
    if element.name == "Gather":
        yield from _check_finish_key(element)
        yield from _check_speech(element)
    elif element.name == "Say":
        yield from _check_voice(element)
        yield from _check_text(element)
    elif element.name == "Record":
        yield from _check_length(element)
    elif element.name == "Enqueue":
        yield from _check_queue_name(element)


def _check_finish_key(gather: Element) -> Iterator[tuple[int, str]]:
    key = gather.attributes.get("finishOnKey", "#")
    if not re.fullmatch(r"[0-9*#]*", key):
        yield 13310, f"line {gather.line}: finishOnKey={key!r} is none of 0-9 # *"
    elif len(key) > 1:
        yield 13311, f"line {gather.line}: finishOnKey={key!r} is more than one key"


def _check_speech(gather: Element) -> Iterator[tuple[int, str]]:
    """ "Mandarin is cmn-Hans-CN here (cmn-CN in Say), not with phone_call or experimental models;
    speechTimeout=auto with a speechModel warns".
    """
    told = gather.attributes
    language, model = told.get("language", ""), told.get("speechModel", "")
    if language == "cmn-CN":
        yield 13331, f"line {gather.line}: language={language!r}, cmn-Hans-CN in a Gather"
    if language == "cmn-Hans-CN" and model.startswith(("phone_call", "experimental")):
        yield 13334, f"line {gather.line}: speechModel={model!r} with language={language!r}"
    if told.get("speechTimeout") == "auto" and model:
        yield 13335, f"line {gather.line}: speechTimeout='auto' with speechModel={model!r}"


def _check_voice(say: Element) -> Iterator[tuple[int, str]]:
    voice, language = say.attributes.get("voice"), say.attributes.get("language")
    if voice is None:
        return
    known = _MANDARIN_VOICE if language == "cmn-CN" else _VOICE
    if not known.fullmatch(voice):
        yield 13511, f"line {say.line}: voice={voice!r} with language={language!r}"


def _check_text(say: Element) -> Iterator[tuple[int, str]]:
    text = heard_text(say)
    provider = say.attributes.get("voice", "").partition(".")[0]
    longest = _LONGEST_TEXT.get(provider, _LONGEST_BASIC_TEXT)
    encoded = len(quote(text))
    if not text:
        yield 13520, f"line {say.line}: nothing to say"
    elif len(text) > longest:
        yield 13521, f"line {say.line}: {len(text)} characters, at most {longest}"
    elif encoded > _LONGEST_ENCODED_TEXT:
        yield 13521, f"line {say.line}: {encoded} characters URL-encoded, at most 4500"


def _check_length(record: Element) -> Iterator[tuple[int, str]]:
    length = record.whole("maxLength", 0)
    if record.is_true("transcribe") and length > LONGEST_TRANSCRIBED:
        yield 13615, f"line {record.line}: {length} seconds, at most {LONGEST_TRANSCRIBED}"


def _check_queue_name(enqueue: Element) -> Iterator[tuple[int, str]]:
    name = enqueue.own_text
    if not name and "workflowSid" not in enqueue.attributes:
        yield 14204, f"line {enqueue.line}: no queue name"
    elif len(name) > _LONGEST_QUEUE_NAME:
        yield 14205, f"line {enqueue.line}: {len(name)} characters, at most {_LONGEST_QUEUE_NAME}"
