"""How a call goes on: documents, verbs, queues, the end. call.py drives it."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from .activity import Activity, Continue, Finish, Goto, LeaveQueue, State, Transition
from .audio import Recordings
from .clock import NEVER, Clock
from .dial import Dialling, Whispering
from .faults import REDIRECT_LOOP, Fault, Level, fault_of
from .fetch import Exchange, Fetcher, HttpRequest
from .gather import Gathering
from .phone_line import PhoneLine, call_ended, standard_parameters
from .rules import FarEnd, Rules
from .script import Position, Script
from .transcript import Event, Kind
from .transport import Transport
from .verbs import VerbContext, begin
from .vocabulary import allowed_in
from .waiting import WAITING_VERBS, Queued


class Machine:
    """The state of one call. It takes no locks, and its time passes only in `_advance`."""

    def __init__(
        self,
        line: PhoneLine,
        transport: Transport | Fetcher,
        caller: str = "+8613800138000",
        rules: Rules | None = None,
        far_end: FarEnd | Callable[[str], FarEnd] | None = None,
        started_at: datetime | None = None,
    ) -> None:
        self.line = line
        self.caller = caller
        self.sid = line.new_call_sid()
        self.rules = rules or Rules()
        self.far_end = far_end or FarEnd()
        self.status = "ringing"
        self.transcript: list[Event] = []
        self.faults: list[Fault] = []
        self._started_at = started_at or datetime.now(UTC)
        self._answered_at: float | None = None
        self._clock = Clock()
        fetcher = (
            transport if isinstance(transport, Fetcher) else Fetcher(transport, line.auth_token)
        )
        self._fetcher = fetcher
        self._script = Script(line, self._fetcher, self.rules, self._report)
        self._recordings = Recordings(self._fetcher, self.rules)
        self._activity: Activity | None = None
        self._queue: tuple[Queued, Position] | None = None
        self._early_keys: deque[str] = deque()
        self._over = False
        self._gave_up = False

    # What a driver sees

    @property
    def now(self) -> float:
        """Seconds since the caller dialled."""
        return self._clock.now

    @property
    def state(self) -> State:
        activity = self._activity  # another thread may end the call meanwhile
        if activity:
            return activity.state
        return State.ENDED if self.ended else State.NEW

    @property
    def ended(self) -> bool:
        return self._over

    @property
    def due(self) -> float:
        """Call second at which something happens if the caller does nothing; inf: never."""
        activity, queue = self._activity, self._queue
        if not activity:
            return NEVER
        taken_at = queue[0].taken_at if queue else NEVER
        return min(activity.due, taken_at, self.rules.longest_call)

    @property
    def exchanges(self) -> list[Exchange]:
        """Every HTTP attempt so far, in order."""
        return self._fetcher.exchanges

    # The machine

    def _press(self, key: str) -> None:
        self._tell("pressed", key)
        if self._activity and self._activity.takes_keys:
            self._follow(self._activity.on_key(key, self.now))
        elif self.rules.keys_outside_gather == "buffered":
            self._early_keys.append(key)
        self._settle()

    def _advance(self, seconds: float) -> None:
        while self._activity and self.due <= seconds:
            self._clock.move_to(self.due)
            self._follow(self._on_due())
        if self._activity and seconds < NEVER:
            self._clock.move_to(seconds)

    def _settle(self) -> None:
        """Lets what takes no time happen."""
        self._advance(self.now)

    def _on_due(self) -> Transition | None:
        if self.now >= self.rules.longest_call:
            return Finish("completed", "longest call reached")
        if self._queue and self.now >= self._queue[0].taken_at:
            self._agent_takes(self._queue[0])
            return None
        return self._activity.on_time(self.now) if self._activity else None

    def _follow(self, transition: Transition | None) -> None:
        while transition:
            try:
                transition = self._take(transition)
            except Exception as error:  # or the call would hang, and its phone stay busy
                transition = self._give_up(error)

    def _take(self, transition: Transition) -> Transition | None:
        if isinstance(transition, Goto):
            return self._open(transition)
        if isinstance(transition, LeaveQueue):
            return self._leave_queue(transition)
        if isinstance(transition, Finish):
            self._finish(transition)
            return None
        return self._next_verb()

    def _give_up(self, error: Exception) -> Transition:
        """An apology; if even that fails, the end."""
        self._report(fault_of(error, self._script.position.url))
        if self._gave_up:
            return Finish("failed", "line hung up")
        self._gave_up = True
        self._script.apologise()
        return Continue()

    def _open(self, goto: Goto) -> Transition:
        if self.exchanges:
            self._answer()
        sent = len(self.exchanges)
        opened = self._load(goto)
        if self.rules.requests_take_time:
            waited = sum(e.milliseconds for e in self.exchanges[sent:]) / 1000
            self._clock.move_to(self.now + waited)
        return opened

    def _load(self, goto: Goto) -> Transition:
        try:
            self._script.open(goto, self._parameters(), self.now)
        except Exception as error:  # whatever an answer holds
            fault = fault_of(error, goto.url)
            self._report(fault)
            if self._queue and fault.code != REDIRECT_LOOP:
                return LeaveQueue("error")  # "a waitUrl that fails gives QueueResult=error"
            self._script.fall_back(goto, fault, self._parameters(), self.now)
        return Continue()

    def _next_verb(self) -> Transition | None:
        verb = self._script.next_verb()
        if verb is None:
            return self._end_of_document()
        if self._queue and verb.name in allowed_in().keys() - WAITING_VERBS:
            self._report(Fault(12200, f"line {verb.line}: <{verb.name}> in a wait document"))
            return Continue()
        if verb.name not in ("Pause", "Reject"):
            self._answer()
        begun = begin(verb, self._verb_context())
        if isinstance(begun, Transition):
            return begun
        return self._join(begun) if isinstance(begun, Queued) else self._start(begun)

    def _end_of_document(self) -> Transition:
        """Twilio hangs up: "end of document = hang up". A queue plays its document again."""
        self._answer()
        if self._queue and self._queue[0].has_document:
            return self._queue[0].wait_document(self.now)
        return Finish()

    def _start(self, activity: Activity) -> Transition | None:
        self._activity = activity
        if isinstance(activity, Gathering):
            while self._early_keys:
                transition = activity.on_key(self._early_keys.popleft(), self.now)
                if transition:
                    return transition
        return None

    def _join(self, queued: Queued) -> Transition | None:
        self._queue = (queued, self._script.position)
        return queued.wait_document(self.now) if queued.has_document else self._start(Activity())

    def _agent_takes(self, queued: Queued) -> None:
        queued.take(self.now)
        agent = Dialling(
            queued.name, self._far_end(queued.name), self.now, self._tell,
            lambda _status, _talked: LeaveQueue("bridged"),
        )  # fmt: skip
        agent.connect(self.now)
        self._activity = agent

    def _leave_queue(self, transition: LeaveQueue) -> Transition:
        if not self._queue:
            return Continue()
        (queued, position), self._queue = self._queue, None
        self._script.go_back_to(position)
        return queued.after(transition.result, self.now)

    def _answer(self) -> None:
        if self._answered_at is None:
            self._answered_at = self.now
            self.status = "in-progress"

    def _hang_up(self) -> None:
        """The caller hangs up. What was going on may have an action to tell; nobody hears more."""
        going_on = self._queue[0] if self._queue else self._activity
        last = going_on.on_hang_up(self.now) if going_on else None
        self._finish(
            Finish("no-answer" if self._answered_at is None else "completed", "caller hung up"),
            last if isinstance(last, Goto) else None,
        )

    def _finish(self, end: Finish, last: Goto | None = None) -> None:
        self._activity = None
        self._queue = None
        self._over = True
        self.status = end.status
        self._tell("ended", end.reason)
        if last:
            self._ask_last(last)
        if self.line.status_callback_url:
            self._status_callback()

    def _ask_last(self, goto: Goto) -> None:
        try:
            self._script.open(goto, self._parameters(), self.now)
        except Exception as error:
            self._report(fault_of(error, goto.url))

    def _status_callback(self) -> None:
        answered_at = self._answered_at if self.status == "completed" else None
        talked = 0.0 if answered_at is None else self.now - answered_at
        ended_at = self._started_at + timedelta(seconds=self.now)
        url = self.line.status_callback_url
        news = call_ended(talked, ended_at)
        try:
            self._fetcher.fetch(
                HttpRequest(url, self._parameters(), news, purpose="status"), self.now
            )
        except Exception as error:
            self.faults.append(Fault(15003, str(fault_of(error, url)), url, self.now))

    def _parameters(self) -> dict[str, str]:
        extra = dict(self.rules.extra_parameters)
        return standard_parameters(self.line, self.sid, self.caller, self.status, extra)

    def _verb_context(self) -> VerbContext:
        return VerbContext(
            self.now, self._answered_at is not None, self.line, self.caller, self.rules,
            self._far_end, self._script.absolute, self._tell, self._report,
            lambda url: self._recordings.seconds(url, self.now), self._whisper,
        )  # fmt: skip

    def _whisper(self, sid: str, shown: str, number: str, first: Goto) -> Whispering:
        """The far end's own leg, which is played by a machine like this one."""
        from .whisper import Whisper

        return Whisper(
            self.line, self._fetcher, self.rules, sid=sid, parent_sid=self.sid, shown=shown,
            number=number, first=first, tell=self._tell, report=self._report,
        )  # fmt: skip

    def _far_end(self, number: str) -> FarEnd:
        return self.far_end if isinstance(self.far_end, FarEnd) else self.far_end(number)

    def _tell(self, kind: Kind, text: str = "", language: str = "", voice: str = "") -> None:
        self.transcript.append(Event(self.now, kind, text, language, voice))

    def _report(self, fault: Fault) -> None:
        timed = Fault(fault.code, fault.detail, fault.url, self.now)
        self.faults.append(timed)
        kind: Kind = "error" if timed.level is Level.ERROR else "warning"
        self._tell(kind, f"{timed.code} {timed.name}: {timed.detail}")
