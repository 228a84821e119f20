import pytest
import torch
from edgecnn_runtime.errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.training.recipe import Recipe
from edgecnn.training.selection import Selection, count_steps, pictures_in_epoch
from edgecnn.training.world import World

ALONE = World(0, 1, torch.device("cpu"))


def recipe(epochs=10, batch=10, skip=0.3):
    return Recipe(epochs=epochs, batch=batch, optimizer="sgd", rate=0.1, skip=skip)


def after_an_epoch(losses):
    selection = Selection(len(losses))
    selection.record(torch.arange(len(losses)), losses)
    selection.finish_epoch(ALONE)
    return selection


def test_the_first_epoch_and_the_last_fifth_show_everything():
    assert [pictures_in_epoch(100, recipe(), epoch) for epoch in range(10)] == [100, *[70] * 7, 100, 100]
    assert [pictures_in_epoch(100, recipe(epochs=2), epoch) for epoch in range(2)] == [100, 100]
    assert count_steps(100, recipe()) == 3 * 10 + 7 * 7
    assert count_steps(100, recipe(), epochs=3) == 10 + 7 + 7
    assert count_steps(5, recipe()) == 10  # fewer pictures than a batch are still a step


@given(
    st.lists(st.floats(0, 10, width=32), min_size=1, max_size=60),
    st.floats(0, 0.5),
    st.integers(0, 9),
    st.integers(0, 1000),
)
def test_only_small_losses_are_left_out_and_every_picture_weighs_as_before(losses, skip, epoch, seed):
    losses = torch.tensor(losses)
    shown, weights = after_an_epoch(losses).choose(recipe(skip=skip), seed=seed, epoch=epoch)
    assert len(shown) == pictures_in_epoch(len(losses), recipe(skip=skip), epoch)
    assert shown.tolist() == weights.nonzero().squeeze(1).tolist()
    assert weights.sum() == len(losses)
    untouched = losses[weights == 1]
    chosen_among = losses[weights != 1]
    assert not len(untouched) or not len(chosen_among) or chosen_among.max() <= untouched.min()


def test_another_half_is_left_out_each_time():
    selection = after_an_epoch(torch.linspace(0, 1, 1000))
    counts = sum((selection.choose(recipe(), seed=0, epoch=epoch)[1] == 0).float() for epoch in range(1, 8))
    known, unknown = counts[:600], counts[600:]
    assert unknown.sum() == 0
    assert known.mean() == pytest.approx(3.5) and known.std() < 1.6  # a coin thrown seven times: 1.32
    again = selection.choose(recipe(), seed=0, epoch=1)
    assert torch.equal(again[0], selection.choose(recipe(), seed=0, epoch=1)[0])


def test_pictures_that_were_not_shown_keep_the_loss_they_had():
    selection = after_an_epoch(torch.tensor([3.0, 2.0, 1.0]))
    selection.record(torch.tensor([1]), torch.tensor([5.0]))
    selection.finish_epoch(ALONE)
    assert selection.losses.tolist() == [3.0, 5.0, 1.0]


def test_no_more_than_half_can_be_left_out():
    with pytest.raises(OptionError, match=r"skip is 0 to 0\.5, got 0\.6"):
        recipe(skip=0.6)
