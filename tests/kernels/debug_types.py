"""Structs and enumerations of a C file as Python sees them, from the file's debug information.

The compiler is the one of the simulated programs, so that sizes and offsets are the target's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile

from harness.resources import resource
from harness.toolchain.compiler import C_FLAGS, COMPILE_FLAGS, find_compiler
from harness.toolchain.process import Commands

# Version 4, which pyelftools reads without relocated string offsets; types that no code uses too.
_DEBUG_FLAGS = ("-gdwarf-4", "-fno-eliminate-unused-debug-types")
_SAME_TYPE = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type")
_SIGNED, _UNSIGNED = (5, 6), (2, 7, 8)  # DW_ATE_*: integers, characters, truth values
_INTEGERS: Mapping[tuple[bool, int], type[ctypes._SimpleCData[Any]]] = {
    (True, 1): ctypes.c_int8,
    (True, 2): ctypes.c_int16,
    (True, 4): ctypes.c_int32,
    (True, 8): ctypes.c_int64,
    (False, 1): ctypes.c_uint8,
    (False, 2): ctypes.c_uint16,
    (False, 4): ctypes.c_uint32,
    (False, 8): ctypes.c_uint64,
}


@dataclass(frozen=True)
class DebugTypes:
    """Types of a C file by name; pointers are addresses on the target."""

    structs: Mapping[str, type[ctypes.LittleEndianStructure]]
    enums: Mapping[str, Mapping[str, int]]


def read_types(source: Path, folder: Path) -> DebugTypes:
    """The types of ``source`` and of what it includes; ``folder`` takes the object file."""
    made = folder / f"{source.stem}-types.o"
    includes = [f"-I{resource(name)}" for name in ("kernels/include", "aimc_tile/core")]
    arguments = [*COMPILE_FLAGS, *C_FLAGS, *_DEBUG_FLAGS, *includes, "-c", str(source)]
    finished = find_compiler(folder).run(
        [*arguments, "-o", str(made)], cwd=folder, scratch=folder, commands=Commands()
    )
    assert finished.returncode == 0, finished.output
    structs: dict[str, type[ctypes.LittleEndianStructure]] = {}
    enums: dict[str, Mapping[str, int]] = {}
    with made.open("rb") as stream:
        for unit in ELFFile(stream).get_dwarf_info().iter_CUs():
            for entry in unit.iter_DIEs():
                if "DW_AT_name" not in entry.attributes:
                    continue
                if entry.tag == "DW_TAG_structure_type" and "DW_AT_byte_size" in entry.attributes:
                    _struct(entry, structs)
                elif entry.tag == "DW_TAG_enumeration_type":
                    enums[_name(entry)] = {
                        _name(child): child.attributes["DW_AT_const_value"].value
                        for child in entry.iter_children()
                    }
    return DebugTypes(structs, enums)


def _name(entry: DIE) -> str:
    return str(entry.attributes["DW_AT_name"].value.decode())


def _struct(
    entry: DIE, structs: dict[str, type[ctypes.LittleEndianStructure]]
) -> type[ctypes.LittleEndianStructure]:
    name = _name(entry)
    if name not in structs:
        members = [child for child in entry.iter_children() if child.tag == "DW_TAG_member"]
        fields = [(_name(member), _member_type(member, structs)) for member in members]
        made = type(name, (ctypes.LittleEndianStructure,), {"_fields_": fields})
        assert ctypes.sizeof(made) == entry.attributes["DW_AT_byte_size"].value, name
        for member in members:
            offset = member.attributes["DW_AT_data_member_location"].value
            assert getattr(made, _name(member)).offset == offset, (name, _name(member))
        structs[name] = made
    return structs[name]


def _member_type(entry: DIE, structs: dict[str, type[ctypes.LittleEndianStructure]]) -> Any:  # noqa: ANN401 - ctypes has no common base
    kind = entry.get_DIE_from_attribute("DW_AT_type")
    if kind.tag in _SAME_TYPE:
        return _member_type(kind, structs)
    if kind.tag == "DW_TAG_pointer_type":
        return ctypes.c_uint64
    if kind.tag == "DW_TAG_structure_type":
        return _struct(kind, structs)
    if kind.tag == "DW_TAG_array_type":
        (bounds,) = kind.iter_children()
        return _member_type(kind, structs) * bounds.attributes["DW_AT_count"].value
    assert kind.tag == "DW_TAG_base_type", kind.tag
    encoding = kind.attributes["DW_AT_encoding"].value
    if encoding == 4:  # DW_ATE_float
        return {4: ctypes.c_float, 8: ctypes.c_double}[kind.attributes["DW_AT_byte_size"].value]
    assert encoding in (*_SIGNED, *_UNSIGNED), encoding
    return _INTEGERS[encoding in _SIGNED, kind.attributes["DW_AT_byte_size"].value]
