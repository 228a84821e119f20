"""The browser view in a real browser: Chromium, driven by selenium."""

import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.command import start_edgecnn
from support.models import LABELS

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")
selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from support.streams import MjpegServer  # noqa: E402

SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --window-size=1200,800"
)


@pytest.fixture
def page(model: Path) -> Iterator[tuple[str, MjpegServer]]:
    arguments = ("--model", model, "--web", "--address", "127.0.0.1:0")
    with MjpegServer() as camera, start_edgecnn("camera", camera.url, *arguments) as command:
        address = re.search(r"http://\S+", command.error_line())
        assert address is not None
        yield address[0], camera
        command.finish(number=signal.SIGTERM)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[object]:
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (*SWITCHES.split(), f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(switch)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


def test_picture_bars_buttons_and_states(page: tuple[str, MjpegServer], browser) -> None:
    address, camera = page
    browser.get(address)

    def text(name: str) -> str:
        return browser.find_element("id", name).text

    until(lambda: text("state") == "LIVE")
    until(lambda: browser.execute_script("return document.getElementById('picture').naturalWidth") == 640)
    assert text("label") in LABELS
    until(lambda: "fps" in text("rates"))
    assert len(browser.find_elements("css selector", "#bars .bar")) == len(LABELS)
    edges = browser.find_element("css selector", "button[data-key='7']")
    edges.click()
    until(lambda: edges.get_attribute("aria-pressed") == "true")
    until(lambda: browser.execute_script("return document.getElementById('picture').naturalWidth") == 1280)
    browser.find_element("tag name", "body").send_keys("1")
    until(lambda: edges.get_attribute("aria-pressed") == "false")
    camera.cut()
    until(lambda: text("state") == "RECONNECTING")
    camera.resume()
    until(lambda: text("state") == "LIVE")
    assert browser.get_log("browser") == []
