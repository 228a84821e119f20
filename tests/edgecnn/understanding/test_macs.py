"""Multiply-accumulates of networks that fold the batch into other sizes, against torch's own count."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra edgecnn[export]")
pytest.importorskip("onnxscript", reason="needs the extra edgecnn[export]")

from torch import Tensor, nn  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from edgecnn.understanding.inspecting import inspect_graph  # noqa: E402


class Windows(nn.Module):
    """Attention within four windows of the picture, then an einsum over what they found."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, stride=4)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mix = nn.Parameter(torch.ones(16, 5))

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.stem(pictures).reshape(-1, 16, 2, 4, 2, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 16)
        x = self.attention(x, x, x)[0]
        return torch.einsum("nwc,ck->nk", x.reshape(-1, 64, 16), self.mix)


@pytest.mark.parametrize("batch", ["free", "fixed"])
def test_the_batch_is_counted_once_wherever_it_stands(batch: str):
    network = Windows().eval()
    pictures = torch.zeros(3, 3, 32, 32)
    dynamic = ({0: torch.export.Dim("N", min=1)},) if batch == "free" else None
    exported = torch.onnx.export(network, (pictures,), dynamo=True, opset_version=18, dynamic_shapes=dynamic)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        network(pictures[:1])
    inspection = inspect_graph(exported.model_proto, name="windows")
    assert "Einsum" in {layer.operator for layer in inspection.layers}
    # torch takes the sum over positions out of the product first; ONNX Runtime gets the whole product.
    einsum = next(layer for layer in inspection.layers if layer.operator == "Einsum")
    assert einsum.macs == 64 * 16 * 5
    assert inspection.macs - einsum.macs == (counter.get_total_flops() - 2 * 16 * 5) // 2


def test_what_cannot_be_counted_makes_no_total(builder: Any):
    b = builder(channels=3, size=(8, 8))
    x = b.add("Relu", b.conv("x", (3, 3), channels=(3, 3)))
    three = b.add("Einsum", x, x, x, equation="nchw,nchw,nchw->nc")
    inspection = inspect_graph(b.model(three).SerializeToString(), name="three")
    assert inspection.layer(three).macs is None
    assert inspection.macs is None
    assert dict(inspection.facts())["multiply-accumulates"].startswith(f"unknown: {three} (Einsum)")


@pytest.mark.parametrize("attributes", [{}, {"equation": "nchw,nk->nk"}])
def test_an_einsum_that_does_not_fit_its_inputs_is_unknown(builder: Any, attributes: dict[str, str]):
    b = builder(channels=3, size=(8, 8))
    odd = b.add("Einsum", b.conv("x", (1, 1), channels=(3, 3)), **attributes)
    model = b.model(odd)
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 5  # a file may claim anything
    assert inspect_graph(model.SerializeToString(), name="odd").layer(odd).macs is None


def test_an_einsum_of_one_tensor_multiplies_nothing_and_dots_stand_for_the_rest(builder: Any):
    b = builder(channels=3, size=(8, 8))
    turned = b.add("Einsum", b.conv("x", (1, 1), channels=(3, 3)), equation="nc...->n...c")
    product = b.add("Einsum", turned, b.constant(np.ones((3, 5), np.float32)), equation="n...c,ck->n...k")
    inspection = inspect_graph(b.model(product).SerializeToString(), name="dots")
    assert inspection.layer(turned).macs == 0
    assert inspection.layer(product).macs == 8 * 8 * 5 * 3
