"""TwiML: what a call says and listens for, as Twilio's XML. A pure rendering, no decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from ivr.dialogue.call import Call, Line
from ivr.dialogue.filing import FACT, OnRecord
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Ask, End, Menu, Pick, Tell, Transfer
from ivr.phone_numbers import can_be_called_back
from ivr.prompts.catalogue import Catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.prompts.speech import Part, Spelled

Lines = Sequence[tuple[str, Mapping[str, str]]]

KEY_SECONDS: Final = 6  # after the prompt, for one key
DIGIT_SECONDS: Final = 10  # between the digits of a long entry (domain section 5)
DIAL_SECONDS: Final = 30
AGENT: Final = "agent"  # in a URL: a person, for a caller whose call cannot be read
ON_RECORD: Final = "reported"  # in a URL: whether a report is on record, an OnRecord


@dataclass(frozen=True)
class Voice:
    """Renders calls with one catalogue, for one deployment's URLs and agents' number."""

    catalogue: Catalogue
    url_prefix: str
    agent_number: str
    own_number: str

    def render(self, call: Call) -> str:
        """The answer to a turn: says, asks, and where the next request goes."""
        response = VoiceResponse()
        self._say_all(response, [line for line in call.said if not line.asked], call)
        step = FLOW[call.step]
        url = self.next_url(call)
        match step:
            case Menu() | Pick() | Ask():
                self._listen(response, call, url)
            case Tell():
                response.redirect(url, method="POST")
            case Transfer():
                self._dial(response, call.caller, action=url)
            case End():
                response.hangup()
            case _:
                raise TypeError(f"a turn cannot end at {call.step}")
        return str(response)

    def say_only(
        self, said: Sequence[tuple[LanguageCode, Lines]], *, offers_person: bool = False
    ) -> str:
        """Says the lines of each language and hangs up: for when no call can be read.

        `offers_person`: key 0 still leads to one, because a transfer needs no records.
        """
        response = VoiceResponse()
        verb: TwiML = response
        if offers_person:
            verb = Gather(
                input="dtmf", action=f"{self.url_prefix}/voice/{AGENT}", method="POST",
                num_digits=1, finish_on_key="", timeout=KEY_SECONDS,
            )  # fmt: skip
        for language, lines in said:
            for prompt, values in lines:
                self._say(verb, prompt, values, language, slow=False)
        if offers_person:
            response.append(verb)
        response.hangup()
        return str(response)

    def put_through(self, caller: str) -> str:
        """Puts a caller through to a person, without a call's record."""
        response = VoiceResponse()
        self._dial(response, caller)
        response.hangup()
        return str(response)

    def hang_up(self) -> str:
        """Ends a call without a word."""
        response = VoiceResponse()
        response.hangup()
        return str(response)

    def _dial(self, response: VoiceResponse, caller: str, **options: str) -> None:
        """The person sees who calls. A number that no network accepts (`anonymous`, also in its
        digits, a SIP address) would have the transfer rejected with error 13214: ours is shown in
        its place.
        """
        shown = caller if can_be_called_back(caller) else self.own_number
        response.dial(
            self.agent_number, caller_id=shown, method="POST", timeout=DIAL_SECONDS, **options
        )

    def next_url(self, call: Call) -> str:
        """Root-relative, so that it works behind any proxy. It holds the language, and whether a
        report is on record, because the stored call may be unreadable in the next turn.
        """
        on_record = call.facts.get(FACT, OnRecord.NO)
        reported = f"&{ON_RECORD}={on_record}" if on_record else ""
        where = f"{self.url_prefix}/voice/{call.step}"
        return f"{where}?turn={call.turn}&lang={call.language}{reported}"

    def _listen(self, response: VoiceResponse, call: Call, url: str) -> None:
        step = FLOW[call.step]
        if isinstance(step, Ask):
            wanted = {
                "num_digits": step.digits,
                "finish_on_key": "#",
                "timeout": DIGIT_SECONDS,
                "action_on_empty_result": True,  # a lone late # is told apart from silence
            }
        else:  # no finishing key: a late # arrives as a key and is passed over
            wanted = {"num_digits": 1, "finish_on_key": "", "timeout": KEY_SECONDS}
        gather = Gather(input="dtmf", action=url, method="POST", **wanted)
        self._say_all(gather, [line for line in call.said if line.asked], call)
        response.append(gather)
        # Silence ends a Gather without a request: the same URL without Digits tells us.
        response.redirect(url, method="POST")

    def _say_all(self, verb: TwiML, lines: list[Line], call: Call) -> None:
        step = FLOW[call.step]
        for_all = isinstance(step, Menu) and step.in_every_language
        languages = list(LANGUAGES) if for_all else [call.language]
        for line in lines:
            for language in languages:
                values = {**call.facts, **line.values}
                self._say(verb, line.prompt, values, language, slow=call.tries > 0)

    def _say(
        self,
        verb: TwiML,
        prompt: str,
        values: Mapping[str, str],
        language: LanguageCode,
        *,
        slow: bool,
    ) -> None:
        row = LANGUAGES[language]
        say = Say(language=row.tag, voice=row.voice)
        inner = say
        if slow:
            inner = say.prosody(rate="slow")
        for part in self.catalogue.say(prompt, values, language):
            _add(inner, part)
        verb.append(say)


def _add(say: Say, part: Part) -> None:
    if isinstance(part, Spelled):
        say.sub(part.shown, alias=part.alias)
    else:
        say.append(part)
