from dataclasses import replace

import numpy as np
import pytest
import torch
from edgecnn_runtime.errors import OptionError
from torch import nn

from edgecnn.training.batches import epoch_batches
from edgecnn.training.default_recipes import RecipeChanges, fine_tuning_recipe
from edgecnn.training.default_recipes import default_recipe as make_recipe
from edgecnn.training.head import fit_head
from edgecnn.training.muon import Muon, orthogonalize
from edgecnn.training.normalize import normalize, pixel_statistics
from edgecnn.training.number_format import NumberFormat, choose_format, has_native_bf16
from edgecnn.training.optimizers import AveragedWeights
from edgecnn.training.probe import time_step
from edgecnn.training.recipe import Recipe, learning_rate_factor
from edgecnn.training.resources import intra_op_threads, is_out_of_memory
from edgecnn.training.scratch import whitening_filters
from edgecnn.zoo.small import SMALL_NETWORKS, create, measure_size

CPU = torch.device("cpu")


def default_recipe(data, network, *, size, pictures, teacher_classes=None, **changes):
    chosen = RecipeChanges(**changes)
    return make_recipe(data, network, size=size, pictures=pictures, changes=chosen, teacher_classes=teacher_classes)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.parametrize(("size", "channels"), [(32, 3), (28, 1)])
def test_every_network_answers(name, size, channels):
    module = create(name, 7, size, channels).eval()
    assert module(torch.zeros(2, channels, size, size)).shape == (2, 7)
    assert measure_size(module, size, channels).macs > 0


def test_sizes_are_what_is_promised():
    sizes = {name: measure_size(create(name, 10, 32), 32) for name in SMALL_NETWORKS}
    assert sizes["simple_cnn"].parameters == 167_075
    assert abs(sizes["dnn"].parameters / sizes["simple_cnn"].parameters - 1) < 0.01
    assert 77_000 < sizes["resnet8"].parameters < 79_000  # MLPerf Tiny
    assert sizes["edge_cnn_nano"].bytes_int8 < 80_000
    assert sizes["edge_cnn_small"].bytes_int8 < 280_000


def test_networks_say_what_they_cannot_be():
    with pytest.raises(OptionError, match="'nope' is no network of edgecnn; known are simple_cnn"):
        create("nope", 10, 32)
    with pytest.raises(OptionError, match="at least 16×16 pixels, got 8×8"):
        create("resnet8", 10, 8)
    with pytest.raises(OptionError, match="at least 2 classes, got 1"):
        create("resnet8", 1, 32)


def test_orthogonalize_keeps_directions_and_evens_out_their_sizes():
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(20, 20))
    right, _ = torch.linalg.qr(torch.randn(50, 20))
    matrix = left @ torch.diag(torch.logspace(0, -1, 20)) @ right.T
    u, sizes, v = torch.linalg.svd(orthogonalize(matrix), full_matrices=False)
    assert sizes.max() < 1.3 and sizes.min() > 0.5  # they were a factor of ten apart
    torch.testing.assert_close(orthogonalize(matrix.T), orthogonalize(matrix).T)
    assert (u.T @ left @ right.T @ v.T).diagonal().min() > 0.99


def test_muon_keeps_the_norm_of_a_filter_bank():
    weight = nn.Parameter(torch.randn(8, 4, 3, 3))
    optimizer = Muon([weight], lr=1e-3, momentum=0.6)
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    assert abs(weight.norm().item() - 8**0.5) < 0.05
    with pytest.raises(TypeError, match="no closure"):
        optimizer.step(lambda: 0.0)


def test_whitening_makes_unit_variance_and_both_signs():
    torch.manual_seed(0)
    smooth = nn.functional.avg_pool2d(torch.randn(200, 3, 34, 34), 3, 1)
    filters = whitening_filters(smooth, 2, 12)
    torch.testing.assert_close(filters[:12], -filters[12:])
    answers = nn.functional.conv2d(smooth, filters[:12], stride=2)
    rows = answers.permute(1, 0, 2, 3).flatten(1)
    torch.testing.assert_close(torch.cov(rows), torch.eye(12), atol=0.05, rtol=0)


def test_whitening_needs_no_gradient_and_no_border():
    module = create("edge_cnn_nano", 10, 32)
    assert not any(name.startswith("whiten") and weight.requires_grad for name, weight in module.named_parameters())
    assert module.whiten(torch.zeros(1, 3, 32, 32)).shape == (1, 24, 31, 31)


def test_the_schedule_is_a_triangle():
    factors = [learning_rate_factor(step, 100, 0.2) for step in range(100)]
    assert max(factors) == 1.0 and factors.index(1.0) == 20
    assert factors[0] < 0.05 and 0 < factors[-1] < 0.02
    assert [learning_rate_factor(step, 4, 0.0) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_averaged_weights_follow_and_smooth():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = AveragedWeights(module, steps=100, share=0.1)
    nn.init.ones_(module.weight)
    for step in range(60, 63):
        average.update(module, step)
    assert average.values["weight"].item() == pytest.approx(1 - 0.9**3)


def test_recipes_go_by_data_and_network():
    photos = default_recipe("cifar10", "edge_cnn_small", size=32, pictures=50_000)
    digits = default_recipe("mnist", "edge_cnn_nano", size=28, pictures=60_000)
    assert photos.optimizer == "muon" and photos.augment.mirror and photos.augment.shift == 2
    assert photos.skip == 0.35 and digits.skip == 0
    assert (photos.batch, photos.rate) == (500, 0.12) and (digits.batch, digits.rate) == (250, 0.08)
    smaller = default_recipe("cifar10", "edge_cnn_small", size=32, pictures=50_000, batch=250)
    assert (smaller.batch, smaller.rate) == (250, 0.08)  # a smaller step takes a lower rate
    assert default_recipe("cifar10", "edge_cnn_small", size=32, pictures=50_000, skip=0).skip == 0
    taught = {"teacher_classes": 10, "size": 32}
    student = default_recipe("cifar10", "edge_cnn_small", pictures=50_000, **taught)
    assert (student.repeat, student.skip, photos.repeat) == (10, 0, 0)
    skipping = default_recipe("cifar10", "edge_cnn_small", pictures=50_000, skip=0.2, **taught)
    assert (skipping.repeat, skipping.skip) == (0, 0.2)  # as asked for
    assert default_recipe("cifar10", "edge_cnn_small", pictures=6_000_000, **taught).repeat == 0  # no room for answers
    assert not digits.augment.mirror and digits.augment.turn > 0
    assert default_recipe("cifar10", "edge_cnn_small", size=32, pictures=50_000, shift=4).augment.shift == 4
    assert fine_tuning_recipe(224, 800).augment.shift == 14
    assert fine_tuning_recipe(224, 800, RecipeChanges(shift=0)).augment.shift == 0
    assert default_recipe("x", "resnet8", size=64, pictures=300).optimizer == "sgd"
    assert default_recipe("x", "resnet8", size=64, pictures=10, batch=64).batch == 10
    assert Recipe.from_dict(photos.to_dict()) == photos
    with pytest.raises(OptionError, match=r"Epochs that come again leave no pictures out: .*, got 4 and 0\.35"):
        replace(photos, repeat=4)
    with pytest.raises(OptionError, match="muon needs a batch norm after every convolution, which 'resnet8'"):
        default_recipe("x", "resnet8", size=64, pictures=300, optimizer="muon")
    with pytest.raises(OptionError, match="'adam' is no optimizer; known are muon, sgd, adamw"):
        default_recipe("x", "resnet8", size=64, pictures=300, optimizer="adam")


def test_batches_follow_from_seed_and_epoch_alone(toy):
    recipe = default_recipe("toy", "resnet8", size=20, pictures=200, batch=50)

    def epoch(seed, number):
        return list(epoch_batches(toy.train, recipe.augment, batch=50, seed=seed, epoch=number))

    first, again = epoch(0, 1), epoch(0, 1)
    assert all(torch.equal(one.pixels, two.pixels) for one, two in zip(first, again, strict=True))
    assert all(torch.equal(one.numbers, two.numbers) for one, two in zip(first, again, strict=True))
    assert not torch.equal(first[0].pixels, epoch(0, 2)[0].pixels)
    assert not torch.equal(first[0].pixels, epoch(1, 1)[0].pixels)
    assert sorted(torch.cat([batch.numbers for batch in first]).tolist()) == list(range(200))
    for batch in first:
        assert batch.labels.tolist() == toy.train.labels[batch.numbers].tolist()


def test_pixel_statistics_normalize(toy):
    inputs = normalize(torch.from_numpy(toy.train.batch(np.arange(200))), pixel_statistics(toy.train))
    assert inputs.shape == (200, 3, 20, 20)
    torch.testing.assert_close(inputs.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_the_head_is_a_regularized_logistic_regression():
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    centers = random.normal(size=(3, 40)).astype(np.float32)
    features = centers[labels] * 2 + random.normal(size=(300, 40)).astype(np.float32) + 5
    fitted = fit_head(features, labels, 3, seed=0)
    answers = (torch.from_numpy(features) @ fitted.weight.T + fitted.bias).argmax(1).numpy()
    assert (answers == labels).mean() > 0.98 and fitted.held_back_accuracy > 0.95
    with intra_op_threads(2):
        again = fit_head(features, labels, 3, seed=0)
        assert torch.equal(again.weight, fitted.weight) and torch.get_num_threads() == 2


def test_timing_leaves_the_network_and_the_random_state_alone(precision):
    torch.manual_seed(0)
    module = create("resnet8", 3, 16)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    chosen = NumberFormat(precision, "for the test")
    assert time_step(module, torch.zeros(8, 3, 16, 16), torch.zeros(8, dtype=torch.long), chosen) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_the_number_format_follows_from_hardware_and_network_alone(monkeypatch):
    plain, grouped = create("resnet8", 3, 16), nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))
    assert choose_format(plain, CPU).name == ("bf16" if has_native_bf16(CPU) else "fp32")
    assert choose_format(grouped, CPU).name == "fp32"
    for precision in ("fp32", "bf16"):
        assert choose_format(grouped, CPU, precision) == NumberFormat(precision, "as asked for")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert choose_format(plain, CPU) == NumberFormat("fp32", "bf16 is not in the hardware")
    with pytest.raises(OptionError, match="'int4' is no precision; known are auto, fp32, bf16"):
        choose_format(plain, CPU, "int4")


def test_out_of_memory_is_told_from_other_errors():
    with pytest.raises(RuntimeError) as failure:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(failure.value) and is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes differ")) and not is_out_of_memory(ValueError())
