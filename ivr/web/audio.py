"""GET /audio/<language>/<file>: the recorded voices, for Twilio to fetch and keep.

Open to everybody: they say what every caller hears. A name is looked up, never opened, so no path
leads anywhere else.
"""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, abort, request

from ivr.recordings import Recording
from ivr.web.played import VERSION_PLACES

KEPT: Final = "public, max-age=31536000, immutable"  # a year


def audio_routes(recordings: Mapping[str, Recording]) -> Blueprint:
    """The one route. `recordings`: by the fragment's name, as they were at boot."""
    routes = Blueprint("audio", __name__, url_prefix="/audio")
    files = {found.name: found for found in recordings.values()}

    @routes.get("/<language>/<name>")
    def recording(language: str, name: str) -> Response:
        found = files.get(f"{language}/{name}")
        if found is None:
            abort(404)
        return _kept(found)

    return routes


def _kept(found: Recording) -> Response:
    try:
        body = found.path.read_bytes()
    except OSError:  # it was there at boot
        abort(404)
    answer = Response(body, content_type=found.content_type)
    answer.set_etag(found.digest)
    is_this_one = request.args.get("v") == found.digest[:VERSION_PLACES]
    answer.headers["Cache-Control"] = KEPT if is_this_one else "no-cache"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.make_conditional(request, accept_ranges=True, complete_length=len(body))
    return answer
