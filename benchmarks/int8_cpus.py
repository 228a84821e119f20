"""Do model files give their answers on other processors? Used by `make cpus`, see `.ci/cpus.sh`.

    python benchmarks/int8_cpus.py make WORK [--pictures 4]                  here: test models and expected logits
    benchmarks/emulate.sh haswell benchmarks/int8_cpus.py answer WORK haswell    there: numpy, onnxruntime, Pillow only
    python benchmarks/int8_cpus.py compare WORK haswell                        here: the table; exit code 1 on a miss

Expected logits come from this machine; where it has no VNNI itself, plain files saturate on both sides.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "runtime/edgecnn_runtime/models"
# Largest change of the logits, norm against norm. x86 kernels add the same integers, so only the float requantization
# may differ; Arm rounds it another way, and one step of an early layer grows on its way through an int8 network.
LIMIT = {"haswell": 1e-3, "a72": 5e-2}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["make", "answer", "compare"])
    parser.add_argument("work", type=Path)
    parser.add_argument("cpu", nargs="?", default="here")
    parser.add_argument("--pictures", type=int, default=4)
    arguments = parser.parse_args()
    if arguments.step == "make":
        make(arguments.work, arguments.pictures)
        answer(arguments.work, "here")
        return 0
    if arguments.step == "answer":
        answer(arguments.work, arguments.cpu)
        return 0
    return compare(arguments.work, arguments.cpu)


def make(work: Path, count: int) -> None:
    """Put the shipped files, a plain and a saturation-free test network and the pictures into `work`."""
    import onnx
    from edgecnn_export.int8.ladder import quantize_int8
    from edgecnn_export.int8.quantize import quantize_plain
    from edgecnn_export.prepared_pictures import PreparedPictures
    from edgecnn_runtime import Classifier

    sys.path.insert(0, str(ROOT / "tests"))
    from support.saturating import saturating_network

    for path in SHIPPED.glob("*.onnx"):
        shutil.copy(path, work / path.name)
    classifier = Classifier(SHIPPED / "default.onnx", device="cpu")
    files = sorted((ROOT / "samples/images").glob("*.jpg"))[:count]
    pixels = np.stack([classifier.prepare(f) for f in files])
    np.save(work / "pixels.npy", pixels)
    network = saturating_network()
    calibration = PreparedPictures(np.ascontiguousarray(pixels[:, ::3, ::3][:, :64, :64]).repeat(4, axis=0), "samples")
    onnx.save(network, work / "test-fp32.onnx")
    onnx.save(quantize_plain(network, calibration), work / "test-plain.onnx")
    onnx.save(quantize_int8(network, calibration).model, work / "test-safe.onnx")


def answer(work: Path, cpu: str) -> None:
    """Run every model of `work` over its pictures and write the logits; check golden vectors where a file has them."""
    import onnxruntime as ort
    from edgecnn_runtime.model_file import ModelFile
    from edgecnn_runtime.verification import verify

    pixels = np.load(work / "pixels.npy")
    found = {}
    for path in sorted(work.glob("*.onnx")):
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        _, height, width, _ = session.get_inputs()[0].shape
        step = max(1, pixels.shape[1] // height)
        fitting = np.ascontiguousarray(pixels[:, ::step, ::step][:, :height, :width])
        found[path.stem] = np.concatenate([session.run(["logits"], {"pixels": p[None]})[0] for p in fitting])
        if not path.stem.startswith("test-"):
            golden = verify(ModelFile.load(path), device="cpu")
            found[f"{path.stem}.golden"] = np.array([golden.passed, golden.max_relative_error])
    np.savez(work / f"{cpu}.npz", **found)


def compare(work: Path, cpu: str) -> int:
    expected, got = np.load(work / "here.npz"), np.load(work / f"{cpu}.npz")
    missed = 0
    for name in sorted(n for n in expected.files if not n.endswith(".golden")):
        error = float(np.linalg.norm(got[name] - expected[name]) / np.linalg.norm(expected[name]))
        same = int((got[name].argmax(1) == expected[name].argmax(1)).sum())
        golden = got[f"{name}.golden"] if f"{name}.golden" in got.files else None
        # The plain test file is there to show that the emulated processor does saturate.
        fine = name == "test-plain" or (error <= LIMIT[cpu] and same == len(got[name]))
        fine = fine and (golden is None or bool(golden[0]))
        missed += not fine
        vectors = "" if golden is None else f", golden vectors {'hold' if golden[0] else 'FAIL'} ({golden[1]:.1e})"
        print(f"{cpu:8} {name:12} logits off by {error:.1e}, labels {same}/{len(got[name])}{vectors}", end="")
        print("" if fine else "  MISSED")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
