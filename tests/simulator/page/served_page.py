"""The page's server in this process, on a free port, before a small foreign TwiML application."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from simulator.page.app import create_app
from simulator.page.server import PageServer
from simulator.page.settings import CHECKOUT, PageSettings
from simulator.page.state import PageState

ACCOUNT_SID = "AC" + "1" * 32
AUTH_TOKEN = "12345"
NOBODY = "http://127.0.0.1:9"
Json = dict[str, Any]


class ServedPage:
    """`with ServedPage(folder, redis_url, line_url) as page:`; `line_url` answers the calls."""

    def __init__(self, folder: Path, redis_url: str, line_url: str = NOBODY, **more: Any) -> None:
        told: Json = {
            "host": "127.0.0.1",
            "port": 0,
            "public_base_url": line_url,
            "via": "",
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "number": "+8612333",
            "redis_url": redis_url,
            "bank_url": NOBODY,
            "data_dir": folder,
            "cardholders": CHECKOUT / "simulator" / "demo_cardholders.csv",
            "sms_path": "/sms",
            "away_seconds": 60.0,
            **more,
        }
        self.state = PageState(PageSettings(**told))
        self._server = PageServer("127.0.0.1", 0, create_app(self.state))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._session = requests.Session()
        self._session.trust_env = False
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self.state.open()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()
        self._server.shutdown()
        self._thread.join()
        self.state.close()
        self._server.server_close()

    def get(self, path: str, **query: Any) -> Json:
        answer = self._session.get(self.url + path, params=query, timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    def ask(
        self, path: str, told: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """POSTs JSON as the page does."""
        return self._session.post(
            f"{self.url}/simulator{path}", json=told or {}, headers=dict(headers or {}), timeout=30
        )

    def new_phone(self) -> "TabPhone":
        return TabPhone(self, self.ask("/phones").json()["id"])

    def stream(self, phone_id: str) -> Iterator[tuple[str, Json]]:
        """(name, told) of every event, as long as the stream is read."""
        url = f"{self.url}/simulator/phones/{phone_id}/live"
        with closing(requests.get(url, stream=True, timeout=30)) as answer:
            name = ""
            for line in map(bytes.decode, answer.iter_lines(chunk_size=1)):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))


class TabPhone:
    """A phone without a browser: what its tab would do."""

    def __init__(self, page: ServedPage, phone_id: str) -> None:
        self.id = phone_id
        self._page = page

    def does(self, what: str, **told: Any) -> int:
        """-> the status."""
        return self._page.ask(f"/phones/{self.id}/{what}", told).status_code

    def sees(self, name: str, *words: str) -> Json:
        """Listens until an event of that name holds all these words."""
        for found, told in self._page.stream(self.id):
            text = json.dumps(told, ensure_ascii=False)
            if found == name and all(word in text for word in words):
                return told
        raise AssertionError(f"the stream ended before {name} told {words}")
