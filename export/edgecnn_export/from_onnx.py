"""From an existing `.onnx` to a graph that starts at uint8 pixels and ends in logits, like every model file."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime
from edgecnn_runtime.card import CARD_KEY, check_labels
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess

from edgecnn_export.foreign.common_form import bring_to_common_form
from edgecnn_export.passes.feature_output import expose_features
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import MAX_IR, PixelGraph

__all__ = ["from_onnx"]


def from_onnx(
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    preprocess: Preprocess | None = None,
    normalization: Normalization | None = None,
    scores: str | None = None,
    name: str | None = None,
    license: str | None = None,
) -> PixelGraph:
    """Read an `.onnx`: one of edgecnn's own as it is, a foreign one with what is missing given.

    Whatever a foreign file's scores are (logits, probabilities, one of two classes), the graph ends in logits.

    Args:
        path: The file; external data and operators from outside are refused.
        labels: Class names in the order of the output; needed for a foreign file.
        preprocess: From a picture to pixels; needed for a foreign file.
        normalization: From pixels to its float input; needed for a foreign file with float input.
        scores: The tensor that holds a foreign file's scores, where several could.
        name: Name in the new file; the file's own otherwise.
        license: License in the new file; the file's own otherwise.

    Raises:
        ModelFileError: The file cannot be used, or something it does not hold was not given.
    """
    proto = _foreign_proto(path)
    if proto is None:
        return _own(path, labels=labels, preprocess=preprocess, normalization=normalization, name=name, license=license)
    given = {"labels": labels, "preprocess": preprocess, "normalization": normalization}
    missing = [key for key, value in given.items() if value is None]
    if labels is None or preprocess is None:
        raise ModelFileError(
            f"{path}: edgecnn did not write this file, so {', '.join(missing)} must be given: "
            "--labels labels.txt --size 224 --mean … --std …"
        )
    names = check_labels(list(labels), OptionError)
    try:
        form = bring_to_common_form(
            proto, labels=names, preprocess=preprocess, normalization=normalization, scores=scores
        )
        features = expose_features(form.model)
        model = _checked(form.model)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    return PixelGraph(
        model=model,
        name=name or Path(path).stem,
        labels=names,
        preprocess=preprocess,
        reference=form.reference,
        reference_name=f"{Path(path).name} in ONNX Runtime {onnxruntime.__version__}",
        features=features,
        license=license or "unknown",
        source={"weights": Path(path).name, "imported": list(form.notes)},
        normalization=form.taken.normalization,
        notes=form.notes,
    )


def _foreign_proto(path: str | Path) -> onnx.ModelProto | None:
    """The file as onnx reads it, or None for one of edgecnn's own and for what is no ONNX at all."""
    try:
        proto = onnx.load_model_from_string(Path(path).read_bytes())
    except Exception:  # nor do protobuf's errors share a base class with a name that has types
        return None
    own = any(entry.key == CARD_KEY for entry in proto.metadata_props) or not proto.graph.output
    return None if own else proto


def _own(
    path: str | Path,
    *,
    labels: Sequence[str] | None,
    preprocess: Preprocess | None,
    normalization: Normalization | None,
    name: str | None,
    license: str | None,
) -> PixelGraph:
    file = ModelFile.load(path, labels=labels, preprocess=preprocess, normalization=normalization)
    model = ir.from_proto(onnx.load_model_from_string(file.data))
    model.metadata_props.clear()
    return PixelGraph(
        model=_checked(model),
        name=name or file.name,
        labels=file.labels,
        preprocess=file.preprocess,
        reference=Classifier(file, device="cpu").logits,
        reference_name=f"{Path(path).name} in ONNX Runtime {onnxruntime.__version__}",
        features=file.features,
        license=license or file.card.license,
        source=file.card.source or {"weights": Path(path).name},
    )


def _checked(model: ir.Model) -> onnx.ModelProto:
    model.ir_version = min(model.ir_version, MAX_IR)
    proto = to_proto(model)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"the graph is no valid ONNX: {str(error).splitlines()[0]}") from error
    return proto
