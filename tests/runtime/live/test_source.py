import threading
import time
from pathlib import Path

import numpy as np
import pytest
from edgecnn_runtime import Classifier, OptionError, SourceError
from edgecnn_runtime.live import Source, SourceOptions, State
from edgecnn_runtime.live.shrink import pixels_from_bgr
from PIL import Image
from support.command import NO_DISPLAY, python
from support.live import write_clip
from support.pictures import scene
from support.streams import MjpegServer, silent_server

QUICK = SourceOptions(open_timeout_s=1.0, read_timeout_s=0.5, stale_after_s=0.3)


def wait_for(condition, timeout_s: float = 60.0) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < timeout_s, "did not happen in time"
        time.sleep(0.01)


def test_a_file_drops_nothing_and_ends(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.avi")
    with Source(tmp_path / "clip.avi") as source:
        frames = []
        for frame in source:
            time.sleep(0.01)
            frames.append(frame)
        assert [frame.index for frame in frames] == list(range(20))
        assert source.dropped == 0
        assert source.state is State.ENDED
        assert frames[0].image.shape == (240, 320, 3)
        assert frames[19].position_s == pytest.approx(19 / 20, abs=0.06)


def test_image_is_rgb_and_bgr_is_the_decoders_buffer(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "a.png")
    with Source(tmp_path) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image[0, 0].tolist() == [255, 0, 0]
    write_clip(tmp_path / "clip.avi")
    with Source(tmp_path / "clip.avi") as source:
        frame = source.read()
    assert frame is not None
    assert np.shares_memory(frame.image, frame.bgr)
    assert frame.bgr.flags.c_contiguous


def test_realtime_paces_a_file_and_loop_goes_on(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.avi", frames=10)
    with Source(tmp_path / "clip.avi", SourceOptions(realtime=True, loop=True)) as source:
        started = time.monotonic()
        frames = [source.read() for _ in range(25)]
        took = time.monotonic() - started
    assert all(frame is not None for frame in frames)
    assert took >= 24 / 20 - 0.1


def test_a_file_cut_in_the_middle_of_a_frame_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.avi", frames=20)
    whole = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    with Source(tmp_path / "cut.avi") as source:
        count = sum(1 for _ in source)
        assert 5 <= count <= 12
    (tmp_path / "no.mp4").write_bytes(b"\0" * 1000)
    with pytest.raises(SourceError, match="not a video that FFmpeg can read"):
        Source(tmp_path / "no.mp4").open()


def test_a_folder_plays_in_the_order_of_numbers_and_skips_what_is_no_picture(tmp_path: Path) -> None:
    for index in (10, 2, 1):
        Image.fromarray(np.full((8, 8, 3), index, np.uint8)).save(tmp_path / f"p{index}.png")
    Image.fromarray(np.full((8, 8, 3), 3, np.uint8)).save(tmp_path / "p3", "WEBP", lossless=True)
    (tmp_path / "p4.png").write_bytes(b"no picture")
    (tmp_path / "list.csv").write_text("name,label")
    (tmp_path / ".p5.png").write_bytes((tmp_path / "p2.png").read_bytes())
    with Source(tmp_path) as source:
        assert source.details == "5 pictures"
        assert [int(frame.image[0, 0, 0]) for frame in source] == [1, 2, 3, 10]
        assert source.note.startswith("files that are no pictures: 1; 1 of 5 files could not be read, the last: ")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no pictures"):
        Source(tmp_path / "empty").open()


def test_a_folders_large_jpegs_are_decoded_at_a_fraction(tmp_path: Path, classifier: Classifier) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = scene(4800, 3600)
    photo.save(tmp_path / "photo.jpg", quality=90, exif=exif)
    with Source(tmp_path) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image.shape == (2400, 1800, 3), "half of it, upright"
    shown = pixels_from_bgr(frame.bgr, classifier.model.preprocess)
    assert np.abs(shown.astype(int) - classifier.prepare(tmp_path / "photo.jpg")).mean() < 2


def test_an_iterable_gives_every_array_with_gray_and_alpha_made_rgb() -> None:
    arrays = [np.full((4, 4), 7, np.uint8), np.full((4, 4, 1), 8, np.uint8), np.full((4, 4, 4), 9, np.uint8)]
    with Source(arrays) as source:
        frames = list(source)
    assert [frame.image.shape for frame in frames] == [(4, 4, 3)] * 3
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [7, 8, 9]
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[..., 0] = 200
    with Source([rgb]) as source:
        frame = source.read()
    assert frame is not None
    assert frame.image[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.float32), "array of float32"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        ("text", "gave a str"),
    ],
)
def test_an_iterable_of_something_else_says_what_came(array: object, text: str) -> None:
    with Source([array]) as source, pytest.raises(SourceError, match=text):
        source.read()


def test_an_iterable_that_fails_passes_its_error_on() -> None:
    def broken():
        yield np.zeros((2, 2, 3), np.uint8)
        raise RuntimeError("sensor on fire")

    with Source(broken()) as source:
        assert source.read() is not None
        with pytest.raises(SourceError, match="sensor on fire"):
            source.read()


def test_slow_readers_get_the_newest_frame_and_drops_are_counted(mjpeg: MjpegServer) -> None:
    with Source(mjpeg.url) as source:
        frames = []
        for _ in range(12):
            grabbed = source.captured
            frame = source.read()
            assert frame is not None
            assert frame.index >= grabbed - 1, "a frame that was older than the newest"
            frames.append(frame)
            time.sleep(0.15)
        assert sum(frame.dropped for frame in frames[1:]) > 0
        # Every frame is handed out or counted, up to the one that may lie in the slot.
        assert frames[-1].index + 1 == len(frames) + sum(frame.dropped for frame in frames)


def test_a_frozen_sender_is_noticed_and_its_return_too(mjpeg: MjpegServer) -> None:
    with Source(mjpeg.url, SourceOptions(read_timeout_s=1.0, open_timeout_s=1.0, stale_after_s=0.5)) as source:
        assert source.read() is not None
        mjpeg.freeze()
        wait_for(lambda: source.note.startswith("no new frame for") or source.state is State.RECONNECTING)
        wait_for(lambda: source.state is State.RECONNECTING)
        mjpeg.resume()
        while (frame := source.read(timeout_s=60)) is not None and frame.connection == 0:
            pass
        assert frame is not None
        assert source.state is State.LIVE


def test_cuts_in_a_row_are_survived_without_more_threads_or_descriptors(mjpeg: MjpegServer) -> None:
    process = pytest.importorskip("psutil", reason="psutil is not installed").Process()
    with Source(mjpeg.url, QUICK) as source:
        assert source.read() is not None
        threads, descriptors = threading.active_count(), process.num_fds()
        for cut in range(6):
            mjpeg.cut()
            wait_for(lambda: source.state is State.RECONNECTING)
            mjpeg.resume()
            frame = source.read(timeout_s=60)
            while frame is not None and frame.connection <= cut:
                frame = source.read(timeout_s=60)
            assert frame is not None
        assert process.num_fds() <= descriptors + 1
        assert threading.active_count() <= threads + 1


def test_a_sender_that_comes_back_with_another_size(mjpeg: MjpegServer) -> None:
    with Source(mjpeg.url, QUICK) as source:
        first = source.read()
        mjpeg.cut()
        wait_for(lambda: source.state is State.RECONNECTING)
        mjpeg.size = (800, 600)
        mjpeg.resume()
        for frame in source:
            if frame.image.shape == (600, 800, 3):
                break
        assert first is not None
        assert first.image.shape == (480, 640, 3)


def test_one_picture_for_ever_and_black_ones_are_noticed(mjpeg: MjpegServer) -> None:
    with Source(mjpeg.url, SourceOptions(repeat_after_s=0.4)) as source:
        mjpeg.repeat = True
        wait_for(lambda: source.state is State.STALE)
        assert "repeats" in source.note
        mjpeg.repeat = False
        wait_for(lambda: source.state is State.LIVE)
        mjpeg.black = True
        wait_for(lambda: source.state is State.STALE)
        assert "black" in source.note


def test_without_reconnect_a_loss_is_an_error(mjpeg: MjpegServer) -> None:
    with Source(mjpeg.url, SourceOptions(reconnect=False, read_timeout_s=0.5)) as source:
        assert source.read() is not None
        mjpeg.cut()
        with pytest.raises(SourceError, match="went away"):
            for _ in source:
                pass


def test_nobody_there_and_somebody_silent(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did not answer with a video stream: nothing listens on that port"):
        Source("http://127.0.0.1:9/x", QUICK).open()
    with silent_server() as url:
        started = time.monotonic()
        with pytest.raises(SourceError, match="check the address"):
            Source(url, QUICK).open()
        assert time.monotonic() - started < 20, "FFmpeg's own limit is 30 seconds"


class HangingCapture:
    """Gives one picture, then never returns from `read` until it is let go."""

    details, position_s, note = "hanging", None, ""
    release = threading.Event()
    opened = 0

    def __init__(self) -> None:
        type(self).opened += 1
        self.reads = 0

    def read(self):
        self.reads += 1
        if self.reads > 1:
            self.release.wait(20)
            return None
        return np.full((4, 4, 3), 50, np.uint8)

    def close(self) -> None:
        pass


def test_a_read_that_never_returns_is_given_up_with_its_thread() -> None:
    options = SourceOptions(read_timeout_s=0.1, open_timeout_s=0.1, stale_after_s=0.1)
    before = threading.active_count()
    try:
        with Source(0, options, opener=lambda *_: HangingCapture()) as source:
            first = source.read()
            second = source.read(timeout_s=60)
            assert first is not None
            assert second is not None
            assert (first.connection, second.connection) == (0, 1)
            for _ in range(6):
                source.read(timeout_s=0.5)
            assert threading.active_count() - before <= 5
    finally:
        HangingCapture.release.set()
    wait_for(lambda: threading.active_count() <= before)


def test_close_in_another_thread_ends_the_loop(mjpeg: MjpegServer) -> None:
    source = Source(mjpeg.url)
    source.open()
    threading.Timer(0.3, source.close).start()
    assert sum(1 for _ in source) > 0
    assert source.state is State.ENDED


def test_options_say_what_is_wrong_with_them() -> None:
    with pytest.raises(OptionError, match=r"fps is 0; expected a rate above 0"):
        SourceOptions(fps=0)
    with pytest.raises(OptionError, match="size is"):
        SourceOptions(size=(0, 480))
    with pytest.raises(OptionError, match="read_timeout_s is 0"):
        SourceOptions(read_timeout_s=0)


def test_the_screen_without_a_display_says_so() -> None:
    pytest.importorskip("mss", reason="mss is not installed")
    script = (
        "from edgecnn_runtime.live import Source\n"
        "try:\n    Source('screen').open()\nexcept OSError as error:\n    print(error)\n"
    )
    done = python("-c", script, env=NO_DISPLAY)
    assert "the screen cannot be grabbed" in done.out, done


class LargeCapture:
    """A 4K camera at 60 frames a second."""

    details, position_s, note = "4K", None, ""

    def __init__(self) -> None:
        self.due = time.monotonic()
        self.count = 0

    def read(self):
        self.due = max(self.due + 1 / 60, time.monotonic() - 1)
        time.sleep(max(0.0, self.due - time.monotonic()))
        self.count += 1
        return np.full((2160, 3840, 3), self.count % 200, np.uint8)

    def close(self) -> None:
        pass


def test_a_4k_camera_at_60_fps_and_a_slow_reader_need_memory_for_a_few_frames() -> None:
    process = pytest.importorskip("psutil", reason="psutil is not installed").Process()
    with Source(0, opener=lambda *_: LargeCapture()) as source:
        source.read()
        before = process.memory_info().rss
        for _ in range(8):
            time.sleep(0.2)
            assert source.read() is not None
        assert process.memory_info().rss - before < 5 * 2160 * 3840 * 3
        assert source.dropped > 0
