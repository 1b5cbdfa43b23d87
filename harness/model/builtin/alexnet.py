"""AlexNet (Krizhevsky 2014, the one-column variant), for CIFAR and for ImageNet.

At 224x224 it is that network: 11x11 stride 4, classifier 4096, 4096, 1000, without local
response normalisation (as in torchvision).  At 32x32 (CIFAR) the five convolutions are 3x3
with the same widths, the first of stride 2 and with 2x2 pooling, which leaves 2x2x256 for
a classifier of 1024, 512, 10.
"""

from __future__ import annotations

from harness.model.builtin.builder import GraphBuilder
from harness.model.graph import Graph

SIZES = (32, 224)


def build(input_size: int, seed: int) -> Graph:
    cifar = input_size == 32
    net = GraphBuilder("alexnet", (1, 3, input_size, input_size), seed)
    pool = 2 if cifar else 3
    x = "input"
    # (channels, kernel, stride, padding, pooled) of each convolution.
    stem = ((64, 3, 2, 1, True), (192, 3, 1, 1, True))
    if not cifar:
        stem = ((64, 11, 4, 2, True), (192, 5, 1, 2, True))
    layers = (*stem, (384, 3, 1, 1, False), (256, 3, 1, 1, False), (256, 3, 1, 1, True))
    for index, (channels, kernel, stride, pad, pooled) in enumerate(layers, start=1):
        x = net.conv(f"conv{index}", x, channels, kernel, stride, pad)
        x = net.relu(f"relu{index}", x)
        if pooled:
            x = net.max_pool(f"pool{index}", x, kernel=pool, stride=2)
    x = net.flatten("flatten", x)
    widths, classes = ((1024, 512), 10) if cifar else ((4096, 4096), 1000)
    for index, features in enumerate(widths, start=1):
        x = net.relu(f"relu_fc{index}", net.dense(f"fc{index}", x, features))
    net.dense(f"fc{len(widths) + 1}", x, classes)
    return net.finish()
