"""WGSL sources by name, from the checkout's shaders/ or from the wheel, which carries them as pygpt/shaders/."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE / "shaders", _HERE.parent / "shaders")


def source(name: str) -> str:
    """The WGSL text of shaders/<name>.wgsl. Raises FileNotFoundError if there is none."""
    for folder in _FOLDERS:
        path = folder / f"{name}.wgsl"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"there is no shader {name}.wgsl in {' or '.join(str(folder) for folder in _FOLDERS)}")
