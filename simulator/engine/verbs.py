"""What each verb starts: an activity that takes time, or what comes next at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .activity import Activity, AddEvent, Continue, Finish, Goto, LeaveQueue, Transition
from .clock import NEVER
from .dial import Dialling, Leaves, Recording, Whispering, after_dial, nouns_of, wrong_with
from .faults import VERB_NOT_PLAYED, Fault, FaultError
from .gather import Gathering, GatherSettings
from .markup import Element
from .phone_line import PhoneLine
from .play import Playback, Playing, segments
from .rules import BUSY, FarEnd, Rules
from .vocabulary import allowed_in
from .waiting import Queued

_FOUR_HOURS = 4 * 3600


@dataclass(frozen=True)
class VerbContext:
    """The call as a verb sees it at the moment it starts."""

    now: float
    answered: bool
    line: PhoneLine
    caller: str
    rules: Rules
    far_end: Callable[[str], FarEnd]
    absolute: Callable[[str], str]
    tell: AddEvent
    report: Callable[[Fault], None]
    audio_seconds: Callable[[str], float]
    whisper: Callable[[str, str, str, Goto], Whispering]  # call id, shown, number, document

    def url(self, verb: Element, attribute: str = "action") -> str:
        return self.absolute(verb.attributes.get(attribute, ""))

    def fetches(self, url: str) -> tuple[str, float] | None:
        """A recording. One that cannot be had ends the document; what is no audio is passed over.

        Raises:
            FaultError: 11200.
        """
        try:
            return self.rules.said_by(self.absolute(url)), self.audio_seconds(self.absolute(url))
        except FaultError as error:
            if error.fault.code != 13420:
                raise
            self.report(error.fault)
            return None

    def fetches_for_gather(self, url: str) -> tuple[str, float] | None:
        """The same inside a Gather, which listens all the same: 13325."""
        try:
            return self.rules.said_by(self.absolute(url)), self.audio_seconds(self.absolute(url))
        except FaultError as error:
            self.report(Fault(13325, error.fault.detail, error.fault.url))
            return None


Begun = Activity | Transition | Queued


def begin(verb: Element, context: VerbContext) -> Begun:
    """Starts one verb. Unknown verbs are skipped: "12200 (a warning, the call goes on)"."""
    starter = _STARTERS.get(verb.name)
    if starter:
        return starter(verb, context)
    if verb.name in allowed_in():
        context.report(Fault(VERB_NOT_PLAYED, f"<{verb.name}>"))
    return Continue()


def _sound(verb: Element, context: VerbContext) -> Begun:
    return Playing(Playback(segments(verb, context.fetches), context.tell), context.now)


def _gather(verb: Element, context: VerbContext) -> Begun:
    settings = GatherSettings.of(verb, context.url(verb))
    # "All Plays of a Gather are fetched before the first sounds."
    playback = Playback(segments(verb, context.fetches_for_gather), context.tell)
    return Gathering(settings, playback, context.now, context.rules, context.tell)


def _dial(verb: Element, context: VerbContext) -> Begun:
    nouns = _good_nouns(verb, context)
    number = ", ".join(noun.own_text for noun in nouns if noun.own_text)
    sid = context.line.new_call_sid()
    leave = after_dial(verb, context.url(verb), sid)
    context.tell("dialled", number)
    if not nouns:
        context.tell("not connected", "nobody (failed)")
        return leave("failed", None)
    return Dialling(
        number,
        context.far_end(number) if _is_welcome(verb, nouns, context) else BUSY,
        context.now,
        context.tell,
        _reporting_failure(leave, number, context),
        timeout=_seconds_of_ringing(verb),
        time_limit=verb.whole("timeLimit", _FOUR_HOURS),
        hangup_on_star=verb.is_true("hangupOnStar"),
        hang_up_is_told=context.rules.hang_up_asks_dial_action,
        whisper=_whisper(verb, nouns, sid, context),
    )


def _whisper(
    dial: Element, nouns: list[Element], sid: str, context: VerbContext
) -> Whispering | None:
    """ "<Number url> (a whisper)": said to whoever answers first; here all share one."""
    noun = next((noun for noun in nouns if noun.attributes.get("url")), None)
    if noun is None:
        return None
    first = Goto(context.url(noun, "url"), noun.method())
    shown = dial.attributes.get("callerId") or context.caller
    return context.whisper(sid, shown, noun.own_text, first)


def _reporting_failure(leave: Leaves, number: str, context: VerbContext) -> Leaves:
    """ "One out of reach 13224" """

    def left(status: str, talked: float | None) -> Transition:
        if status == "failed":
            context.report(Fault(13224, number))
        return leave(status, talked)

    return left


def _seconds_of_ringing(dial: Element) -> int:
    """ "timeout 5-600, and about 5 s more"; 30 by default."""
    return min(max(dial.whole("timeout", 30), 5), 600) + 5


def _good_nouns(dial: Element, context: VerbContext) -> list[Element]:
    """What can be dialled; the debugger tells of the rest."""
    good = []
    for noun in nouns_of(dial):
        fault = wrong_with(noun)
        if fault:
            context.report(fault)
            continue
        good.append(noun)
    return good


def _is_welcome(dial: Element, nouns: list[Element], context: VerbContext) -> bool:
    """ "Without callerId passes the caller's own number on", and a telephone rejects what is no
    number: "error 13214, heard as busy".
    """
    shown = dial.attributes.get("callerId") or context.caller
    on_a_telephone = any(noun.name == "Number" for noun in nouns)
    if not on_a_telephone or context.line.may_show(shown, context.caller):
        return True
    context.report(Fault(13214, f"line {dial.line}: {shown!r} is shown to the far end"))
    return False


def _record(verb: Element, context: VerbContext) -> Begun:
    context.tell("recording")
    return Recording(verb, context.url(verb), context.now, context.line.account_sid)


def _enqueue(verb: Element, context: VerbContext) -> Begun:
    context.tell("queued", verb.own_text)
    agent = context.far_end(verb.own_text)
    taken_at = context.now + agent.after if agent.outcome == "answers" else NEVER
    return Queued(verb, context.url(verb), context.url(verb, "waitUrl"), context.now, taken_at)


def _redirect(verb: Element, context: VerbContext) -> Begun:
    return Goto(context.absolute(verb.own_text), verb.method())


def _hangup(_verb: Element, _context: VerbContext) -> Begun:
    return Finish()


def _reject(verb: Element, context: VerbContext) -> Begun:
    """Rejects "only before answering"; afterwards it can only hang up."""
    if context.answered:
        return Finish()
    busy = verb.attributes.get("reason") == "busy"
    return Finish("busy" if busy else "no-answer", "line rejected the call")


def _leave(_verb: Element, _context: VerbContext) -> Begun:
    return LeaveQueue("leave")


_STARTERS: Mapping[str, Callable[[Element, VerbContext], Begun]] = {
    "Say": _sound,
    "Play": _sound,
    "Pause": _sound,
    "Gather": _gather,
    "Dial": _dial,
    "Record": _record,
    "Enqueue": _enqueue,
    "Redirect": _redirect,
    "Hangup": _hangup,
    "Reject": _reject,
    "Leave": _leave,
}
