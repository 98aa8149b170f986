"""Recordings are heard in the page: fetched from where Twilio fetches them, one after another."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from ivr.recordings import ENCODING, SCRIPT_FILE, write_script
from tests.builders import settings
from tests.simulator.page.visitor import Visitor
from tests.simulator.stack.launches import MakeRun
from tests.studio import fragments_of

PLAYED: Final = """
window.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.played.push(this.src);
  return play.call(this);
};
"""
RECORDED: Final = ("zh/welcome.1", "zh/welcome.2")


@pytest.fixture(scope="module")
def audio_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fragments of the greeting, a fifth of a second of silence each."""
    place = tmp_path_factory.mktemp("voices")
    (place / "zh").mkdir()
    with (place / SCRIPT_FILE).open("w", encoding=ENCODING) as script:
        write_script(fragments_of(settings("unix:///nowhere")), script)
    for name in RECORDED:
        with wave.open(str(place / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(2 * 1600))
    return place


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory, audio_dir: Path) -> Iterator[str]:
    data = tmp_path_factory.mktemp("recordings") / "var"
    launch = MakeRun(data, AUDIO_DIR=str(audio_dir)).start()
    try:
        yield launch.until_ready().launch.simulator_url
    finally:
        launch.ends_whatever_happens()


def test_recordings_are_heard_and_can_be_heard_again(browser: Browser, page_url: str) -> None:
    visitor = Visitor(browser, page_url)
    answers: list[tuple[str, int, str]] = []
    visitor.page.on(
        "response",
        lambda found: answers.append((found.url, found.status, found.headers["content-type"])),
    )
    visitor.page.add_init_script(PLAYED)
    visitor.opens_the_page().calls().hears("For English")
    played = visitor.page.evaluate("window.played")
    names = [url.partition("/audio/")[2].partition(".wav?v=")[0] for url in played]
    assert names == list(RECORDED)
    heard = {url: (status, kind) for url, status, kind in answers if "/audio/" in url}
    assert {url: heard[url][1] for url in played} == dict.fromkeys(played, "audio/wav")
    assert {heard[url][0] for url in played} <= {200, 206}
    again = visitor.page.locator("#prompts audio").evaluate_all("all => all.map((one) => one.src)")
    assert again == played
    visitor.hangs_up()
    assert all("/audio/" in url for url in visitor.elsewhere), "nothing else comes from elsewhere"
    visitor.elsewhere.clear()
    visitor.leaves()
