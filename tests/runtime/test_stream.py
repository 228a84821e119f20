import threading
import time

import numpy as np
import pytest
from edgecnn_runtime import Classifier, Failure, ImageError, OptionError, Result
from edgecnn_runtime.stream import stream
from support.models import packed
from support.pictures import BLUE, GREEN, RED, plain

COLORS = {"red": RED, "green": GREEN, "blue": BLUE}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(packed(), device="cpu", threads=1)


@pytest.mark.parametrize("workers", [1, 2, 7, None])
def test_order_is_kept(classifier, workers):
    names = [list(COLORS)[i * i % 3] for i in range(60)]
    sizes = [(900, 700) if i % 7 == 0 else (20, 16) for i in range(60)]
    sources = (plain(COLORS[name], size) for name, size in zip(names, sizes, strict=True))
    assert [result.label for result in classifier.stream(sources, workers=workers)] == names


def test_the_source_is_read_only_a_little_ahead(classifier):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield plain(RED)

    ahead = []
    answers = classifier.stream(endless(), workers=3)
    for given in range(1, 60):
        assert isinstance(next(answers), Result)
        ahead.append(taken - given)
    answers.close()
    assert max(ahead) <= 6


def test_nothing_is_read_before_it_is_asked_for(classifier):
    def explosive():
        raise AssertionError("read too early")
        yield

    classifier.stream(explosive())


def test_errors_stop_the_stream_or_stand_in_it(classifier):
    sources = [plain(RED), b"no picture", "absent.jpg", plain(BLUE)]
    answers = list(classifier.stream(sources, errors="yield"))
    assert [type(answer) for answer in answers] == [Result, Failure, Failure, Result]
    assert isinstance(answers[1].error, ImageError)
    assert str(answers[1].error).startswith("<10 bytes> is not a picture; expected JPEG")
    assert answers[2].source == "absent.jpg"
    assert str(answers[2].error) == "absent.jpg cannot be read: No such file or directory."
    given = []
    with pytest.raises(ImageError, match="is not a picture"):
        for answer in classifier.stream(sources):
            given.append(answer.label)
    assert given == ["red"]


def test_an_error_that_is_no_pictures_fault_is_never_swallowed():
    def broken(source):
        raise ZeroDivisionError(source)

    with pytest.raises(ZeroDivisionError):
        list(stream(broken, [b"a"], errors="yield"))


def test_wrong_options_are_named_at_once(classifier):
    with pytest.raises(OptionError, match="workers is 0; expected 1 or more"):
        classifier.stream([], workers=0)
    with pytest.raises(OptionError, match="errors is 'ignore'; expected 'raise' or 'yield'"):
        classifier.stream([], errors="ignore")


def test_pictures_overlap_and_threads_end_with_the_stream():
    running, most, lock = 0, 0, threading.Lock()

    def slow(source):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return source

    assert list(stream(slow, list(range(20)), workers=4)) == list(range(20))
    assert most == 4
    answers = stream(slow, iter(range(1000)), workers=4)
    next(answers)
    answers.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("edgecnn-stream")]


def test_many_arrays_need_no_more_memory_than_a_few(classifier):
    alive, most = 0, 0

    class Counted(np.ndarray):
        def __array_finalize__(self, _):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    def arrays():
        for _ in range(200):
            yield np.zeros((64, 64, 3), np.uint8).view(Counted)

    assert sum(1 for _ in classifier.stream(arrays(), workers=2)) == 200
    assert most <= 16


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_source_may_wait_for_the_answer_to_what_it_gave(classifier, workers):
    answered = threading.Semaphore(0)
    given = []

    def waits_for_its_answer():
        for color in COLORS.values():
            yield plain(color)
            assert answered.acquire(timeout=60)

    for result in classifier.stream(waits_for_its_answer(), workers=workers):
        given.append(result.label)
        answered.release()
    assert given == list(COLORS)


def test_an_answer_does_not_wait_for_a_picture_that_never_comes(classifier):
    never = threading.Event()

    def first_and_no_more():
        yield plain(GREEN)
        never.wait(60)

    answers = classifier.stream(first_and_no_more(), workers=4)
    assert next(answers).label == "green"
    start = time.monotonic()
    answers.close()
    assert time.monotonic() - start < 30
    never.set()


@pytest.mark.parametrize("errors", ["raise", "yield"])
@pytest.mark.parametrize("error", [ZeroDivisionError, ImageError])
def test_what_the_source_raises_comes_after_the_answers_to_what_it_gave(classifier, error, errors):
    def breaks():
        yield plain(RED)
        yield plain(GREEN)
        raise error("the source's own")

    given = []
    with pytest.raises(error, match="the source's own"):
        for result in classifier.stream(breaks(), workers=3, errors=errors):
            given.append(result.label)
    assert given == ["red", "green"]


def test_something_that_cannot_be_read_one_by_one_is_named_at_once(classifier):
    with pytest.raises(TypeError, match="not iterable"):
        next(classifier.stream(17))
