import json
import sys

import pytest
import torch
from support.command import edgecnn, python

ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


def run(*arguments, cwd, launcher=("-m", "edgecnn")):
    return python(*launcher, "train", *arguments, cwd=cwd, env=ENVIRONMENT, timeout_s=300)


def test_from_pictures_to_the_next_command(toy_path, tmp_path):
    done = run(toy_path, "--network", "edge_cnn_nano", "--epochs", 2, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "accuracy " in done.out and "of 40 test pictures, one view" in done.out
    assert "next: edgecnn export runs/toy-edge_cnn_nano -o model.onnx" in done.out
    assert "72,307 parameters" in done.err and "minutes" in done.err and "epoch   2" in done.err
    again = run(toy_path, "--network", "edge_cnn_nano", "--epochs", 1, "--json", cwd=tmp_path)
    events = again.lines
    assert [event["event"] for event in events] == ["plan", "epoch", "result"]
    assert events[-1]["run"] == "runs/toy-edge_cnn_nano-2"


def test_a_name_that_nothing_has_is_said_before_any_data_is_fetched(tmp_path):
    done = run("cifar10", "--network", "edge_cnn_smal", "--data-dir", "nothing", cwd=tmp_path)
    assert (done.code, done.out) == (2, ""), done
    assert "'edge_cnn_smal' is no network of edgecnn; did you mean edge_cnn_small" in done.err
    done = run("cifar10", "--teacher", "nowhere", "--data-dir", "nothing", cwd=tmp_path)
    assert done.code == 1 and "nowhere is no run of edgecnn train" in done.err, done


def test_quiet_leaves_the_accuracy_and_the_run(toy_path, tmp_path):
    done = run(toy_path, "--network", "edge_cnn_nano", "--epochs", 1, "--quiet", "-o", "run", cwd=tmp_path)
    assert (done.code, done.err) == (0, ""), done
    assert [line.split()[0] for line in done.out.splitlines()] == ["accuracy", "run:"]


def test_a_transfer_tells_its_plan_and_its_next_command_can_be_typed(toy_path, toy_run, tmp_path):
    settings = ("--from", toy_run, "--no-cache", "--device", "cpu")
    done = edgecnn("train", toy_path, *settings, "-o", "Meine Läufe/1", cwd=tmp_path, env=ENVIRONMENT, timeout_s=300)
    assert done.code == 0, done
    assert "240 pictures go through the frozen part once" in done.err and "head (147 parameters)" in done.err
    assert "next: edgecnn export 'Meine Läufe/1' -o model.onnx" in done.out


@pytest.mark.parametrize("arguments", [["cifar10"], ["--list"]])
def test_without_torch_the_extra_is_named(arguments, tmp_path):
    done = edgecnn("train", *arguments, cwd=tmp_path, before="import sys; sys.modules['torch'] = None")
    assert done.code == 1, done
    assert 'error: torch is not installed; type: pip install "edgecnn[train]"' in done.err


def test_list_shows_what_networks_cost(tmp_path):
    done = run("--list", "--json", cwd=tmp_path)
    rows = {row["name"]: row for row in done.lines}
    assert rows["resnet8"]["parameters"] == 77_946 and rows["resnet8"]["macs"] == 12_501_632


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Give the data"),
        (["x", "--unfreeze", "2"], 2, "need --from"),
        (["x", "--from", "efficientnet_lite0", "--network", "dnn"], 2, "exclude each other"),
        (["x", "--from", "efficientnet_lite0", "--teacher", "run"], 2, "does not go with --from"),
        (["x", "--device", "gpu"], 2, "the device 'gpu' is unknown; expected auto, cpu, cuda."),
        (["x", "--skip", "0.6"], 2, "0.6 is not in the range"),
        (["nowhere"], 1, "error: 'nowhere' does not exist; expected cifar10"),
        (["nowhere", "--resume"], 1, "error: 'nowhere' does not exist"),  # a run that has not begun begins
    ],
)
def test_wrong_usage_is_one_sentence(arguments, code, message, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.code == code
    assert message in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited here")
def test_a_full_disk_is_said_and_the_run_goes_on_once_there_is_room(toy_path, tmp_path):
    # A limit on file sizes ends a write in its middle, as a full disk does; the checkpoint is larger than this.
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    settings = (toy_path, "--network", "edge_cnn_nano", "--epochs", 1, "-o", tmp_path / "run")
    done = edgecnn("train", *settings, cwd=tmp_path, before=full, env=ENVIRONMENT, timeout_s=300)
    assert done.code == 1, done
    assert "make room and continue with --resume" in done.err and "Traceback" not in done.err
    assert {path.suffix for path in (tmp_path / "run").iterdir()} <= {".json", ".csv"}
    again = run(*settings, "--resume", cwd=tmp_path)
    assert again.code == 0, again.err
    assert (tmp_path / "run" / "weights.safetensors").is_file()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_train_one_network_together(toy_path, tmp_path):
    script = tmp_path / "start.py"
    script.write_text("from edgecnn.cli.main import main\nmain()\n")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script))
    settings = ("--network", "edge_cnn_nano", "--epochs", 3, "--skip", 0.4, "--batch", 50, "--device", "cpu")
    together = run(toy_path, *settings, "-o", tmp_path / "two", cwd=tmp_path, launcher=torchrun)
    assert together.code == 0, together.err
    assert together.out.count("accuracy") == 1  # one process speaks
    document = json.loads((tmp_path / "two" / "run.json").read_text())
    assert document["processes"] == 2 and document["result"]["accuracy"] > 0.95
    nameless = run(toy_path, *settings, cwd=tmp_path, launcher=torchrun)
    assert nameless.code != 0 and "give it with --output" in nameless.err
