"""Short trainings on the toy pictures of the training tests: 200 of 20×20 pixels."""

from dataclasses import replace

from edgecnn.training import TrainOptions, train
from edgecnn.training.default_recipes import RecipeChanges, default_recipe


def train_toy(
    data, folder, *, epochs=3, network="edge_cnn_nano", rate=None, skip=None, repeat=0, listener=None, **options
):
    changes = RecipeChanges(epochs=epochs, batch=50, rate=rate, skip=skip)
    recipe = replace(default_recipe("toy", network, size=20, pictures=200, changes=changes), repeat=repeat)
    chosen = TrainOptions(recipe=recipe, device="cpu", **options)
    return train(data, network, chosen, folder=folder, listener=listener)
