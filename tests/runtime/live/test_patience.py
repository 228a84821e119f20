import pytest
from edgecnn_runtime.live.patience import Patience


class Clock:
    """Time that a test moves, in the place of the computer's."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("edgecnn_runtime.live.patience.time", made)
    return made


def frames(patience: Patience, clock: Clock, *, count: int, interval_s: float) -> None:
    patience.connected()
    for _ in range(count):
        clock.now += interval_s
        patience.frame(clock.now)


def silence(patience: Patience, clock: Clock) -> None:
    """A connection that brings nothing until the patience is over."""
    patience.connected()
    clock.now += patience.seconds
    patience.lost()


def test_it_follows_the_pace_and_never_falls_below_what_was_asked_for(clock: Clock) -> None:
    patience = Patience(2.0)
    frames(patience, clock, count=5, interval_s=0.03)
    assert patience.seconds == 2.0
    frames(patience, clock, count=3, interval_s=20)
    assert patience.seconds == pytest.approx(60)
    frames(patience, clock, count=20, interval_s=0.03)
    assert patience.seconds == 2.0
    frames(patience, clock, count=3, interval_s=3600)
    assert patience.seconds == 300, "even a time lapse goes away once"


def test_a_source_that_never_sent_two_frames_is_given_more_each_time(clock: Clock) -> None:
    patience = Patience(2.0)
    waited = []
    for _ in range(6):
        waited.append(patience.seconds)
        silence(patience, clock)
    assert waited == [2, 4, 8, 16, 30, 30]


def test_a_known_pace_is_not_doubted_at_the_first_outage(clock: Clock) -> None:
    patience = Patience(2.0)
    for _ in range(5):
        frames(patience, clock, count=3, interval_s=0.03)
        clock.now += 2.0
        patience.lost()
        silence(patience, clock)
        frames(patience, clock, count=1, interval_s=0.03)
        assert patience.seconds == 2.0
    for _ in range(3):
        silence(patience, clock)
    assert patience.seconds == 4.0


def test_a_connection_that_breaks_off_says_nothing_about_the_pace(clock: Clock) -> None:
    patience = Patience(2.0)
    for _ in range(10):
        patience.connected()
        clock.now += 0.01
        patience.lost()
        clock.now += 600
    assert patience.seconds == 2.0
