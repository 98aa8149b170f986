"""The peer of a turn: the same menu as Flask and Twilio's own tutorials write it. A view for each
menu, a decorator that checks `request.url`, TwiML by their library, the call in Redis as JSON.
"""

import json
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, abort, request
from redis import Redis
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import VoiceResponse

app = Flask(__name__)
redis = Redis.from_url(os.environ["REDIS_URL"])


def validate_twilio_request(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
        signature = request.headers.get("X-TWILIO-SIGNATURE", "")
        if validator.validate(request.url, request.form, signature):
            return view(*args, **kwargs)
        return abort(403)

    return decorated


@app.post("/voice")
@validate_twilio_request
def welcome() -> Response:
    state = {"step": "language"}
    redis.set(f"tutorial:{request.form['CallSid']}", json.dumps(state), ex=3600)
    response = VoiceResponse()
    with response.gather(num_digits=1, action="/voice/language", method="POST", timeout=6) as menu:
        menu.say("普通话服务请按1。", language="zh-CN", voice="Polly.Zhiyu-Neural")
        menu.say("For English, press 2.", language="en-US", voice="Polly.Joanna-Neural")
    response.redirect("/voice", method="POST")
    return Response(str(response), mimetype="text/xml")


@app.post("/voice/language")
@validate_twilio_request
def language() -> Response:
    key = f"tutorial:{request.form['CallSid']}"
    state = json.loads(redis.get(key) or "{}")
    state |= {"step": "main_menu", "language": "en" if request.form["Digits"] == "2" else "zh"}
    redis.set(key, json.dumps(state), ex=3600)
    response = VoiceResponse()
    with response.gather(num_digits=1, action="/voice/main_menu", method="POST", timeout=6) as menu:
        menu.say(
            "To report a lost social security card, press 1. To hear how a report stands, press 2. "
            "For a formal loss report, unblocking and a new card, press 3. For a first card, "
            "press 4. For a person, press 0.",
            language="en-US",
            voice="Polly.Joanna-Neural",
        )
    response.redirect("/voice/language", method="POST")
    return Response(str(response), mimetype="text/xml")
