"""LeNet-5 (LeCun et al., Proceedings of the IEEE 1998) on 1x32x32.

Layers and sizes are those of the paper: C1 6@5x5, S2, C3 16@5x5, S4, C5 120@5x5 (on a 5x5
map, so it is written as the fully connected layer that it is), F6 84, output 10.  As every
present-day LeNet-5 does, it has ReLU for tanh, plain 2x2 means for the trainable
subsampling, all of S2 connected to C3, and a linear output layer for the radial basis one.
"""

from __future__ import annotations

from harness.model.builtin.builder import GraphBuilder
from harness.model.graph import Graph

SIZES = (32,)


def build(input_size: int, seed: int) -> Graph:
    net = GraphBuilder("lenet5", (1, 1, input_size, input_size), seed)
    x = net.relu("relu1", net.conv("conv1", "input", 6, kernel=5))
    x = net.avg_pool("pool1", x, kernel=2, stride=2)
    x = net.relu("relu2", net.conv("conv2", x, 16, kernel=5))
    x = net.avg_pool("pool2", x, kernel=2, stride=2)
    x = net.flatten("flatten", x)
    x = net.relu("relu3", net.dense("fc1", x, 120))
    x = net.relu("relu4", net.dense("fc2", x, 84))
    net.dense("fc3", x, 10)
    return net.finish()
