"""ResNet-20 for CIFAR (He et al. 2016, section 4.2): three stages of three basic blocks.

Where the shape changes the shortcut is a 1x1 convolution of stride 2 with batch
normalisation (option B of the paper), not the parameter-free option A: a matrix maps to a
crossbar, whereas strided slicing with zero padding is an operator of its own for nothing.
"""

from __future__ import annotations

from harness.model.builtin.builder import GraphBuilder
from harness.model.graph import Graph

SIZES = (32,)


def _block(net: GraphBuilder, name: str, source: str, channels: int, stride: int) -> str:
    x = net.conv(f"{name}_conv1", source, channels, kernel=3, stride=stride, pad=1)
    x = net.relu(f"{name}_relu1", net.batch_norm(f"{name}_bn1", x))
    x = net.conv(f"{name}_conv2", x, channels, kernel=3, pad=1)
    x = net.batch_norm(f"{name}_bn2", x)
    shortcut = source
    if stride != 1:
        shortcut = net.conv(f"{name}_shortcut", source, channels, kernel=1, stride=stride)
        shortcut = net.batch_norm(f"{name}_bn3", shortcut)
    return net.relu(f"{name}_relu2", net.add(f"{name}_add", x, shortcut))


def build(input_size: int, seed: int) -> Graph:
    net = GraphBuilder("resnet20", (1, 3, input_size, input_size), seed)
    x = net.conv("conv1", "input", 16, kernel=3, pad=1)
    x = net.relu("relu1", net.batch_norm("bn1", x))
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in range(1, 4):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _block(net, f"stage{stage}_block{block}", x, channels, stride)
    x = net.flatten("flatten", net.global_avg_pool("pool", x))
    net.dense("fc", x, 10)
    return net.finish()
