"""The floor of a voice turn: Flask answering every request with the same TwiML, knowing nothing."""

from flask import Flask, Response

TWIML = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Gather action="/voice/main_menu?turn=2'
    '&amp;lang=en" finishOnKey="" input="dtmf" method="POST" numDigits="1" timeout="6">'
    '<Say language="en-US" voice="Polly.Joanna-Neural">To report a lost social security card, '
    "press 1. To hear how a report stands, press 2. For a formal loss report, unblocking and a new "
    "card, press 3. For a first card, press 4. For a person, press 0.</Say></Gather><Redirect "
    'method="POST">/voice/main_menu?turn=2&amp;lang=en</Redirect></Response>'
)

app = Flask(__name__, static_folder=None)


@app.post("/voice")
@app.post("/voice/<step>")
def answer(step: str = "") -> Response:  # noqa: ARG001
    return Response(TWIML, mimetype="text/xml")
