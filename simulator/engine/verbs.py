"""What each verb starts: an activity that takes time, or what comes next at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .activity import Activity, AddEvent, Continue, Finish, Goto, LeaveQueue, Transition
from .clock import NEVER
from .dial import Dialling, Recording, after_dial, dialled_numbers
from .faults import VERB_NOT_PLAYED, Fault
from .gather import Gathering, GatherSettings
from .markup import Element
from .play import Playback, Playing, segments
from .rules import FarEnd, Rules
from .vocabulary import allowed_in
from .waiting import Queued

_FOUR_HOURS = 4 * 3600


@dataclass(frozen=True)
class VerbContext:
    """The call as a verb sees it at the moment it starts."""

    now: float
    answered: bool
    account_sid: str
    rules: Rules
    far_end: Callable[[str], FarEnd]
    absolute: Callable[[str], str]
    tell: AddEvent
    report: Callable[[Fault], None]

    def url(self, verb: Element, attribute: str = "action") -> str:
        return self.absolute(verb.attributes.get(attribute, ""))


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
    return Playing(Playback(segments(verb, context.rules), context.tell), context.now)


def _gather(verb: Element, context: VerbContext) -> Begun:
    settings = GatherSettings.of(verb, context.url(verb))
    playback = Playback(segments(verb, context.rules), context.tell)
    return Gathering(settings, playback, context.now, context.rules, context.tell)


def _dial(verb: Element, context: VerbContext) -> Begun:
    number = dialled_numbers(verb)
    context.tell("dialled", number)
    return Dialling(
        number,
        context.far_end(number),
        context.now,
        context.tell,
        after_dial(verb, context.url(verb)),
        timeout=verb.whole("timeout", 30),
        time_limit=verb.whole("timeLimit", _FOUR_HOURS),
        hangup_on_star=verb.is_true("hangupOnStar"),
    )


def _record(verb: Element, context: VerbContext) -> Begun:
    context.tell("recording")
    return Recording(verb, context.url(verb), context.now, context.account_sid)


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
