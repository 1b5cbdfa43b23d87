"""What reading may take: one budget of memory and time for everything that comes from outside.

Readers ask for these numbers, and nothing else states them.  `MEMORY_BYTES` and `SECONDS` are what
a reader may take for any input, however it was made; the bounds below follow from them.  Each is
several times what ImageNet networks and datasets need.
"""

from __future__ import annotations

from typing import Final

MEMORY_BYTES: Final = 2 << 30
"""Memory of the whole process while one input is read."""
SECONDS: Final = 20
"""Time of one core for one input."""

# Networks.  VGG-19 has 548 MiB of weights; with its fully connected layers stored the other way
# round it takes 1.6 GiB to read: the file, its weights, and the turned ones.
NETWORK_BYTES: Final = 1792 << 20
"""The file, its decoded and computed constants and the parameters made of them, together."""
MODEL_FILE_BYTES: Final = 1 << 30
MESSAGE_BYTES: Final = 128 << 20
"""What a file says about its weights, as objects in memory."""
PARAMETER_BYTES: Final = 768 << 20
"""Weights of a network, as float32."""
NODES: Final = 10_000
"""Nodes, initializers, inputs and outputs of a file, each; DenseNet-121 has 1,500 nodes."""
TENSOR_BYTES: Final = 64 << 20
"""One activation of one inference, as float32; the largest of VGG-19 has 12 MiB."""
TENSORS_BYTES: Final = 1 << 30
"""All activations of one inference together, as float32; VGG-19 has 120 MiB."""
CHECKPOINT_HEADER_BYTES: Final = 1 << 20
"""The list of tensors in a safetensors file."""

# Datasets.
DATASET_BYTES: Final = 768 << 20
"""The arrays of an .npz archive, unpacked, or the images that are decoded at once."""
ARCHIVE_DIRECTORY_BYTES: Final = 1 << 20
"""An archive's list of its members."""
CIFAR_FILE_BYTES: Final = 64 << 20
"""The real ones have half of that."""
PICKLE_OPCODES: Final = 1_000_000
"""Steps of one CIFAR-10 python batch; the real ones have 60,000."""
PICKLE_BYTES: Final = 256 << 20
"""What those steps may make; the real ones make 31 MB."""
IMAGE_SIDE: Final = 4096
"""Height and width of a JPEG image."""
IMAGE_SCANS: Final = 64
"""Passes of a progressive JPEG file over its image; usual ones have 10."""
CLASSES: Final = 1 << 16

# Text.
YAML_BYTES: Final = 64 << 10
YAML_DEPTH: Final = 12
JSON_BYTES: Final = 16 << 20
"""Any JSON file; Python's objects take up to 30 times its length."""
SEARCH_STATE_BYTES: Final = 64 << 20
"""Of a search; 1000 layers with 1000 repetitions each take less."""
MAPPING_BYTES: Final = 4 << 20

# Programs.
PROGRAM_BYTES: Final = 768 << 20
"""An ELF file, and what its segments load; VGG-16 in fp32 has 553 MB."""
PROGRAM_SECTIONS: Final = 4096
PROGRAM_SYMBOLS: Final = 1 << 20

# Sweeps.
SWEEP_POINTS: Final = 100_000
"""Combinations of one sweep's values, before any is left out."""
CONDITION_CHARACTERS: Final = 4096
"""Of one condition of a sweep."""
CONDITION_DEPTH: Final = 32
"""Parentheses and ``not`` within each other, in one condition."""
