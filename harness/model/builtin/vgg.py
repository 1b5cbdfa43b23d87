"""VGG-16 (Simonyan and Zisserman 2015, configuration D), for CIFAR and for ImageNet.

At 32x32 (CIFAR) the thirteen convolutions carry batch normalisation and the classifier is
512, 10 on the 1x1x512 that the fifth pooling leaves (Liu and Deng 2015, without dropout).
At 224x224 it is the paper's network: no batch normalisation, classifier 4096, 4096, 1000.
"""

from __future__ import annotations

from harness.model.builtin.builder import GraphBuilder
from harness.model.graph import Graph

SIZES = (32, 224)
_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def build(input_size: int, seed: int) -> Graph:
    cifar = input_size == 32
    net = GraphBuilder("vgg16", (1, 3, input_size, input_size), seed)
    x = "input"
    for stage, widths in enumerate(_STAGES, start=1):
        for index, channels in enumerate(widths, start=1):
            x = net.conv(f"conv{stage}_{index}", x, channels, kernel=3, pad=1)
            if cifar:
                x = net.batch_norm(f"bn{stage}_{index}", x)
            x = net.relu(f"relu{stage}_{index}", x)
        x = net.max_pool(f"pool{stage}", x, kernel=2, stride=2)
    x = net.flatten("flatten", x)
    widths, classes = ((512,), 10) if cifar else ((4096, 4096), 1000)
    for index, features in enumerate(widths, start=1):
        x = net.relu(f"relu_fc{index}", net.dense(f"fc{index}", x, features))
    net.dense(f"fc{len(widths) + 1}", x, classes)
    return net.finish()
