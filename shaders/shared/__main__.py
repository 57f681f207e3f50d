"""Copy the functions that several shaders share into each of them: `python shaders/shared`.

A shader marks the place with the lines `// from shared/NAME.wgsl` and `// end of NAME`; this script replaces the text
between them with NAME.wgsl of this folder. So every shader file is complete, and each shared formula has one source.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
MARKED = re.compile(r"^// from shared/(\w+)\.wgsl\n.*?^// end of \1\n", re.MULTILINE | re.DOTALL)


def write(shader: str) -> str:
    """Return the text of a shader with up-to-date shared functions. Raises: FileNotFoundError for an unknown one."""
    return MARKED.sub(lambda match: f"// from shared/{match[1]}.wgsl\n{shared(match[1])}// end of {match[1]}\n", shader)


def shared(name: str) -> str:
    """The text of a shared function."""
    return (HERE / f"{name}.wgsl").read_text()


if __name__ == "__main__":
    for path in sorted(HERE.parent.glob("*.wgsl")):
        text = path.read_text()
        if write(text) != text:
            path.write_text(write(text))
            print(f"wrote {path.name}")
