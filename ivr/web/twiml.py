"""TwiML: what a call says and listens for, as Twilio's XML. A pure rendering, no decisions.

The XML is twilio's library's, which writes each prompt and each kind of answer once, with marks
where a call's own words and values go. Only they are put in later.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from ivr.dialogue.call import Call, Line
from ivr.dialogue.filing import FACT, OnRecord
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Ask, End, Menu, Pick, Tell, Transfer
from ivr.phone_numbers import can_be_called_back
from ivr.prompts.catalogue import Catalogue, Placeholder, Template, spoken
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.phrases import hints_at
from ivr.prompts.speech import Part, Spelled
from ivr.web.played import Played

Lines = Sequence[tuple[str, Mapping[str, str]]]

KEY_SECONDS: Final = 6  # after the prompt, for one key
DIGIT_SECONDS: Final = 10  # between the digits of a long entry (domain section 5)
DIAL_SECONDS: Final = 30
AGENT: Final = "agent"  # in a URL: a person, for a caller whose call cannot be read
WHISPER: Final = "whisper"  # in a URL: what the person hears first
TAKE: Final = "take"  # in a URL: the person's key
ON_RECORD: Final = "reported"  # in a URL: whether a report is on record, an OnRecord

# Marks: characters of private use, of which no prompt has any.
_MARK: Final = re.compile("([\ue000-\uf8ff])")
_TOLD, _ASKED, _URL, _ACTION, _CALLER, _WHISPER = "\ue000\ue001\ue002\ue003\ue004\ue005"
_IN_ATTRIBUTES: Final = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#09;"}


@dataclass(frozen=True)
class Voice:
    """Renders calls with one catalogue, for one deployment's URLs and agents' number.

    `played`: the recorded voices, which win over synthesis.
    """

    catalogue: Catalogue
    url_prefix: str
    agent_number: str
    own_number: str
    played: Played | None = None
    hears: bool = False  # the engine recognises speech

    def render(self, call: Call) -> str:
        """The answer to a turn: says, asks, and where the next request goes."""
        told = self._say_all([line for line in call.said if not line.asked], call)
        asked = self._say_all([line for line in call.said if line.asked], call)
        url = self.next_url(call)
        values = {_TOLD: told, _ASKED: asked, _URL: escape(url), _ACTION: _attribute(url)}
        if isinstance(FLOW[call.step], Transfer):
            values[_CALLER] = _attribute(self._shown(call.caller))
            values[_WHISPER] = _attribute(self._whisper_url(call.sid))
        heard = call.language if self.hears else ""
        return _filled(_outline(call.step, self.agent_number, heard, asks=asked != ""), values)

    def say_only(
        self, said: Sequence[tuple[LanguageCode, Lines]], *, offers_person: bool = False
    ) -> str:
        """Says the lines of each language and hangs up: for when no call can be read.

        `offers_person`: key 0 still leads to one, because a transfer needs no records.
        """
        told = "".join(
            self._say(prompt, values, language, slow=False)
            for language, lines in said
            for prompt, values in lines
        )
        response = VoiceResponse()
        verb: TwiML = response
        if offers_person:
            verb = Gather(
                input="dtmf", action=f"{self.url_prefix}/voice/{AGENT}", method="POST",
                num_digits=1, finish_on_key="", timeout=KEY_SECONDS,
            )  # fmt: skip
            response.append(verb)
        verb.append(_TOLD)
        response.hangup()
        return _filled(_pieces(response), {_TOLD: told})

    def put_through(self, caller: str, call_id: str) -> str:
        """Puts a caller through to a person, without a call's record."""
        response = VoiceResponse()
        _dial(response, self.agent_number, self._shown(caller), self._whisper_url(call_id))
        response.hangup()
        return str(response)

    def whisper(self, call: Call | None) -> str:
        """Tells the person who waits, in the first language; a key takes the call. Nobody is
        put through to a voicemail.
        """
        staff = next(iter(LANGUAGES))
        said = [self._say(prompt, values, staff, slow=False) for prompt, values in whispered(call)]
        response = VoiceResponse()
        gather = Gather(
            input="dtmf", action=f"{self.url_prefix}/voice/{TAKE}", method="POST",
            num_digits=1, finish_on_key="", timeout=KEY_SECONDS,
        )  # fmt: skip
        gather.append(_TOLD)
        response.append(gather)
        response.hangup()
        return _filled(_pieces(response), {_TOLD: "".join(said)})

    def connect(self) -> str:
        """The end of a whisper: whoever waits is put through."""
        return str(VoiceResponse())

    def _whisper_url(self, call_id: str) -> str:
        return f"{self.url_prefix}/voice/{WHISPER}?of={quote(call_id, safe='')}"

    def hang_up(self) -> str:
        """Ends a call without a word."""
        response = VoiceResponse()
        response.hangup()
        return str(response)

    def _shown(self, caller: str) -> str:
        """The person sees who calls. A number that no network accepts (`anonymous`, also in its
        digits, a SIP address) would have the transfer rejected with error 13214: ours is shown in
        its place.
        """
        return caller if can_be_called_back(caller) else self.own_number

    def next_url(self, call: Call) -> str:
        """Root-relative, so that it works behind any proxy. It holds the language, and whether a
        report is on record, because the stored call may be unreadable in the next turn.
        """
        on_record = call.facts.get(FACT, OnRecord.NO)
        reported = f"&{ON_RECORD}={on_record}" if on_record else ""
        where = f"{self.url_prefix}/voice/{call.step}"
        return f"{where}?turn={call.turn}&lang={call.language}{reported}"

    def _say_all(self, lines: Iterable[Line], call: Call) -> str:
        step = FLOW[call.step]
        for_all = isinstance(step, Menu) and step.in_every_language
        languages = list(LANGUAGES) if for_all else [call.language]
        slow = call.slow or call.tries > 0
        return "".join(
            self._say(line.prompt, {**call.facts, **line.values}, language, slow=slow)
            for line in lines
            for language in languages
        )

    def _say(
        self, prompt: str, values: Mapping[str, str], language: LanguageCode, *, slow: bool
    ) -> str:
        if self.played:
            return self.played.heard(prompt, values, language, partial(_says, slow=slow))
        written = _written(self.catalogue.prompts[prompt][language], language, slow=slow)
        return "".join(
            piece if isinstance(piece, str) else _spoken(piece, values, language)
            for piece in written
        )


@cache
def _outline(
    step_name: str, agent_number: str, heard: LanguageCode, *, asks: bool
) -> Sequence[str]:
    """The answer at a step. heard: the language that is listened to, if any. asks: whether anything
    is said that a key cuts short.
    """
    response = VoiceResponse()
    response.append(_TOLD)
    match step := FLOW[step_name]:
        case Menu() | Pick() | Ask():
            is_heard = heard and not isinstance(step, Ask)  # ID numbers stay on keys
            speech = _speech(step_name, heard) if is_heard else {}
            _listen(response, step, _ASKED if asks else "", speech)
        case Tell():
            response.redirect(_URL, method="POST")
        case Transfer():
            _dial(response, agent_number, _CALLER, _WHISPER, action=_ACTION)
        case End():
            response.hangup()
        case _:
            raise TypeError(f"a turn cannot end at {step_name}")
    return _pieces(response)


def _speech(step_name: str, language: LanguageCode) -> dict[str, str]:
    """How a Gather listens for words too. Whole seconds: `auto` draws warning 13335."""
    if not hints_at(step_name, language):
        return {}
    return {
        "input": "dtmf speech",
        "language": LANGUAGES[language].heard_as,
        "hints": hints_at(step_name, language),
        "speech_timeout": "1",
    }


def _listen(
    response: VoiceResponse, step: Menu | Pick | Ask, asked: str, speech: Mapping[str, str]
) -> None:
    if isinstance(step, Ask):
        wanted = {
            "num_digits": step.digits,
            "finish_on_key": "#",
            "timeout": DIGIT_SECONDS,
            "action_on_empty_result": True,  # a lone late # is told apart from silence
        }
    else:  # no finishing key: a late # arrives as a key and is passed over
        wanted = {"num_digits": 1, "finish_on_key": "", "timeout": KEY_SECONDS}
    gather = Gather(**{"input": "dtmf", **speech}, action=_ACTION, method="POST", **wanted)
    gather.append(asked)
    response.append(gather)
    # Silence ends a Gather without a request: the same URL without Digits tells us.
    response.redirect(_URL, method="POST")


def _dial(response: VoiceResponse, number: str, shown: str, whisper: str, **options: str) -> None:
    dial = response.dial(caller_id=shown, method="POST", timeout=DIAL_SECONDS, **options)
    dial.number(number, url=whisper, method="POST")


def whispered(call: Call | None) -> Lines:
    """What a person is told of who waits; of a call nobody can read, that it is there."""
    told: list[tuple[str, Mapping[str, str]]] = [("whisper_call", {})]
    if call is not None:
        facts = call.facts
        told.append(("whisper_language", {"language": LANGUAGES[call.language].called}))
        told += [(facts["topic"], {})] if facts.get("topic") else []
        told += [("whisper_id", facts)] if facts.get("last4") else []
        told += [("whisper_report", facts)] if facts.get("report_number") else []
    return [*told, ("whisper_take", {})]


@cache
def _written(template: Template, language: LanguageCode, *, slow: bool) -> Template:
    """A prompt's Say: pieces of XML, and the placeholders between them."""
    row = LANGUAGES[language]
    say = Say(language=row.tag, voice=row.voice)
    marks = {chr(0xE000 + place): part for place, part in enumerate(template)}
    text = "".join(part if isinstance(part, str) else mark for mark, part in marks.items())
    (say.prosody(rate="slow") if slow else say).append(text)
    return tuple(_always(marks.get(piece, piece), language) for piece in _pieces(say))


def _always(part: str | Placeholder, language: LanguageCode) -> str | Placeholder:
    """What is the same in every call is put in at once."""
    if isinstance(part, str) or not part.value:
        return part
    return _spoken(part, {}, language)


def _spoken(place: Placeholder, values: Mapping[str, str], language: LanguageCode) -> str:
    return _xml(spoken(place, values, language))


def _xml(parts: Iterable[Part]) -> str:
    return "".join(
        _filled(_SPELLED, {_TOLD: escape(part.shown), _ACTION: _attribute(part.alias)})
        if isinstance(part, Spelled)
        else escape(part)
        for part in parts
    )


def _says(parts: Iterable[Part], language: LanguageCode, *, slow: bool) -> str:
    """A Say of what no recording says."""
    written = _written((_ANYTHING,), language, slow=slow)
    return "".join(piece if isinstance(piece, str) else _xml(parts) for piece in written)


def _pieces(verb: TwiML) -> Sequence[str]:
    """The XML that twilio's library writes, each mark in it a piece of its own."""
    return _MARK.split(verb.to_xml(xml_declaration=isinstance(verb, VoiceResponse)))


def _filled(pieces: Iterable[str], values: Mapping[str, str]) -> str:
    """The XML again. No value is ever searched for marks."""
    return "".join([values.get(piece, piece) for piece in pieces])


def _attribute(value: str) -> str:
    return escape(value, _IN_ATTRIBUTES)


_ANYTHING: Final = Placeholder("said", "text")
_SPELLED: Final = _pieces(Say().sub(_TOLD, alias=_ACTION))
