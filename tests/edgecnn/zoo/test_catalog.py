"""The catalog's facts against torchvision's own, and the chart."""

from pathlib import Path

import pytest
from edgecnn_runtime import OptionError

from edgecnn.zoo.catalog import CATALOG, find_entries


def test_facts_equal_torchvisions_metadata():
    models = pytest.importorskip("torchvision", reason="the comparison needs torchvision").models
    for entry in CATALOG:
        if entry.source.startswith("torchvision:"):
            meta = models.get_model_weights(entry.source.partition(":")[2]).IMAGENET1K_V1.meta
            assert entry.parameters == meta["num_params"], entry.name
            assert entry.macs == pytest.approx(meta["_ops"] * 1e9, abs=1e6), entry.name
            assert 100 * entry.top1 == pytest.approx(meta["_metrics"]["ImageNet-1K"]["acc@1"]), entry.name


def test_years_run_from_lenet_to_today():
    years = [entry.year for entry in CATALOG]
    assert years == sorted(years)
    assert (years[0], years[-1]) == (1998, 2024)


def test_entries_are_found_by_name_and_source():
    assert [entry.name for entry in find_entries(["torchvision:resnet50", "alexnet"])] == ["AlexNet", "ResNet-50"]
    assert len(find_entries([])) == len(CATALOG)
    with pytest.raises(OptionError, match="no network 'resnet'; the nearest of 18 are 'ResNet-18', 'ResNet-50'"):
        find_entries(["resnet"])


def test_the_chart_is_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="needs the extra edgecnn[understand]")
    from edgecnn.zoo.chart import draw_zoo

    assert draw_zoo(CATALOG, tmp_path / "zoo.svg").read_text().count("MobileNet") >= 3
    with pytest.raises(OptionError, match=r"expected \.png, \.svg or \.pdf"):
        draw_zoo(CATALOG, tmp_path / "zoo.txt")
    with pytest.raises(OptionError, match="nothing to compare"):
        draw_zoo(CATALOG[:1], tmp_path / "zoo.png")
