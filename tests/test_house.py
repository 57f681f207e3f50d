"""The structure: the parts of a kernel, the allowed imports, docstrings and file sizes. See docs/design.md."""

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import pygpt
import pygpt.ops
from pygpt.tensor.kernel import KERNELS
from pygpt.tensor.shader_sources import uniforms
from tests import house

ROOT = Path(__file__).resolve().parents[1]
SHADERS = {path.stem: path.read_text() for path in (ROOT / "shaders").glob("*.wgsl")}
BINDING = re.compile(r"@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+): ")
C_SOURCES = {path.name: path.read_text() for path in (ROOT / "pygpt" / "devices" / "simd").glob("*.c")}
C_KERNEL = re.compile(r"^KERNEL\((\w+)\) \{\n    OPERANDS \{([^}]*)\};\n(?:    CONSTANTS \{([^}]*)\};)?", re.MULTILINE)
OVERRIDE = re.compile(r"^override (\w+): (u32|i32|f32)", re.MULTILINE)


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_has_all_its_parts(name):
    kernel = KERNELS[name]
    assert kernel.__doc__ and "Shapes:" in kernel.__doc__, f"{name}: give the shapes in the twin's docstring"
    assert kernel.gradient_rule or kernel.no_gradient, f"{name}: declare a gradient, or no_gradient with the reason"
    cases = cases_of(name)
    assert cases, f"{name}: no case in tests/ops runs it"
    for shader, workgroup in kernel.shaders.items():
        text = SHADERS.get(shader)
        assert text, f"{name}: shaders/{shader}.wgsl is missing"
        assert text.startswith("// "), f"{shader}: begin the shader with a comment on what each output element equals"
        bindings = BINDING.findall(text)
        assert [(int(number), access, binding) for number, access, binding in bindings] == [
            *((index, "read", binding) for index, binding in enumerate(kernel.inputs)),
            *((len(kernel.inputs) + index, "read_write", binding) for index, binding in enumerate(kernel.outputs)),
        ], f"{shader}: the bindings must be the twin's parameters, inputs first"
        constants = dict(re.findall(r"^const (\w+)(?:: u32)? = (\d+)u?;", text, re.MULTILINE))
        size = re.search(r"@workgroup_size\(([\w, ]+)\)", text).group(1)
        sizes = tuple(int(constants.get(part.strip(), part.strip().rstrip("u"))) for part in size.split(","))
        assert (*sizes, 1, 1)[:3] == tuple(workgroup), f"{shader}: @workgroup_size differs from the declaration"
        operands = [*case_operands(cases[0])]
        fields = uniforms(text)
        place = f"@group(0) @binding({len(bindings)}) var<uniform> uniforms: Uniforms;"
        assert bool(fields) == (place in text), f"{shader}: bind the uniforms after the outputs"
        declared = {override for override, _ in OVERRIDE.findall(text)} | set(fields)
        given = set(kernel.override_values(operands, {**kernel.attributes, **cases[0].attributes}))
        assert given == declared, f"{shader}: overrides declared {declared}, given {given}"
        assert not re.search(r"^\s*(enable|requires)\b", text, re.MULTILINE), f"{shader}: extensions are not allowed"


def cases_of(name):
    """The cases in tests/ops that run a kernel."""
    return [
        case
        for path in (ROOT / "tests" / "ops").glob("test_*.py")
        for case in getattr(importlib.import_module(f"tests.ops.{path.stem}"), "CASES", [])
        if case.kernel == name
    ]


def case_operands(case):
    """The operands of a case as tensors, inputs before outputs."""
    from pygpt.devices.numpy import NumpyDevice
    from tests.ops.run_case import start_case

    captured = []

    class CapturingDevice(NumpyDevice):
        def run(self, kernel, operands, attributes):
            if kernel.name == case.kernel and not captured:
                captured.extend(operands)
            super().run(kernel, operands, attributes)

    start_case(CapturingDevice(), case.to_json())
    return captured


def test_every_shader_belongs_to_a_kernel():
    assert set(SHADERS) == {shader for kernel in KERNELS.values() for shader in kernel.shaders}


@pytest.mark.parametrize("file", C_SOURCES)
def test_a_c_kernel_has_the_operands_and_constants_of_its_twin(file):
    kernels = C_KERNEL.findall(C_SOURCES[file])
    assert len(kernels) == C_SOURCES[file].count("\nKERNEL(") and (kernels or file == "launch.c")
    shared = re.search(r"^CONSTANTS \{([^}]*)\};", C_SOURCES[file], re.MULTILINE)
    for name, operands, constants in kernels:
        kernel, case = KERNELS[name], cases_of(name)[0]
        assert operands.lower().replace(" ", "").split(",") == [*kernel.inputs, *kernel.outputs], name
        overrides = kernel.override_values(case_operands(case), {**kernel.attributes, **case.attributes})
        constants = constants or (shared.group(1) if shared and overrides else "")
        assert re.findall(r"\w+", constants) == list(overrides), (
            f"{name}: the constants must be the shader's, in the same order"
        )


def test_every_import_is_allowed():
    assert not house.forbidden()


def test_imports_have_no_cycle():
    assert not house.cycles()


def test_pygpt_has_few_files_outside_its_folders():
    assert len([path for path in (ROOT / "pygpt").glob("*") if path.is_file()]) <= house.MOST_FILES


def test_every_package_is_in_the_wheel():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "pygpt").rglob("__init__.py")}
    assert set(listed) == packages | {"pygpt.shaders"}


def test_only_three_files_import_numpy():
    allowed = {"pygpt/tensor/lazy_numpy.py", "pygpt/tensor/tensor.py", "pygpt/devices/numpy.py"}
    importers = {
        place.split(":")[0]
        for path in house.modules().values()
        for imported, place in house.imports(path)
        if imported.split(".")[0] == "numpy"
    }
    assert importers == allowed


def test_importing_the_engine_loads_no_numpy():
    import subprocess
    import sys

    code = (
        "import sys, pygpt, pygpt.ops, pygpt.training.run, pygpt.inference.sampler, pygpt.data; "
        "sys.exit(any(name.split('.')[0] in ('numpy', 'wgpu', 'tyro', 'rich') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def public_names(module):
    """Yield the public functions, classes and methods that a module defines."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if callable(value):
            yield name, value
        if isinstance(value, type):
            for method, function in vars(value).items():
                if method.startswith("_") or method in getattr(value, "__dataclass_fields__", {}):
                    continue
                if callable(function) or isinstance(function, property):
                    yield f"{name}.{method}", function


def test_every_public_name_has_a_docstring():
    missing = []
    for info in pkgutil.walk_packages(pygpt.__path__, "pygpt."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        if not module.__doc__:
            missing.append(info.name)
        # An overriding method inherits its parent's docstring.
        missing += [
            f"{info.name}.{name}"
            for name, value in public_names(module)
            if not getattr(value, "__doc__", None) and not inherited(module, name)
        ]
    assert not missing, "\n".join(missing)


def inherited(module, name):
    """Whether a documented parent class has this method."""
    owner, _, method = name.partition(".")
    parents = getattr(module, owner).__mro__[1:] if method else ()
    return any(getattr(vars(parent).get(method), "__doc__", None) for parent in parents)


SHARED = re.compile(r"^// from shared/(\w+)\.wgsl\n.*?^// end of \1\n", re.M | re.S)


def test_files_stay_small():
    limits = [("pygpt", ".py", 350), ("pygpt", ".c", 200), ("shaders", ".wgsl", 200), ("lab", ".js", 260)]
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for folder, ending, limit in limits
        for path in sorted((ROOT / folder).rglob(f"*{ending}"))
        if (lines := len(SHARED.sub("", path.read_text()).splitlines())) > limit
        and path.parent.name not in ("tale_templates", "labels")
        and path.name != "messages.js"  # generated
    ]
    assert not long, "split by concept: " + ", ".join(long)
