"""WGSL sources by name, from the checkout's shaders/ or from the wheel, which carries them as pygpt/shaders/.

A kernel's fixed numbers reach its shader in one of two ways, which the shader's text declares:

    override BETA1: f32;                                        compiled in: a pipeline for every value
    struct Uniforms { M: u32, N: u32 }                          read: one pipeline for all values
    @group(0) @binding(4) var<uniform> uniforms: Uniforms;      its binding comes after the outputs

The second is for numbers that differ between a model's layers, such as the lengths of a product: compiling a pipeline
takes 10 to 150 ms on a software adapter, and a small GPT has a dozen different products.
"""

import functools
import re
import struct
from collections.abc import Mapping
from pathlib import Path

_UNIFORMS = re.compile(r"^struct Uniforms \{([^}]*)\}", re.MULTILINE)
_CODES = {"u32": "I", "i32": "i", "f32": "f"}

_HERE = Path(__file__).resolve().parents[1]
_FOLDERS = (_HERE / "shaders", _HERE.parent / "shaders")


@functools.cache
def source(name: str) -> str:
    """Return the WGSL text of shaders/<name>.wgsl. Raises FileNotFoundError if there is none."""
    for folder in _FOLDERS:
        path = folder / f"{name}.wgsl"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"there is no shader {name}.wgsl in {' or '.join(str(folder) for folder in _FOLDERS)}")


@functools.cache
def uniforms(text: str) -> dict[str, str]:
    """Return the names and types of the numbers that a shader reads as uniforms, in order."""
    match = _UNIFORMS.search(text)
    return dict(re.findall(r"(\w+): (\w+)", match.group(1))) if match else {}


def constants(text: str, values: Mapping[str, float]) -> tuple[dict[str, float], bytes]:
    """Split a kernel's fixed numbers into its shader's overrides by name and the bytes of its uniforms."""
    fields = uniforms(text)
    packed = b"".join(struct.pack(f"<{_CODES[kind]}", values[field]) for field, kind in fields.items())
    # The size of a uniform binding is a multiple of 16 bytes.
    return {field: value for field, value in values.items() if field not in fields}, packed + bytes(-len(packed) % 16)
