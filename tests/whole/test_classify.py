import csv
import io
import json

import pytest
from edgecnn_runtime import Classifier
from support.command import edgecnn
from support.models import LABELS, card_of, packed, with_card
from support.pictures import BLUE, GREEN, RED, encoded, huge_png, plain, save, scene


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "colors.onnx"
    path.write_bytes(packed())
    return path


def test_a_real_picture_gets_its_real_label(sample_images):
    done = edgecnn("classify", sample_images / "school_bus.jpg")
    assert done.code == 0, done
    assert "school bus" in done.out.splitlines()[0]
    assert "on cpu (CPUExecutionProvider): decode " in done.out
    assert done.err == ""


def test_json_lines_have_stable_names(model, tmp_path):
    picture = save(plain(RED), tmp_path / "red.png")
    done = edgecnn("classify", picture, tmp_path / "absent.jpg", "--model", model, "--json", "--top", 2)
    assert done.code == 1
    good, bad = done.lines
    assert list(good) == ["path", "predictions", "provider", "timing_ms"]
    assert good["path"] == str(picture)
    assert [list(p) for p in good["predictions"]] == [["index", "label", "score"]] * 2
    assert good["predictions"][0]["label"] == "red"
    assert good["provider"] == "CPUExecutionProvider"
    assert list(good["timing_ms"]) == ["decode", "preprocess", "inference"]
    assert list(bad) == ["path", "error"]
    assert bad["error"] == f"{tmp_path / 'absent.jpg'} cannot be read: No such file or directory."
    assert done.err == ""


def test_csv_has_a_row_a_prediction(model, tmp_path):
    save(plain(RED), tmp_path / "a, b.png")
    (tmp_path / "bad.jpg").write_text("text")
    done = edgecnn("classify", tmp_path, "--model", model, "--csv", "--top", 2)
    assert done.code == 1
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == ["path", "rank", "index", "label", "score", "provider", "error"]
    assert [(row["rank"], row["label"]) for row in rows[:1]] == [("1", "red")]
    assert rows[0]["path"].endswith("a, b.png")
    assert "is not a picture" in rows[2]["error"]


def test_standard_input_folders_and_globs(model, tmp_path):
    save(plain(GREEN), tmp_path / "in" / "green.webp")
    save(plain(BLUE), tmp_path / "in" / "deep" / "blue.gif")
    done = edgecnn(
        *("classify", "-", "in", "in/*.webp", "--model", model, "--json"),
        cwd=tmp_path,
        stdin=encoded(plain(RED), "JPEG"),
    )
    assert done.code == 0, done
    found = [(line["path"], line["predictions"][0]["label"]) for line in done.lines]
    assert found == [("-", "red"), ("in/deep/blue.gif", "blue"), ("in/green.webp", "green"), ("in/green.webp", "green")]


def test_what_a_folder_holds_besides_pictures_is_counted(model, tmp_path):
    (tmp_path / "old.jfif").write_bytes(encoded(plain(RED), "JPEG"))
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    done = edgecnn("classify", tmp_path, "--model", model, "--json")
    assert done.code == 0, done
    assert [line["path"] for line in done.lines] == [str(tmp_path / "old.jfif")]
    assert done.err == "warning: Left out of the pictures: HEIC pictures: 1 (phone.heic).\n"


def test_every_bad_picture_is_one_line_and_the_rest_goes_on(model, tmp_path):
    (tmp_path / "a_empty.jpg").touch()
    (tmp_path / "b_truncated.jpg").write_bytes(encoded(scene(200, 200), "JPEG")[:-900])
    (tmp_path / "c_text.jpg").write_text("not a picture")
    (tmp_path / "d_huge.png").write_bytes(huge_png())
    save(plain(RED, (1, 1)), tmp_path / "e_pixel.png")
    save(plain(GREEN, (1, 10_000)), tmp_path / "f_sliver.png")
    done = edgecnn("classify", tmp_path, "--model", model)
    assert done.code == 1
    assert "Traceback" not in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert [
        message in line
        for message, line in zip(
            ("is empty; expected", "image file is truncated", "is not a picture", "is too large to decode"),
            errors,
            strict=True,
        )
    ] == [True] * 4
    assert "e_pixel.png: red" in done.out
    assert "f_sliver.png: green" in done.out
    assert "6 pictures, 4 errors" in done.err


def test_a_thousand_pictures_with_ten_bad_ones(model, tmp_path):
    colors = {"red": RED, "green": GREEN, "blue": BLUE}
    data = {name: encoded(plain(color), "PNG") for name, color in colors.items()}
    expected = []
    for i in range(1000):
        name = list(colors)[i * i % 3]
        expected.append("error" if i % 100 == 37 else name)
        (tmp_path / f"{i:04}.png").write_bytes(b"broken" if i % 100 == 37 else data[name])
    done = edgecnn("classify", tmp_path, "--model", model, "--json")
    assert done.code == 1
    answers = ["error" if "error" in line else line["predictions"][0]["label"] for line in done.lines]
    assert answers == expected
    assert answers.count("error") == 10
    assert [line["path"] for line in done.lines] == [str(tmp_path / f"{i:04}.png") for i in range(1000)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["classify"], 2, "Missing argument"),
        (["classify", "a.jpg", "--wrong"], 2, "No such option"),
        (["classify", "a.jpg", "--top", "0"], 2, "Invalid value"),
        (["classify", "a.jpg", "--json", "--csv"], 2, "--json and --csv exclude each other"),
        (["clasify"], 2, "No such command"),
        (["classify", "a.jpg", "--device", "gpu"], 2, "error: the device 'gpu' is unknown; expected auto, cuda"),
        (["classify", "a.jpg", "--model", "absent.onnx"], 1, "error: absent.onnx cannot be read: No such file"),
        (["classify", "."], 2, "error: the folder . holds no pictures"),
        (["classify", "*.jpg"], 2, "error: nothing matches *.jpg"),
        (["classify", "a.jpg"], 1, "error: a.jpg cannot be read: No such file or directory."),
        (["classify", "-"], 1, "error: got 0 bytes; expected the content of a picture file."),
    ],
)
def test_wrong_use_is_said_in_words(arguments, code, message, tmp_path):
    done = edgecnn(*arguments, cwd=tmp_path)
    assert done.code == code, done
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_device_that_is_not_there_warns_or_fails(model, tmp_path):
    picture = save(plain(RED), tmp_path / "red.png")
    done = edgecnn("classify", picture, "--model", model, "--device", "dml", "--json")
    assert done.code == 0, done
    assert done.err.startswith("warning: dml:0 was asked for and cannot be used: the installed onnxruntime has no Dml")
    assert done.lines[0]["provider"] == "CPUExecutionProvider"
    done = edgecnn("classify", picture, "--model", model, "--device", "dml", "--require")
    assert done.code == 1
    assert 'type: pip install "edgecnn-runtime[directml]"' in done.err
    assert done.out == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(place):
    arguments = ["classify", "x.jpg", "--device", "gpu"]
    done = edgecnn(*(["--debug", *arguments] if place == "before" else [*arguments, "--debug"]))
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err
    assert "error: the device 'gpu' is unknown" in done.err


def test_exact_and_workers_are_taken(sample_images):
    picture = sample_images / "butterfly_camera_3mp.jpg"
    done = edgecnn("classify", picture, "--exact", "--workers", 1, "--json", "--top", 1)
    assert done.code == 0, done
    exact = Classifier(exact=True, device="cpu")(picture)
    (best,) = done.lines[0]["predictions"]
    assert (best["label"], best["score"]) == (exact.label, pytest.approx(exact.score, abs=0.02))


def test_a_picture_over_the_memory_limit_says_which_option_raises_it(model, tmp_path):
    picture = save(scene(1200, 1000), tmp_path / "large.png")
    done = edgecnn("classify", picture, "--model", model, "--max-memory-mb", 4)
    assert done.code == 1
    assert "large.png is too large to decode: its 1200 × 1000 pixels would take 5 MB, and the limit is 4 MB" in done.err
    assert "classify --max-memory-mb 5." in done.err
    assert edgecnn("classify", picture, "--model", model, "--max-memory-mb", 5).code == 0


def test_help_shows_an_example_for_every_command():
    done = edgecnn("--help")
    assert done.code == 0
    for command in ("classify", "evaluate", "verify", "export", "bench", "doctor"):
        assert command in done.out
        assert f"Example: edgecnn {command}" in edgecnn(command, "--help").out
    assert edgecnn("--version").out.startswith("edgecnn 0.")


def test_names_that_are_no_utf8_keep_their_bytes(model, tmp_path):
    name = b"gr\xfcn.png"
    (tmp_path / "plain.png").write_bytes(encoded(plain(GREEN), "PNG"))
    (tmp_path / "plain.png").rename(tmp_path / name.decode("utf-8", "surrogateescape"))
    for form in ([], ["--csv"], ["--json"]):
        done = edgecnn("classify", tmp_path, "--model", model, *form)
        assert done.code == 0, done
        assert name.decode("utf-8", "surrogateescape") in done.out


def test_umlauts_and_chinese_stand_as_they_are(model, tmp_path):
    save(plain((0, 0, 0)), tmp_path / "schwärz.png")
    done = edgecnn("classify", tmp_path / "schwärz.png", "--model", model, "--json", "--top", 4)
    assert LABELS[3] in {p["label"] for p in json.loads(done.out)["predictions"]}
    assert "schwärz.png" in done.out


def test_labels_out_of_a_model_file_neither_steer_the_terminal_nor_run_in_a_spreadsheet(tmp_path):
    card = card_of(packed())
    card["labels"] = ["=1+1\x1b[2J", "two\nlines", "\u202egnp", "plain"]
    (tmp_path / "hostile.onnx").write_bytes(with_card(packed(), card))
    picture = save(plain(RED), tmp_path / "red.png")
    command = ("classify", picture, "--model", tmp_path / "hostile.onnx", "--top", 4)
    done = edgecnn(*command)
    assert r"=1+1\x1b[2J" in done.out and r"two\nlines" in done.out and r"\u202egnp" in done.out
    assert "\x1b" not in done.out and "\u202e" not in done.out
    assert len(done.out.splitlines()) == 5
    rows = list(csv.DictReader(io.StringIO(edgecnn(*command, "--csv").out, newline="")))
    assert rows[0]["label"] == "'=1+1\x1b[2J"
    rows = list(csv.DictReader(io.StringIO(edgecnn(*command, "--csv", "--raw").out, newline="")))
    assert rows[0]["label"] == "=1+1\x1b[2J"
    assert edgecnn(*command, "--raw").code == 2
