"""The browser view in a real browser: Chromium, driven by selenium."""

import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.command import Running, start_edgecnn
from support.models import LABELS

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")
selenium = pytest.importorskip("selenium", reason="selenium is not installed")

from support.streams import MjpegServer  # noqa: E402
from support.web_camera import Snapshots, self_signed, serving  # noqa: E402

SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --window-size=1200,800"
)


@dataclass(frozen=True)
class Page:
    """A camera, the program that shows it, and the address of its page."""

    camera: MjpegServer
    command: Running
    address: str


@pytest.fixture
def page(model: Path, tmp_path: Path) -> Iterator[Page]:
    arguments = ("--model", model, "--web", "--address", "127.0.0.1:0", "--folder", tmp_path)
    with MjpegServer() as camera, start_edgecnn("camera", camera.url, *arguments) as command:
        address = re.search(r"http://\S+", command.error_line())
        assert address is not None
        yield Page(camera, command, address[0])
        if command.alive:
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


def text(browser, name: str) -> str:
    return browser.find_element("id", name).text


def test_picture_bars_buttons_and_states(page: Page, browser) -> None:
    browser.get(page.address)
    until(lambda: text(browser, "state") == "LIVE")
    until(lambda: browser.execute_script("return document.getElementById('picture').naturalWidth") == 640)
    assert text(browser, "label") in LABELS
    until(lambda: "fps" in text(browser, "rates"))
    assert len(browser.find_elements("css selector", "#bars .bar")) == len(LABELS)
    edges = browser.find_element("css selector", "button[data-key='7']")
    edges.click()
    until(lambda: edges.get_attribute("aria-pressed") == "true")
    until(lambda: browser.execute_script("return document.getElementById('picture').naturalWidth") == 1280)
    browser.find_element("tag name", "body").send_keys("1")
    until(lambda: edges.get_attribute("aria-pressed") == "false")
    for keys, shown in (
        ("7f", "8"),
        ("f", "1"),
        ("1c", "6"),
        ("6", "6"),
        ("e", "2"),
        ("e", "3"),
        ("f", "5"),
        ("7e", "7"),
    ):
        browser.find_element("tag name", "body").send_keys(keys)
        button = browser.find_element("css selector", f"button[data-key='{shown}']")
        until(lambda button=button: button.get_attribute("aria-pressed") == "true")
    page.camera.cut()
    until(lambda: text(browser, "state") == "RECONNECTING")
    page.camera.resume()
    until(lambda: text(browser, "state") == "LIVE")
    assert browser.get_log("browser") == []


def test_a_snapshots_message_hides_no_state_and_h_lists_the_keys(page: Page, browser) -> None:
    browser.get(page.address)
    until(lambda: text(browser, "state") == "LIVE")
    body = browser.find_element("tag name", "body")
    page.camera.freeze()
    until(lambda: text(browser, "state") in ("STALE", "RECONNECTING"))
    body.send_keys("6")
    body.send_keys("s")
    assert text(browser, "note")
    page.camera.resume()
    until(lambda: text(browser, "state") == "LIVE")
    body.send_keys("s")
    until(lambda: text(browser, "message").startswith("saved "))
    until(lambda: text(browser, "message") == "")
    body.send_keys("h")
    until(lambda: "where the network looks" in text(browser, "help"))
    body.send_keys("h")
    until(lambda: not browser.find_element("id", "help").is_displayed())
    for button in browser.find_elements("css selector", "#buttons button"):
        assert button.get_attribute("title")


def test_after_the_end_the_page_says_so_and_dims(page: Page, browser) -> None:
    browser.get(page.address)
    until(lambda: text(browser, "state") == "LIVE")
    page.command.finish(number=signal.SIGTERM)
    until(lambda: text(browser, "state") in ("ENDED", "NO CONNECTION"))
    picture = browser.find_element("id", "picture")
    for shown in (picture, browser.find_element("id", "label"), browser.find_element("id", "bars")):
        assert float(shown.value_of_css_property("opacity")) < 0.5
    time.sleep(3)
    assert text(browser, "state") in ("ENDED", "NO CONNECTION"), "it stays so"


def test_a_notice_about_the_source_is_on_the_page(model: Path, browser, tmp_path: Path) -> None:
    arguments = ("--model", model, "--web", "--address", "127.0.0.1:0")
    with (
        serving(Snapshots(), context=self_signed(tmp_path)) as camera,
        start_edgecnn("camera", f"{camera}/snap.jpg", *arguments) as command,
    ):
        address = re.search(r"http://\S+", command.error_line())
        assert address is not None
        browser.get(address[0])
        until(lambda: "cannot be verified" in text(browser, "notice"))


def test_on_an_upright_phone_two_pictures_stand_below_each_other(page: Page, browser) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.address)
    until(lambda: text(browser, "state") == "LIVE")
    second = browser.find_element("id", "second")
    assert not second.is_displayed()
    browser.find_element("tag name", "body").send_keys("7")
    until(second.is_displayed)
    until(lambda: second.size["width"] > 300 and second.location["y"] > 200)
    first = browser.find_element("id", "picture")
    assert second.location["y"] >= first.location["y"] + first.size["height"]
    colors = "return new Set(arguments[0].getContext('2d').getImageData(0, 0, 300, 200).data).size"
    until(lambda: browser.execute_script(colors, second) > 10)


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (1200, 800)], ids=str)
@pytest.mark.parametrize("key", ["1", "7"])
def test_the_label_is_on_the_screen(page: Page, browser, size: tuple[int, int], key: str) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 900}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.address)
    until(lambda: text(browser, "state") == "LIVE")
    browser.find_element("tag name", "body").send_keys(key)
    pressed = browser.find_element("css selector", f"button[data-key='{key}']")
    until(lambda: pressed.get_attribute("aria-pressed") == "true")
    until(lambda: browser.execute_script("return document.getElementById('picture').naturalWidth") > 0)
    place = browser.execute_script(
        "const box = document.getElementById('label').getBoundingClientRect(); return [box.right, box.bottom, box.top]"
    )
    assert 0 < place[0] <= size[0]
    assert 0 < place[2] < place[1] <= size[1]
