"""Recipe, loop and transfer: from pictures to a run folder that `edgecnn export` takes."""
