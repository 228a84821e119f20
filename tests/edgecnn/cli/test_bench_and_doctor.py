from support.command import edgecnn


def test_bench_times_several_models_in_turn(model):
    done = edgecnn("bench", model, model, "--runs", 4, "--json")
    assert done.code == 0, done
    assert len(done.lines) == 2
    for line in done.lines:
        assert (line["model"], line["runs"], line["provider"]) == (str(model), 4, "CPUExecutionProvider")
        assert list(line["median_ms"]) == ["decode", "preprocess", "inference"]
        assert 0 < line["inference_p10"] <= line["inference_p90"]
    assert "median of 3" in edgecnn("bench", model, "--runs", 3).out


def test_bench_says_in_words_what_is_wrong(model, tmp_path):
    done = edgecnn("bench", model, "--picture", tmp_path / "absent.jpg")
    assert (done.code, done.out) == (1, ""), done
    assert "absent.jpg" in done.err
    assert "Traceback" not in done.err
    assert edgecnn("bench", model, "--runs", 1).code == 2


def test_doctor_tells_what_works_and_what_is_missing_for_the_rest():
    done = edgecnn("doctor", "--json")
    assert done.code == 0, done
    (report,) = done.lines
    assert report["devices"]["cpu"]["works"] is True
    assert report["devices"]["dml"]["works"] is False
    assert 'pip install "edgecnn-runtime[directml]"' in report["devices"]["dml"]["note"]
    assert report["packages"]["onnxruntime"]
    assert report["processor"]["int8"]
