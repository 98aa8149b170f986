"""Twilio's routes: each is parse, one turn, answer. A caller never hears an HTTP error."""

import re
import time
from dataclasses import dataclass, field
from typing import Final

import structlog
from flask import Blueprint, Request, Response, abort, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ivr.actions import Turn, run_action
from ivr.beijing import beijing_day
from ivr.dialogue.call import Call
from ivr.dialogue.flow import FLOW, START
from ivr.dialogue.steps import Ask, Do, End, Transfer, exits
from ivr.dialogue.turn import leave, start, take_turn
from ivr.id_entry import keyed_id_number
from ivr.logs import fault
from ivr.store.calls import Snapshot, Standing
from ivr.store.connection import UnsafeRedisError
from ivr.store.hotline import Hotline
from ivr.web.apology import WHERE_A_REPORT_IS_FILED, Apology, Whereabouts
from ivr.web.twilio import TwilioDoor
from ivr.web.twiml import Voice

log = structlog.get_logger()

CALL_SID = re.compile(r"[A-Za-z0-9]{1,64}")  # CA + 32 hex today; it names a Redis key
DIAL_ANSWERED = {"completed", "answered"}
YES: Final = "1"  # the confirming key
FILING_OUTCOMES: Final = frozenset(exits(FLOW["file_report"]).values())


@dataclass(frozen=True)
class Incoming:
    """What one request says: which call and step, and what the caller did."""

    call_sid: str
    step: str
    turn: int | None
    keys: str = field(repr=False)  # may be an ID number

    @classmethod
    def of(cls, request: Request, step: str) -> "Incoming":
        """Reads a request of Twilio; unknown parameters are welcome."""
        sid = request.form.get("CallSid", "")
        if not CALL_SID.fullmatch(sid):
            abort(400)
        dialled = request.form.get("DialCallStatus", "")
        keys = request.form.get("Digits", "").strip()
        if isinstance(FLOW.get(step), Transfer):
            keys = dialled if dialled in DIAL_ANSWERED else ""
        elif not keys and request.form.get("FinishedOnKey") == "#":
            keys = "#"  # the habitual key after 18 digits, which had ended the entry already
        return cls(sid, step, request.args.get("turn", type=int), keys)

    def is_expected_by(self, call: Call) -> bool:
        """Whether this is the one next request; anything else is a repeat or comes late."""
        return call.step == self.step and call.turn == self.turn


def voice_routes(hotline: Hotline, door: TwilioDoor, voice: Voice) -> Blueprint:
    """The routes under /voice, every one of them behind Twilio's signature."""
    routes = Blueprint("voice", __name__)
    apology = Apology(hotline.settings, voice)

    @routes.before_request
    def only_twilio() -> None:
        if not door.admits(request):
            abort(403)

    @routes.post("/voice")
    def incoming_call() -> Response:
        return _twiml(voice.render(play_turn(hotline, Incoming.of(request, ""))))

    @routes.post("/voice/<step>")
    def next_turn(step: str) -> Response:
        return _twiml(voice.render(play_turn(hotline, Incoming.of(request, step))))

    @routes.post("/voice/fallback")
    def fallback() -> Response:
        """Twilio could not use our answer: the caller hears the present step again."""
        log.warning("fallback", error=request.form.get("ErrorCode", ""))
        return _twiml(voice.render(play_turn(hotline, Incoming.of(request, ""))))

    @routes.post("/voice/status")
    def call_ended() -> tuple[str, int]:
        try:
            hotline.calls.count_end()
        except RedisError:
            log.warning("call_end_not_counted")
        return "", 204

    @routes.errorhandler(RedisError)
    @routes.errorhandler(UnsafeRedisError)
    def redis_is_gone(error: RedisError | UnsafeRedisError) -> Response:
        at = Whereabouts.of(request)
        log.error("turn_failed", step=at.step, **fault(error))
        return _twiml(apology.for_broken_records(at))

    @routes.errorhandler(Exception)
    def anything_else(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return Response(status=error.code)
        at = Whereabouts.of(request)
        log.error("turn_failed", step=at.step, **fault(error))
        return _twiml(apology.for_unknown_outcome(at))

    return routes


def play_turn(hotline: Hotline, incoming: Incoming) -> Call:
    """One turn: read everything once, decide, act, remember. Returns the call to be rendered.

    A repeated or late request changes nothing and gets the present step again.
    """
    number, verdict = _keyed(incoming)
    seen = hotline.calls.read(incoming.call_sid, _ref(hotline, number))
    call = _as_it_stands(hotline, seen)
    if call is None:
        call = start(FLOW, incoming.call_sid, START)
    elif incoming.is_expected_by(call):
        call = take_turn(FLOW, call, incoming.keys, {"id_number": lambda _keys: verdict})
        call = _act(hotline, call, seen)
    elif call is seen.call:
        return call
    _remember(hotline, call)
    return call


def _as_it_stands(hotline: Hotline, seen: Snapshot) -> Call | None:
    """The call; one that still asks for a confirmation, while its own report is on record, has
    lost the record of that turn and plays it again: filing twice finds the same report.
    """
    call = seen.call
    if call is None or call.step not in WHERE_A_REPORT_IS_FILED:
        return call
    suspension = seen.standings.get(call.facts["card_ref"], Standing()).suspension
    if suspension is None or suspension.origin != call.sid:
        return call
    return _act(hotline, take_turn(FLOW, call, YES, {}), seen)


def _keyed(incoming: Incoming) -> tuple[str, str | None]:
    """The ID number in this request, when its step asks for one."""
    if incoming.keys and isinstance(FLOW.get(incoming.step), Ask):
        return keyed_id_number(incoming.keys, beijing_day(time.time()))
    return "", None


def _ref(hotline: Hotline, number: str) -> str:
    return hotline.vault.ref("id", number) if number else ""


def _act(hotline: Hotline, call: Call, seen: Snapshot) -> Call:
    """Runs `Do` steps until the call stands where the caller is spoken to."""
    while isinstance(step := FLOW[call.step], Do):
        call = leave(FLOW, call, run_action(step.action, Turn(hotline, call, seen)))
    return call


def _remember(hotline: Hotline, call: Call) -> None:
    """What came of a report is said even when the turn cannot be remembered: it is true, and the
    next turn finds the report. So are farewells and transfers, which need no next turn.

    Raises:
        RedisError: of any other turn; the call would go round in circles.
    """
    try:
        hotline.calls.save(call, f"step:{call.step}")
    except RedisError:
        if call.step not in FILING_OUTCOMES and not isinstance(FLOW[call.step], End | Transfer):
            raise
        log.warning("turn_not_remembered", step=call.step)


def _twiml(xml: str) -> Response:
    return Response(xml, mimetype="text/xml")
