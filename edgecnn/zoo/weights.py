"""Put a file's weights into a module: safetensors, or torch's format with `weights_only=True`; never free pickle."""

from pathlib import Path

import safetensors.torch
import torch
from edgecnn_runtime import OptionError

__all__ = ["load_weights"]


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Load a state dict into `module`, strictly.

    Raises:
        OptionError: The file cannot be read, holds more than tensors, or does not fit the module.
    """
    if not path.is_file():
        raise OptionError(f"the weights {path} do not exist; expected a .safetensors or .pth file.")
    try:
        if path.suffix == ".safetensors":
            state: object = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    # Of a file that is none, torch's safe unpickler raises nearly anything (UnpicklingError, IndexError, EOFError, …).
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OptionError(
            f"the weights {path} cannot be read safely ({reason}); expected a state dict, as "
            "safetensors.torch.save_file or torch.save(model.state_dict(), …) writes it."
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise OptionError(f"the weights {path} hold more than tensors; expected a state dict.")
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        details = [line.strip() for line in str(error).splitlines()[1:]]
        raise OptionError(f"the weights {path} do not fit the network: {details[0] if details else error}") from error
