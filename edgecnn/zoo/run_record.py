"""What `run.json` says of a run: how it was begun, with what, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.zoo.typed_record import read_record

__all__ = ["FORMAT", "DataRecord", "NetworkRecord", "RunRecord", "RunResult", "TeacherRecord", "TransferRecord"]

FORMAT = 1


@dataclass(frozen=True)
class NetworkRecord:
    """The architecture.

    Attributes:
        kind: `small` for `edgecnn.zoo.small`, `zoo` for any other source.
        name: Name or source of it.
        channels: 3 for RGB, 1 for gray.
        parameters: Learned numbers.
    """

    kind: Literal["small", "zoo"]
    name: str
    channels: int
    parameters: int


@dataclass(frozen=True)
class DataRecord:
    """The data set.

    Attributes:
        name: Its name.
        source: Where it was found.
        fingerprint: Hash of all pictures and labels.
        train: How many training pictures there are.
        test: How many test pictures.
        warnings: What was doubtful about it.
        test_share: Share that was kept for the test, where the split was made by the run.
    """

    name: str
    source: str
    fingerprint: str
    train: int
    test: int
    warnings: tuple[str, ...] = ()
    test_share: float | None = None


@dataclass(frozen=True)
class TeacherRecord:
    """The network that was learned from: the name of its run folder and the hash of its weights."""

    run: str
    weights_sha256: str


@dataclass(frozen=True)
class TransferRecord:
    """The network that was reused.

    Attributes:
        source: As `edgecnn.zoo.load` takes it.
        train_last: Blocks trained on frozen features, the head included.
        unfreeze: Blocks fine-tuned afterwards.
        origin: Where its weights came from.
    """

    source: str
    train_last: int
    unfreeze: int
    origin: Mapping[str, Any]


@dataclass(frozen=True)
class RunResult:
    """What was measured on the test pictures, in shares of 1, and the time that training took."""

    accuracy: float
    correct: int
    count: int
    loss: float
    seconds: float
    cpu_seconds: float
    accuracy_views: float | None = None


@dataclass(frozen=True)
class RunRecord:
    """The whole of `run.json`.

    Attributes:
        status: `running`, `diverged` or `finished`.
        normalization: From pixels to the network's input.
        recipe: The settings, as `edgecnn.training.recipe.Recipe.to_dict` gives them; None in old runs without steps.
        precision: `fp32` or `bf16`; None in old runs without steps.
        precision_reason: Why that precision.
        threads: Threads of an operation; with the same number the same bits come out.
        versions: Of edgecnn, torch, Python and the machine.
        head_accuracy: Of a transfer, before any fine-tuning.
        message: Why a run diverged.
    """

    status: Literal["running", "diverged", "finished"]
    network: NetworkRecord
    labels: tuple[str, ...]
    preprocess: Preprocess
    normalization: Normalization
    license: str
    seed: int
    threads: int
    processes: int
    device: str
    versions: Mapping[str, str]
    data: DataRecord
    recipe: Mapping[str, Any] | None = None
    precision: Literal["fp32", "bf16"] | None = None
    precision_reason: str = ""
    teacher: TeacherRecord | None = None
    transfer: TransferRecord | None = None
    head_accuracy: float | None = None
    message: str | None = None
    weights_sha256: str | None = None
    result: RunResult | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; its keys are a file format and keep their spelling."""
        document = asdict(self)
        document |= {"preprocess": self.preprocess.to_dict(), "licence": document.pop("license")}
        document |= document.pop("normalization")
        if self.transfer is not None:
            transfer = document["transfer"]
            document["transfer"] = {"from": transfer.pop("source"), **transfer, "source": transfer.pop("origin")}
        always = ("recipe", "precision", "teacher")
        return {
            "format": FORMAT,
            **{key: value for key, value in document.items() if value is not None or key in always},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> RunRecord:
        """Read the JSON form, also of older runs; keys that are unknown are left alone.

        Raises:
            DataError: A field is missing or of another kind.
            OptionError: A number is out of range.
        """
        preprocess = document.get("preprocess")
        values = {
            **document,
            "license": document.get("licence"),
            "preprocess": Preprocess.from_dict(preprocess if isinstance(preprocess, dict) else {}),
            "normalization": {name: document.get(name) for name in ("mean", "std")},
        }
        reused = document.get("transfer")
        if isinstance(reused, dict):
            values["transfer"] = {**reused, "source": reused.get("from"), "origin": reused.get("source")}
        return read_record(cls, values, "")
