"""torchvision's GoogLeNet: 3×3 where the paper has 5×5, and a last pooling of 2×2."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra edgecnn[export]")
torchvision = pytest.importorskip("torchvision", reason="needs the extra edgecnn[export]")
pytest.importorskip("onnxscript", reason="needs the extra edgecnn[export]")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from edgecnn.understanding.inspecting import inspect_graph  # noqa: E402


@pytest.mark.slow
def test_receptive_fields_parameters_and_macs():
    network = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False).eval()
    picture = torch.zeros(1, 3, 224, 224)
    exported = torch.onnx.export(network, (picture,), dynamo=True, opset_version=18, verbose=False)
    inspection = inspect_graph(exported.model_proto, name="googlenet")
    joined = [layer.to_dict() for layer in inspection.layers if layer.operator == "Concat"]
    first_blocks = [joined[index] for index in (0, 2, 7)]
    assert [(row["receptive_field"], row["jump"]) for row in first_blocks] == [(43, 8), (107, 16), (315, 32)]
    with FlopCounterMode(display=False) as counter:
        network(picture)
    assert 2 * inspection.macs == counter.get_total_flops()
    folded = sum(p.numel() for n, p in network.named_parameters() if not n.endswith("bn.weight"))
    assert inspection.parameters in (
        folded,
        folded - sum(p.numel() for n, p in network.named_parameters() if ".bn.b" in n),
    )
