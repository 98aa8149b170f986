"""The page's application: static files, and the routes of phones, banks and Twilio."""

from flask import Flask, Response, abort, jsonify, redirect, request
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from simulator.page.bank_routes import bank_routes
from simulator.page.message_service import message_service
from simulator.page.phone_routes import phone_routes
from simulator.page.records import RecordsUnavailableError
from simulator.page.state import PageState
from simulator.same_machine import is_asked_by_a_loopback_name, is_of_its_own_origin

# Nothing is loaded from elsewhere, no script or style stands in the page itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src http: https:; "  # recordings are where the application has them
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_app(state: PageState) -> Flask:
    """The WSGI application over an open page state."""
    app = Flask("simulator.page", static_url_path="/simulator/static")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    settings = state.settings
    app.register_blueprint(phone_routes(state))
    app.register_blueprint(bank_routes(state.banks))
    app.register_blueprint(
        message_service(state.messages, state.network, settings.account_sid, settings.auth_token)
    )
    app.before_request(_only_this_machine)
    app.after_request(_with_policy)
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(RecordsUnavailableError, _no_records)

    @app.get("/simulator")
    def page() -> Response:
        return app.send_static_file("page.html")

    @app.get("/")
    def front() -> AnyResponse:
        return redirect("/simulator")

    return app


def _only_this_machine() -> None:
    """Keeps other web sites from reaching in through the tester's browser. A POST must be JSON,
    which a browser sends to another origin only after asking.
    """
    if not is_asked_by_a_loopback_name(request):
        abort(403, "This page answers to loopback names only.")
    is_for_the_page = request.method == "POST" and request.path.startswith("/simulator/")
    if is_for_the_page and not (is_of_its_own_origin(request) and request.is_json):
        abort(403, "Only the page itself may ask for this.")


def _with_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _no_records(_error: Exception) -> tuple[Response, int]:
    return _problem(ServiceUnavailable("Redis does not answer."))


def _problem(error: HTTPException) -> tuple[Response, int]:
    status = error.code or 500
    told = {"type": "about:blank", "title": error.description or error.name, "status": status}
    answer = jsonify(told)
    answer.mimetype = "application/problem+json"
    return answer, status
