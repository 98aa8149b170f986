"""What each verb starts: an activity that takes time, or the next step at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .activity import Activity, Continue, Finish, Goto, LeaveQueue, Step, Tell
from .clock import NEVER
from .dial import Dialling, Recording, after_dial, dialled_numbers
from .faults import VERB_NOT_PLAYED, Fault
from .gather import Gathering, GatherSettings
from .markup import Element
from .play import Playing, Reel, segments
from .rules import FarEnd, Rules
from .vocabulary import allowed_in
from .waiting import Queued

_FOUR_HOURS = 4 * 3600


@dataclass(frozen=True)
class Stage:
    """The call as a verb sees it at the moment it starts."""

    now: float
    answered: bool
    account_sid: str
    rules: Rules
    far_end: Callable[[str], FarEnd]
    absolute: Callable[[str], str]
    tell: Tell
    report: Callable[[Fault], None]

    def url(self, verb: Element, attribute: str = "action") -> str:
        return self.absolute(verb.attributes.get(attribute, ""))


Begun = Activity | Step | Queued


def begin(verb: Element, stage: Stage) -> Begun:
    """Starts one verb. Unknown verbs are skipped: "12200 (a warning, the call goes on)"."""
    starter = _STARTERS.get(verb.name)
    if starter:
        return starter(verb, stage)
    if verb.name in allowed_in():
        stage.report(Fault(VERB_NOT_PLAYED, f"<{verb.name}>"))
    return Continue()


def _sound(verb: Element, stage: Stage) -> Begun:
    return Playing(Reel(segments(verb, stage.rules), stage.tell), stage.now)


def _gather(verb: Element, stage: Stage) -> Begun:
    settings = GatherSettings.of(verb, stage.url(verb))
    reel = Reel(segments(verb, stage.rules), stage.tell)
    return Gathering(settings, reel, stage.now, stage.rules, stage.tell)


def _dial(verb: Element, stage: Stage) -> Begun:
    number = dialled_numbers(verb)
    stage.tell("dialled", number)
    return Dialling(
        number,
        stage.far_end(number),
        stage.now,
        stage.tell,
        after_dial(verb, stage.url(verb)),
        timeout=verb.whole("timeout", 30),
        time_limit=verb.whole("timeLimit", _FOUR_HOURS),
        hangup_on_star=verb.is_true("hangupOnStar"),
    )


def _record(verb: Element, stage: Stage) -> Begun:
    stage.tell("recording")
    return Recording(verb, stage.url(verb), stage.now, stage.account_sid)


def _enqueue(verb: Element, stage: Stage) -> Begun:
    stage.tell("queued", verb.own_text)
    agent = stage.far_end(verb.own_text)
    taken_at = stage.now + agent.after if agent.outcome == "answers" else NEVER
    return Queued(verb, stage.url(verb), stage.url(verb, "waitUrl"), stage.now, taken_at)


def _redirect(verb: Element, stage: Stage) -> Begun:
    return Goto(stage.absolute(verb.own_text), verb.method())


def _hangup(_verb: Element, _stage: Stage) -> Begun:
    return Finish()


def _reject(verb: Element, stage: Stage) -> Begun:
    """Rejects "only before answering"; afterwards it can only hang up."""
    if stage.answered:
        return Finish()
    busy = verb.attributes.get("reason") == "busy"
    return Finish("busy" if busy else "no-answer", "line rejected the call")


def _leave(_verb: Element, _stage: Stage) -> Begun:
    return LeaveQueue("leave")


_STARTERS: Mapping[str, Callable[[Element, Stage], Begun]] = {
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
