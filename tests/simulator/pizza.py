"""A telephone line that has nothing to do with ours: a pizzeria."""

import secrets

from flask import Flask, Response, request
from twilio.twiml.voice_response import VoiceResponse

PIZZAS = {"1": "Margherita", "2": "Funghi"}


def xml(response: VoiceResponse) -> Response:
    return Response(str(response), mimetype="text/xml")


def pizza_line() -> Flask:
    """Says hello in two languages, takes an order, knows a cook to talk to."""
    app = Flask(__name__)

    @app.post("/voice")
    def welcome() -> Response:
        response = VoiceResponse()
        response.say("Buona sera!", language="it-IT")
        gather = response.gather(num_digits=1, action="/order", timeout=4)
        gather.say("For a Margherita, press 1. For a Funghi, press 2. For the cook, press 0.")
        response.say("We did not hear you.")
        response.redirect("/voice")
        return xml(response)

    @app.post("/order")
    def order() -> Response:
        response = VoiceResponse()
        key = request.form["Digits"]
        if key == "0":
            response.dial("+390612345", action="/after-cook", timeout=20)
            return xml(response)
        pizza = PIZZAS.get(key)
        if pizza is None:
            response.say("That is not on the menu.")
            response.redirect("/voice")
            return xml(response)
        gather = response.gather(finish_on_key="#", action=f"/phone?pizza={pizza}", timeout=5)
        gather.say(f"One {pizza}. Your phone number, please, then hash.")
        return xml(response)

    @app.post("/phone")
    def phone() -> Response:
        response = VoiceResponse()
        pizza, number = request.args["pizza"], secrets.randbelow(10**8)
        response.say(f"Your {pizza} is on its way. Order {number:08}.")
        return xml(response)

    @app.post("/after-cook")
    def after_cook() -> Response:
        response = VoiceResponse()
        if request.form["DialCallStatus"] != "completed":
            response.say("The cook is busy.")
        return xml(response)

    @app.post("/broken")
    def broken() -> Response:
        response = VoiceResponse()
        response.gather(numdigits=1)
        return xml(response)

    @app.post("/status")
    def status() -> tuple[str, int]:
        return "", 204

    return app
