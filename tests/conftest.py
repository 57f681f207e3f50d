"""Fixtures for all tests."""

import itertools
import os
import signal

import pytest

from pygpt.data import load_text
from pygpt.devices.numpy import NumpyDevice
from pygpt.devices.wgpu import open_wgpu
from pygpt.errors import AdapterError
from pygpt.micro import MicroGPT

MICROGPT_SEED, MICROGPT_STEPS = 42, 200


def pytest_configure():
    """Let signals end the processes of the tests, also if this one ignores them: under nohup, in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # ignored here, but not in a child


def pytest_collection_modifyitems(items):
    """Mark the tests that use the native WebGPU device."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "gpu" in item.fixturenames or "webgpu" in parameters.values():
            item.add_marker("gpu")


def unavailable(reason):
    """Fail in CI if an adapter or a browser is missing; elsewhere skip the test with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def gpu():
    """The native WebGPU device: a real GPU, or one emulated on the CPU."""
    try:
        device = open_wgpu()
    except AdapterError as error:
        unavailable(str(error))
    yield device
    device.close()


@pytest.fixture(scope="session")
def microgpt_losses():
    """The losses of the first 200 of the scalar program's 1,000 steps on names, which take about five seconds."""
    return list(itertools.islice(MicroGPT(load_text("names").text, MICROGPT_SEED).train(1000), MICROGPT_STEPS))


@pytest.fixture
def gpu_as_hardware(gpu, monkeypatch):
    """The native device, marked as a real GPU so that its shaders and its splitting are tested too."""
    monkeypatch.setattr(gpu, "software", False)
    return gpu


@pytest.fixture
def cpu():
    """A new NumPy device."""
    return NumpyDevice()


@pytest.fixture(params=["numpy", "webgpu"])
def device(request):
    """Each native device in turn."""
    return NumpyDevice() if request.param == "numpy" else request.getfixturevalue("gpu")
