"""From integer nodes to C: one parameter struct and one call per layer."""

from __future__ import annotations

import re
from typing import Final

from harness.codegen.analog import translate_analog
from harness.codegen.context import PlanContext
from harness.errors import CodegenError
from harness.operators.integer_node import QNode
from harness.operators.kernel.layer import Fp32Context, Layer
from harness.operators.matrix import WeightedNode

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")


def translate(node: QNode, context: PlanContext) -> Layer:
    """The C of one layer; its arrays go into the context.

    Raises:
        CodegenError: The name is no identifier, or no kernel implements the operator.
    """
    _check_name(node)
    analog = context.plan.analog.get(node.name)
    if analog is None:
        return node.layer(context)
    if not isinstance(node, WeightedNode):
        raise CodegenError(f"a {type(node).__name__} cannot be analog", where=node.name)
    return translate_analog(node, analog, context)


def translate_fp32(node: QNode, context: Fp32Context) -> Layer:
    """The C of one layer of the fp32 baseline; its arrays go into the context.

    Raises:
        CodegenError: The name is no identifier, or no fp32 kernel implements the operator.
    """
    _check_name(node)
    return node.layer_fp32(context)


def _check_name(node: QNode) -> None:
    if not _IDENTIFIER.fullmatch(node.name):
        raise CodegenError("the layer's name is not a C identifier", where=repr(node.name))
