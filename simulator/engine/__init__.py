"""Twilio's side of a phone call, for any TwiML application.

    from simulator.engine import Call, HttpTransport, PhoneLine, WsgiTransport

    line = PhoneLine(voice_url="https://hotline.example/voice", auth_token="12345",
                     status_callback_url="https://hotline.example/voice/status")
    call = Call(line, WsgiTransport(app))       # or HttpTransport(via="http://127.0.0.1:8000")
    call.dial()                                 # asks for the voice URL, starts the first verb

Step by step (tests, terminal): time is virtual, `call.now` in seconds.
    call.run_to_gather()                        # to the first moment an input could matter
    call.run_to_silence()                       # to where all is said: LISTENING, RINGING ...
    call.press("110105#", gap=0.4); call.speak("挂失"); call.hang_up()
    call.advance_to(call.due)                   # stay silent until the next thing happens
    call.set_far_end(BUSY); call.hang_up_far_end()

Real time (browser phone, load generator): Rules(requests_take_time=True), then from any thread
`call.advance_to(seconds since dialling)`; `call.due` says when to come back.

Read at any time: `call.state` (State), `call.transcript` (Event: at_seconds, kind, text, language,
voice), `call.exchanges` (Exchange: every HTTP attempt), `call.faults` (Fault: Twilio's errors and
warnings), `call.status`, `call.ended`. A call is a plain object; transports may be shared by calls.

A module names the page of Twilio's documentation that it follows. Sentences in quotes, here and in
the tests, are the rule as our notes on these pages put it.
"""

from .activity import State
from .call import KEYS, Call
from .faults import Fault, FaultError, Level
from .fetch import Exchange
from .phone_line import PhoneLine, somleng_call_sid
from .rules import ANSWERS, BUSY, HANGS_UP, NO_ANSWER, REFUSES, VOICEMAIL, FarEnd, Rules
from .transcript import Event
from .transport import HttpResponse, HttpTransport, Limits, Transport, TransportError, WsgiTransport

__all__ = [
    "ANSWERS", "BUSY", "HANGS_UP", "KEYS", "NO_ANSWER", "REFUSES", "VOICEMAIL", "Call", "Event",
    "Exchange", "FarEnd", "Fault",
    "FaultError", "HttpResponse", "HttpTransport", "Level", "Limits", "PhoneLine", "Rules", "State",
    "Transport", "TransportError", "WsgiTransport", "somleng_call_sid",
]  # fmt: skip
