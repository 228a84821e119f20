import pytest
import torch
from edgecnn_runtime.errors import OptionError

from edgecnn.data.augment import Augment


def batch(count=6, size=8):
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def vary(augment, pixels, mirrored, seed=0):
    return augment(pixels, mirrored=mirrored, generator=torch.Generator().manual_seed(seed))


def test_nothing_asked_nothing_changed():
    pixels = batch()
    assert torch.equal(vary(Augment(), pixels, torch.ones(6, dtype=torch.bool)), pixels)


def test_mirrors_exactly_the_pictures_it_is_told_to():
    pixels = batch()
    mirrored = torch.tensor([True, False, True, False, False, True])
    result = vary(Augment(mirror=True), pixels, mirrored)
    assert torch.equal(result[mirrored], pixels[mirrored].flip(2))
    assert torch.equal(result[~mirrored], pixels[~mirrored])


def test_every_move_is_a_crop_of_the_reflected_picture():
    pixels = batch(count=40)
    result = vary(Augment(shift=2), pixels, torch.zeros(40, dtype=torch.bool))
    planes = pixels.permute(0, 3, 1, 2).float()
    padded = torch.nn.functional.pad(planes, (2, 2, 2, 2), mode="reflect").permute(0, 2, 3, 1).to(torch.uint8)
    offsets = set()
    for picture, around in zip(result, padded, strict=True):
        found = [(y, x) for y in range(5) for x in range(5) if torch.equal(around[y : y + 8, x : x + 8], picture)]
        assert found
        offsets.update(found)
    assert len(offsets) > 15  # of 25


def test_turning_keeps_the_middle_and_the_shape():
    pixels = torch.zeros(3, 9, 9, 1, dtype=torch.uint8)
    pixels[:, 4, 4] = 255
    result = vary(Augment(turn=15, scale=0.1), pixels, torch.zeros(3, dtype=torch.bool))
    assert result.shape == pixels.shape and result.dtype == torch.uint8
    assert (result[:, 4, 4] > 100).all()


def test_erasing_blanks_a_square_that_may_stand_over_the_border():
    result = vary(Augment(erase=3), torch.zeros(50, 8, 8, 3, dtype=torch.uint8), torch.zeros(50, dtype=torch.bool))
    blanked = (result == 128).all(3).sum((1, 2))
    assert blanked.max() == 9 and blanked.min() >= 2


def test_the_generator_decides():
    pixels, mirrored = batch(), torch.zeros(6, dtype=torch.bool)
    augment = Augment(shift=3, turn=5)
    assert torch.equal(vary(augment, pixels, mirrored, 3), vary(augment, pixels, mirrored, 3))
    assert not torch.equal(vary(augment, pixels, mirrored, 3), vary(augment, pixels, mirrored, 4))


def test_negative_amounts_are_refused():
    with pytest.raises(OptionError, match="amounts are 0 or more"):
        Augment(shift=-1)
