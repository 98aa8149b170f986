"""Twilio's routes: each parses, plays one turn and answers. A caller never hears an HTTP error."""

import re
from typing import Final

import structlog
from flask import Blueprint, Request, Response, abort, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ivr.conversation import Conversation, Heard
from ivr.dialogue.call import Call
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Transfer
from ivr.dialogue.turn import NOT_UNDERSTOOD
from ivr.logs import fault
from ivr.prompts.phrases import key_for
from ivr.store.connection import UnsafeRedisError
from ivr.store.unreadable import UnreadableRecordError
from ivr.web.apology import Apology, Whereabouts
from ivr.web.twilio import TwilioDoor
from ivr.web.twiml import Voice

log = structlog.get_logger()

CALL_ID: Final = re.compile(r"[ -~]{1,128}")  # opaque: other engines' ids have dashes, or more


def heard_in(incoming: Request, step: str) -> Heard:
    """What a request of Twilio says; unknown parameters are ignored."""
    call_id = incoming.form.get("CallSid", "")
    if not CALL_ID.fullmatch(call_id):
        abort(400)
    keys = incoming.form.get("Digits", "").strip()
    if isinstance(FLOW.get(step), Transfer):
        # A refused whisper and a voicemail are "completed" too (twilio-voice section 4).
        keys = "taken" if incoming.form.get("DialBridged") == "true" else ""
    elif not keys and incoming.form.get("FinishedOnKey") == "#":
        keys = "#"  # many press it after 18 digits, which have already ended the entry
    elif not keys and incoming.form.get("SpeechResult"):
        keys = _key_said(incoming, step)
    caller = incoming.form.get("From", "")
    # STIR/SHAKEN, where a network has it: a number that failed is nobody's.
    is_sure = "failed" not in incoming.form.get("StirVerstat", "").lower()
    return Heard(call_id, step, incoming.args.get("turn", type=int), keys, caller, is_sure)


def _key_said(incoming: Request, step: str) -> str:
    """What was said as the key that was meant: no other part of us sees the words."""
    language = incoming.args.get("lang", "")
    confidence = incoming.form.get("Confidence", type=float)
    key = key_for(step, language, incoming.form["SpeechResult"], confidence)
    return key or NOT_UNDERSTOOD


def voice_routes(
    conversation: Conversation, door: TwilioDoor, voice: Voice, apology: Apology
) -> Blueprint:
    """The routes under /voice, every one of them behind Twilio's signature."""
    routes = Blueprint("voice", __name__)

    @routes.before_request
    def only_twilio() -> None:
        if not door.admits(request):
            abort(403)

    def answer(step: str) -> Response:
        return _twiml(voice.render(conversation.play(heard_in(request, step))))

    @routes.post("/voice")
    def incoming_call() -> Response:
        return answer("")

    @routes.post("/voice/<step>")
    def next_turn(step: str) -> Response:
        return answer(step)

    @routes.post("/voice/fallback")
    def fallback() -> Response:
        """Twilio could not use our answer: the caller hears the present step again."""
        code = request.form.get("ErrorCode", "")
        log.warning("fallback", error=code if re.fullmatch("[0-9]{1,6}", code) else "unreadable")
        return answer("")

    @routes.post("/voice/agent")
    def agent() -> Response:
        """Key 0 after an apology."""
        wants = request.form.get("Digits") == "0" and apology.offers_person()
        caller, call_id = request.form.get("From", ""), request.form.get("CallSid", "")
        return _twiml(voice.put_through(caller, call_id) if wants else voice.hang_up())

    @routes.post("/voice/whisper")
    def whisper() -> Response:
        """Said to the person alone. The URL names the call that waits; this one is the person's."""
        return _twiml(voice.whisper(_waiting(conversation, request.args.get("of", ""))))

    @routes.post("/voice/take")
    def take() -> Response:
        """The end of the document puts the caller through."""
        wants = request.form.get("Digits") == "1"
        return _twiml(voice.connect() if wants else voice.hang_up())

    @routes.post("/voice/status")
    def call_ended() -> tuple[str, int]:
        call_id = request.form.get("CallSid", "")
        try:
            conversation.end(call_id if CALL_ID.fullmatch(call_id) else "")
        except (RedisError, UnreadableRecordError):
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


def _waiting(conversation: Conversation, call_id: str) -> Call | None:
    """The call that waits for the person; who takes it need know nothing of it."""
    try:
        return conversation.find(call_id) if CALL_ID.fullmatch(call_id) else None
    except RedisError:
        log.warning("whisper_without_call")
        return None


def _twiml(xml: str) -> Response:
    return Response(xml, mimetype="text/xml")
