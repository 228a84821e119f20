"""The networks of the zoo from LeNet-5 to today: year, idea, size, cost, published accuracy and where it stands.

Facts only, no torch: `edgecnn zoo` prints them at once; `edgecnn.zoo.load(entry.source)` builds the network.
"""

from dataclasses import dataclass

from edgecnn_runtime import OptionError

from edgecnn.names import unknown_name

__all__ = ["CATALOG", "CatalogEntry", "find_entries"]

_TORCHVISION = "torchvision, weights IMAGENET1K_V1"


@dataclass(frozen=True)
class CatalogEntry:
    """One network.

    Attributes:
        name: As its paper calls it.
        year: Of the paper.
        idea: What was new, in a line.
        parameters: Learned numbers, as torch counts them (LeNet-5: as its paper does).
        macs: Multiply-accumulates for one picture, likewise; convolutions and matrix products.
        size: Height and width of the picture, in pixels.
        top1: Published share of right first answers, 0 to 1.
        data: Data set of `top1`.
        published: Where `top1` stands.
        source: What `edgecnn.zoo.load` takes; empty for a network that is only history.
    """

    name: str
    year: int
    idea: str
    parameters: int
    macs: int
    size: int
    top1: float
    data: str
    published: str
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.top1 < 1:
            raise OptionError(f"top1 of {self.name} is {self.top1}; expected a share between 0 and 1.")


def _imagenet(  # one line a network below reads best
    name: str, year: int, idea: str, parameters: int, macs: float, top1: float, source: str, published: str = ""
) -> CatalogEntry:
    published = published or _TORCHVISION
    size = 256 if name == "FastViT-T8" else 224
    return CatalogEntry(name, year, idea, parameters, round(macs), size, top1, "ImageNet-1k", published, source)


CATALOG: tuple[CatalogEntry, ...] = (
    CatalogEntry(
        "LeNet-5", 1998, "convolution and pooling learned end to end, on digits", 60_000, 340_908, 32, 0.9905, "MNIST",
        "LeCun et al., Gradient-based learning applied to document recognition, 1998", "",
    ),
    _imagenet("AlexNet", 2012, "deep, on GPUs, with ReLU and dropout: the ImageNet breakthrough",
              61_100_840, 0.714e9, 0.56522, "torchvision:alexnet"),
    _imagenet("VGG-16", 2014, "nothing but 3x3 convolutions, stacked deep",
              138_357_544, 15.47e9, 0.71592, "torchvision:vgg16"),
    _imagenet("GoogLeNet", 2014, "branches of several window sizes side by side; global pooling at the end",
              6_624_904, 1.498e9, 0.69778, "torchvision:googlenet"),
    _imagenet("ResNet-18", 2015, "shortcuts around blocks, so that depth can be trained",
              11_689_512, 1.814e9, 0.69758, "torchvision:resnet18"),
    _imagenet("ResNet-50", 2015, "the same with 1x1 bottlenecks: the yardstick for a decade",
              25_557_032, 4.089e9, 0.7613, "torchvision:resnet50"),
    _imagenet("SqueezeNet 1.1", 2016, "AlexNet's accuracy with 50 times fewer parameters",
              1_235_496, 0.349e9, 0.58178, "torchvision:squeezenet1_1"),
    _imagenet("DenseNet-121", 2016, "every layer sees the maps of all before it",
              7_978_856, 2.834e9, 0.74434, "torchvision:densenet121"),
    _imagenet("MobileNetV2", 2018, "depthwise convolutions in inverted bottlenecks: made for phones",
              3_504_872, 0.301e9, 0.71878, "torchvision:mobilenet_v2"),
    _imagenet("ShuffleNetV2 1.0x", 2018, "half the channels rest, then all are shuffled: counted in time, not in MACs",
              2_278_604, 0.145e9, 0.69362, "torchvision:shufflenet_v2_x1_0"),
    _imagenet("MobileNetV3-Large", 2019, "searched by machine, with squeeze-excite and hard swish",
              5_483_032, 0.217e9, 0.74042, "torchvision:mobilenet_v3_large"),
    _imagenet("EfficientNet-B0", 2019, "depth, width and resolution scaled together",
              5_288_548, 0.386e9, 0.77692, "torchvision:efficientnet_b0"),
    _imagenet("EfficientNet-Lite0", 2020, "EfficientNet without squeeze-excite and swish, so that int8 holds",
              4_652_008, 0.385e9, 0.751, "efficientnet_lite0", "tensorflow/tpu, EfficientNet-lite README"),
    _imagenet("RegNetY-400MF", 2020, "a simple rule for widths, found by sampling whole design spaces",
              4_344_144, 0.402e9, 0.74046, "torchvision:regnet_y_400mf"),
    _imagenet("ConvNeXt-Tiny", 2022, "a CNN with a transformer's habits: large windows, few activations",
              28_589_128, 4.456e9, 0.8252, "torchvision:convnext_tiny"),
    _imagenet("FastViT-T8", 2023, "branches for training that melt into one convolution for use",
              4_026_232, 0.690e9, 0.762, "timm:fastvit_t8", "apple/ml-fastvit README, without distillation"),
    _imagenet("RepViT-M0.9", 2023, "MobileNet rebuilt the way light transformers are",
              5_489_328, 0.816e9, 0.787, "timm:repvit_m0_9", "THU-MIG/RepViT README, 300 epochs with distillation"),
    _imagenet("MobileNetV4-Conv-S", 2024, "one searched block for every kind of mobile processor",
              3_774_024, 0.186e9, 0.738, "timm:mobilenetv4_conv_small", "Qin et al., MobileNetV4, 2024"),
)  # fmt: skip


def find_entries(names: list[str]) -> list[CatalogEntry]:
    """Entries by name or source, in the catalog's order; all for an empty list.

    Raises:
        OptionError: No such entry; the nearest names are suggested.
    """
    if not names:
        return list(CATALOG)
    wanted = {name.lower() for name in names}
    known = {key.lower() for entry in CATALOG for key in (entry.name, entry.source) if key}
    for name in names:
        if name.lower() not in known:
            raise unknown_name("network", name, [entry.name for entry in CATALOG])
    return [entry for entry in CATALOG if entry.name.lower() in wanted or entry.source.lower() in wanted - {""}]
