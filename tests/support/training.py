"""Short trainings on the toy pictures of the training tests: 200 of 20×20 pixels."""

from dataclasses import replace

from edgecnn.training.recipe import default_recipe
from edgecnn.training.scratch import train_from_scratch
from edgecnn.training.world import join_world


def train_toy(data, folder, *, epochs=3, network="edge_cnn_nano", rate=None, skip=None, repeat=0, **settings):
    recipe = default_recipe("toy", network, size=20, pictures=200, epochs=epochs, batch=50, rate=rate, skip=skip)
    recipe = replace(recipe, repeat=repeat)
    with join_world("cpu") as world:
        return train_from_scratch(data, network, recipe, folder=folder, world=world, **settings)
