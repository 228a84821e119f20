import re

import pytest

from edgecnn.cli.optional_values import OptionalValue, fill_optional_values

WEB = {"--web": OptionalValue(re.compile(r"[^/\s]*:\d+"), "127.0.0.1:8008")}


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ("camera --web", "camera --web=127.0.0.1:8008"),
        ("camera --web 0.0.0.0:80", "camera --web=0.0.0.0:80"),
        ("camera --web :0 --json", "camera --web=:0 --json"),
        ("camera --web [::1]:80", "camera --web=[::1]:80"),
        ("camera --web --json", "camera --web=127.0.0.1:8008 --json"),
        ("camera --web clip.mp4", "camera --web=127.0.0.1:8008 clip.mp4"),
        ("camera --web rtsp://host:8554", "camera --web=127.0.0.1:8008 rtsp://host:8554"),
        ("camera --web=h:1 clip.mp4", "camera --web=h:1 clip.mp4"),
        ("camera -- --web", "camera -- --web"),
    ],
)
def test_a_value_is_taken_only_where_it_looks_like_one(given, filled):
    assert fill_optional_values(given.split(), WEB) == filled.split()
