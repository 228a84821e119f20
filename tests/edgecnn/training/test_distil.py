from dataclasses import replace

import numpy as np
import pytest
import torch
from edgecnn_runtime.errors import DataError
from support.training import train_toy

from edgecnn.data import PicturesInMemory
from edgecnn.training import Listener
from edgecnn.training.distillation import divergences, load_teacher
from edgecnn.zoo.run_record import TeacherRecord
from edgecnn.zoo.runs import hash_weights, read_run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def contrary(toy, tmp_path_factory):
    """A run that calls every class by the name of the next."""

    def moved(split):
        return PicturesInMemory(split.pixels, (split.labels + 1) % 3)

    folder = tmp_path_factory.mktemp("contrary") / "run"
    assert train_toy(replace(toy, train=moved(toy.train), test=moved(toy.test)), folder).evaluation.accuracy == 1.0
    return folder


def test_a_student_learns_its_teacher_s_answers_not_the_labels(toy, contrary, tmp_path, precision):
    plans = []
    teacher = load_teacher(contrary, toy, CPU)
    outcome = train_toy(toy, tmp_path, teacher=teacher, listener=Listener(on_plan=plans.append), precision=precision)
    answers = outcome.evaluation.logits.argmax(1)
    assert (answers == (toy.test.labels + 1) % 3).all() and outcome.evaluation.accuracy == 0.0
    assert plans[0].step_time.teacher_seconds > 0
    assert plans[0].seconds > plans[0].steps * plans[0].step_time.step_seconds
    assert read_run(tmp_path).teacher == TeacherRecord("run", hash_weights(contrary)) == teacher.record
    assert read_run(contrary).teacher is None


def test_the_loss_of_a_student_is_least_where_it_agrees(toy, contrary):
    teacher = load_teacher(contrary, toy, CPU)
    wanted = teacher.answer(torch.from_numpy(toy.test.batch(np.arange(10))))
    torch.testing.assert_close(divergences(wanted, wanted), torch.zeros(10), atol=1e-5, rtol=0)
    assert (divergences(-wanted, wanted) > 0.1).all()
    logits = wanted.clone().requires_grad_()
    divergences(logits + 1, wanted).sum().backward()  # answers do not depend on what is added to all logits
    assert logits.grad is not None and logits.grad.abs().max() < 1e-4


def test_where_pictures_come_again_the_teacher_is_asked_once(toy, contrary, tmp_path):
    # Four batches an epoch: of six epochs only the first two ask.
    asked, plans = [], []

    def told(network, inputs, answers):
        asked.append(len(answers))

    teacher = load_teacher(contrary, toy, CPU)
    teacher.module.register_forward_hook(told)
    whole = train_toy(
        toy, tmp_path / "whole", epochs=6, repeat=2, teacher=teacher, listener=Listener(on_plan=plans.append)
    )
    timed = 4
    assert asked == [50] * (timed + 2 * 4)
    speed = plans[0].step_time
    assert plans[0].seconds == pytest.approx(6 * 4 * speed.step_seconds + 2 * 4 * speed.teacher_seconds)
    assert whole.evaluation.accuracy == 0.0

    def stop(line):
        if line.epoch == 3:
            raise KeyboardInterrupt

    settings = {"epochs": 6, "repeat": 2, "teacher": teacher}
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path / "part", **settings, listener=Listener(on_epoch=stop))
    resumed = train_toy(toy, tmp_path / "part", **settings, resume=True, listener=Listener(on_plan=plans.append))
    assert plans[1].seconds == pytest.approx(
        3 * 4 * plans[1].step_time.step_seconds + 2 * 4 * plans[1].step_time.teacher_seconds
    )
    assert (resumed.evaluation.logits == whole.evaluation.logits).all()
    assert hash_weights(tmp_path / "part") == hash_weights(tmp_path / "whole")


def test_a_run_goes_on_with_the_teacher_it_began_with(toy, toy_run, contrary, tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    teacher = load_teacher(contrary, toy, CPU)
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path, teacher=teacher, listener=Listener(on_epoch=stop))
    for other in (None, load_teacher(toy_run, toy, CPU)):
        with pytest.raises(DataError, match="was begun with another teacher"):
            train_toy(toy, tmp_path, teacher=other, resume=True)
    assert train_toy(toy, tmp_path, teacher=teacher, resume=True).evaluation.accuracy == 0.0


def test_a_teacher_knows_the_same_classes_and_sees_the_same_pictures(toy, toy_run, tmp_path):
    with pytest.raises(DataError, match=r"knows 3 classes \(0, 1, 2\), the data has 4 classes \(a, b, c, …\)"):
        load_teacher(toy_run, replace(toy, labels=("a", "b", "c", "d")), CPU)
    larger = replace(toy, preprocess=replace(toy.preprocess, height=24, width=24, resize_to=24))
    with pytest.raises(DataError, match=r"takes pictures of 20×20 RGB pixels .*, the student 24×24 RGB pixels"):
        load_teacher(toy_run, larger, CPU)
    with pytest.raises(DataError, match=r"is no run of edgecnn train"):
        load_teacher(tmp_path, toy, CPU)
