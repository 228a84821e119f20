"""The programs in samples/ that embed the live parts."""

import importlib.util
import sys
from pathlib import Path

import pytest
from support.command import python

pytest.importorskip("cv2", reason="the live parts need OpenCV: pip install opencv-python")
SAMPLES = Path(__file__).parents[2] / "samples"


def run(name: str, *arguments: object) -> str:
    done = python(SAMPLES / name, *arguments)
    assert done.code == 0, done
    return done.out


def test_live_embed_prints_a_line_a_frame(tmp_path: Path) -> None:
    from PIL import Image

    for index in range(3):
        Image.new("RGB", (64, 48), (index * 80, 90, 20)).save(tmp_path / f"{index}.png")
    lines = run("live_embed.py", tmp_path).splitlines()
    assert len(lines) == 3
    assert all("64×48" in line and "ms old" in line for line in lines)


def test_live_counter_counts_visits_and_not_flickers() -> None:
    spec = importlib.util.spec_from_file_location("live_counter", SAMPLES / "live_counter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["live_counter"] = module
    spec.loader.exec_module(module)
    seen = []
    visits = module.Visits(frozenset({"cup", "mug"}), lambda label, count: seen.append((label, count)))
    timeline = [("wall", 0.0, 1.0), ("cup", 1.0, 1.2), ("wall", 1.2, 2.0), ("cup", 2.0, 3.0), ("wall", 3.0, 3.3)]
    timeline += [("mug", 3.3, 5.0), ("wall", 5.0, 7.0), ("mug", 7.0, 8.0)]
    for label, start, end in timeline:
        for step in range(int((end - start) * 20)):
            visits.see(label, start + step / 20)
    assert seen == [("cup", 1), ("mug", 2)]


def test_live_counter_counts_geese_in_a_real_clip(data_dir: Path) -> None:
    clip = data_dir / "videos" / "geese_on_water_720p.mp4"
    last = run("live_counter.py", clip, "goose", "American egret").splitlines()[-1]
    assert 1 <= int(last.split()[0]) <= 3
