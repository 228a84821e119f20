"""The browser view in a real browser: Chromium, driven by selenium."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")
selenium = pytest.importorskip("selenium", reason="selenium is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime" / "live"))

from live_models import color_model  # noqa: E402
from live_streams import MjpegServer  # noqa: E402

COMMAND = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "camera"]
SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --window-size=1200,800"
)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[str, MjpegServer]]:
    model = tmp_path / "colors.onnx"
    model.write_bytes(color_model())
    with MjpegServer() as camera:
        command = [*COMMAND, camera.url, "--model", str(model), "--web", "127.0.0.1:0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        address = re.search(r"http://\S+", process.stderr.readline())
        assert address is not None
        yield address[0], camera
        process.terminate()
        process.communicate(timeout=20)


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


def until(condition: Callable[[], object], seconds: float = 10) -> None:
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
    assert text("label") in ("red", "green", "blue")
    until(lambda: "fps" in text("rates"))
    assert len(browser.find_elements("css selector", "#bars .bar")) == 5
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
