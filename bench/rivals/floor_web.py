"""The floor of a turn: Flask, twilio's own check of the signature on the raw URL, one write to
Redis and the same TwiML each time. With FLOOR_OWES it also owes a notice (MULTI: SET, RPUSH).
"""

import os

from flask import Flask, Response, abort, request
from redis import Redis
from twilio.request_validator import RequestValidator

from bench.rivals import BODY, QUEUE

TWIML = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Gather action="/voice/main_menu?turn=2'
    '&amp;lang=en" finishOnKey="" input="dtmf" method="POST" numDigits="1" timeout="6">'
    '<Say language="en-US" voice="Polly.Joanna-Neural">To report a lost social security card, '
    "press 1. To hear how a report stands, press 2. For a formal loss report, unblocking and a new "
    "card, press 3. For a first card, press 4. For a person, press 0.</Say></Gather><Redirect "
    'method="POST">/voice/main_menu?turn=2&amp;lang=en</Redirect></Response>'
)
OWES = "FLOOR_OWES" in os.environ

app = Flask(__name__, static_folder=None)
redis = Redis.from_url(os.environ["REDIS_URL"])
validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
base_url = os.environ["PUBLIC_BASE_URL"]


@app.post("/voice")
@app.post("/voice/<step>")
def answer(step: str = "") -> Response:
    url = base_url + request.environ["RAW_URI"]
    if not validator.validate(url, request.form, request.headers.get("X-Twilio-Signature", "")):
        abort(403)
    sid = request.form["CallSid"]
    if OWES:
        with redis.pipeline(transaction=True) as pipe:
            pipe.set(f"floor:{sid}", step or "start", ex=3600)
            pipe.rpush(QUEUE, f"{sid} {BODY}")
            pipe.execute()
    else:
        redis.set(f"floor:{sid}", step or "start", ex=3600)
    return Response(TWIML, mimetype="text/xml")
