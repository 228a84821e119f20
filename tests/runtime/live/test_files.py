"""Video files that are not as plain as a clip: without times, with uneven ones, with pixels that are not square."""

import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecnn_runtime import Classifier, SourceError
from edgecnn_runtime.live import LiveClassifier, Source, SourceOptions
from edgecnn_runtime.live.captures.timeline import Timeline
from support.live import write_clip
from support.streams import ffmpeg

COLORS = "color=c=0x8c6e6e:size=64x48:rate=25:duration=1[a];color=c=0x6e8c6e:size=64x48:rate=25:duration=1[b]"


@pytest.fixture(params=["h264", "hevc"])
def raw(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A raw stream, as camera programs write it: a second of reddish pictures, then one of greenish."""
    encoder = {"h264": "libx264", "hevc": "libx265"}[request.param]
    colors = f"{COLORS};[a][b]concat"
    ffmpeg("-f", "lavfi", "-i", colors, "-c:v", encoder, "-f", request.param, "raw.bin", cwd=tmp_path)
    return tmp_path / "raw.bin"


def test_time_goes_on_where_a_stream_brings_none(raw: Path, classifier: Classifier) -> None:
    with LiveClassifier(classifier, raw) as live:
        views = list(live)
    positions = [view.frame.position_s for view in views if view.frame is not None]
    assert len(positions) == 50
    np.testing.assert_allclose(np.diff(positions), 1 / 25, atol=1e-6)
    assert [view.label for view in views[:25]] == ["red"] * 25
    assert views[-1].label == "green", "the shown label froze"


def test_a_stream_without_times_is_paced_by_its_rate(raw: Path) -> None:
    started = time.monotonic()
    with Source(raw, SourceOptions(realtime=True)) as source:
        assert sum(1 for _ in source) == 50
    assert time.monotonic() - started >= 49 / 25 - 0.1


def test_times_that_cannot_be_go_on_by_the_rate() -> None:
    timeline = Timeline(10)
    for told in (5.0, 5.1, 5.1, 4.0, 4.2, 90_000.0, 90_000.1):
        before = timeline.position_s
        timeline.tick(told)
        assert timeline.position_s is not None
        assert before is None or 0 < timeline.position_s - before < 1
    assert timeline.position_s == pytest.approx(5.0 + 0.1 + 0.1 + 0.1 + 0.2 + 0.1 + 0.1)
    unknown = Timeline(0)
    unknown.tick(0)
    unknown.tick(0)
    assert unknown.position_s == pytest.approx(1 / 25)


def test_a_paced_file_keeps_its_pace_after_falling_behind(tmp_path: Path) -> None:
    with Source(write_clip(tmp_path / "clip.avi", frames=20), SourceOptions(realtime=True)) as source:
        source.read()
        time.sleep(1.5)  # far longer than the whole clip
        rest = [frame.grabbed_at for frame in source]
    # The reader holds one frame ready and may catch up with a quarter of a second; the others keep their distance.
    assert rest[-1] - rest[2] >= 16 / 20 - 0.35


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    test_picture = "testsrc=size=160x120:rate=5:duration=1"
    for name, shape in (("wide", "2"), ("narrow", "12/11"), ("square", "1")):
        ffmpeg("-f", "lavfi", "-i", test_picture, "-vf", f"setsar={shape}", f"{name}.mp4", cwd=tmp_path)
    sizes = {}
    for name in ("wide", "narrow", "square"):
        with Source(tmp_path / f"{name}.mp4") as source:
            frame = source.read()
            assert frame is not None
            sizes[name] = (frame.image.shape[1], frame.image.shape[0])
    assert sizes == {"wide": (320, 120), "narrow": (175, 120), "square": (160, 120)}


def test_a_name_with_a_colon_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "2024-11-25T12:30:00.avi"
    write_clip(tmp_path / "clip.avi", frames=3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with Source(name) as source:
        assert sum(1 for _ in source) == 3


def test_a_codec_that_cannot_be_decoded_is_an_error(tmp_path: Path) -> None:
    picture = "testsrc=size=64x64:rate=5:duration=1"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libaom-av1", "-cpu-used", 8, "new.mp4", cwd=tmp_path)
    if cv2.VideoCapture(str(tmp_path / "new.mp4"), cv2.CAP_FFMPEG).read()[0]:
        pytest.skip("this OpenCV decodes AV1")
    with Source(tmp_path / "new.mp4") as source, pytest.raises(SourceError, match="not one picture could be decoded"):
        source.read()


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_whole_file_with_uneven_times_does_not_end_early(tmp_path: Path, ending: str) -> None:
    # Every frame of the first second, every fifth one of the others.
    uneven = "select='lt(n,25)+not(mod(n,5))'"
    source = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=4")
    ffmpeg(*source, "-vf", uneven, "-fps_mode", "vfr", f"uneven.{ending}", cwd=tmp_path)
    with Source(tmp_path / f"uneven.{ending}") as opened:
        positions = [frame.position_s for frame in opened]
        assert (len(positions), opened.note) == (40, "")
    assert all(later > earlier for earlier, later in pairwise(positions) if earlier is not None and later is not None)


@pytest.mark.parametrize("ending", ["avi", "mkv"])
def test_a_file_that_was_cut_does(tmp_path: Path, ending: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=4", "-c:v", "mjpeg", f"a.{ending}", cwd=tmp_path)
    whole = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(whole[: len(whole) // 2])
    with Source(tmp_path / f"cut.{ending}") as source:
        count = sum(1 for _ in source)
        assert 30 < count < 70
        assert f"the file ends early: {count} of " in source.note
