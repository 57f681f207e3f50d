"""A NaN in an input comes out as NaN in all that depends on it, natively: a broken run must not look healthy."""

from pygpt.devices import simd
from pygpt.devices.numpy import NumpyDevice
from pygpt.devices.simd.compile import compile_natively
from pygpt.tensor.tensor import KERNELS
from tests.conftest import unavailable
from tests.ops.nan_cases import nan_cases
from tests.ops.run_case import start_case

CASES = nan_cases()


def check(device):
    """Run every case on a device; report all failures at once."""
    failures = []
    for case in CASES:
        try:
            case.check([output.read() for output in start_case(device, case.poisoned.to_json())])
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


def test_every_kernel_from_floats_to_floats_has_a_case():
    without_floats = {"append_token", "batch", "batch_documents", "exact_match", "fill", "gather_windows", "increment"}
    without_floats |= {"normal", "sample", "threefry"}
    assert {case.case.kernel for case in CASES} == set(KERNELS) - without_floats


def test_a_nan_stays_nan_in_the_twins(cpu):
    check(cpu)


def test_a_nan_stays_nan_in_the_c_kernels(tmp_path):
    path = compile_natively(tmp_path) or unavailable("there is no C compiler here")
    check(NumpyDevice(library=simd.Library(path)))


def test_a_nan_stays_nan_in_the_shaders(gpu):
    check(gpu)


def test_a_nan_stays_nan_in_the_shaders_for_real_gpus(gpu_as_hardware):
    check(gpu_as_hardware)
