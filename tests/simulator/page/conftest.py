"""A real Chromium before a real hotline with all its programs, one for each module of tests."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from redis import Redis

from tests.redis_server import RedisServer
from tests.simulator.page.visitor import Visitor
from tests.simulator.stack.launches import MakeRun

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OpensTab = Callable[..., Visitor]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRun]:
    """Hotline, workers, sandbox bank and page, as `make run` starts them."""
    launch = MakeRun(tmp_path_factory.mktemp("page") / "var").start()
    try:
        yield launch.until_ready()
    finally:
        launch.ends_whatever_happens()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def opens_tab(stack: MakeRun, browser: Browser) -> Iterator[OpensTab]:
    """`opens_tab(color_scheme="dark")`: another tab; at the end none may have complained."""
    tabs: list[Visitor] = []

    def opens(**context: object) -> Visitor:
        tabs.append(Visitor(browser, stack.launch.simulator_url, **context))
        return tabs[-1].opens_the_page()

    yield opens
    for tab in tabs:
        tab.leaves()


@pytest.fixture
def visitor(opens_tab: OpensTab) -> Visitor:
    """A tab of the usual size that is in a hurry."""
    return opens_tab().hurries()


@pytest.fixture
def redis_url(redis_server: RedisServer, redis: "Redis") -> str:  # noqa: ARG001
    """Of an empty Redis."""
    return redis_server.url
