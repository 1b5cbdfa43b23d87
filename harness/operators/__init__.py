"""The operators: one module per operator, with everything that the stages ask of it.

A module states the float node of the graph, how it is read from ONNX and written to it, its shape
rule, its float function, its integer form with exact arithmetic, what code generation hands to its
kernel, its multiply-accumulates, and whether it can be analog.  `node` and `integer_node` define
these hooks; `registry` finds the modules of this folder.
"""
