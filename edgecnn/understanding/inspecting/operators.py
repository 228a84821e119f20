"""Operators by what they do to positions; names of ONNX Runtime's own operators carry their domain."""

__all__ = ["CELL_BY_CELL", "CONVOLUTIONS", "GLOBAL_POOLS", "OPAQUE", "PRODUCTS", "REDUCTIONS"]

CELL_BY_CELL = frozenset(
    {
        "Abs", "Add", "And", "BatchNormalization", "Cast", "CastLike", "Ceil", "Celu", "Clip", "DequantizeLinear",
        "Div", "Dropout", "DynamicQuantizeLinear", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater",
        "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log",
        "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuantizeLinear", "Reciprocal",
        "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish",
        "Tanh", "ThresholdedRelu", "Where", "Xor", "com.microsoft.DequantizeLinear", "com.microsoft.Gelu",
        "com.microsoft.QLinearAdd", "com.microsoft.QLinearLeakyRelu", "com.microsoft.QLinearMul",
        "com.microsoft.QLinearSigmoid", "com.microsoft.QuantizeLinear", "com.microsoft.QuickGelu",
    }
)  # fmt: skip
REDUCTIONS = frozenset(
    {
        "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
        "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
    }
)  # fmt: skip
GLOBAL_POOLS = frozenset(
    {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "com.microsoft.QLinearGlobalAveragePool"}
)
PRODUCTS = frozenset({"MatMul", "MatMulInteger", "QLinearMatMul", "Gemm", "com.microsoft.QGemm"})
CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "com.microsoft.FusedConv": 1}
"""Which input of a convolution is its kernel."""
OPAQUE = frozenset(
    {
        "Attention", "DeformConv", "GRU", "LSTM", "RNN", "com.microsoft.Attention", "com.microsoft.MultiHeadAttention",
        "com.microsoft.QAttention",
    }
)  # fmt: skip
"""Made of products inside, in ways that their inputs' shapes alone do not tell."""
