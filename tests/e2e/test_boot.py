"""The site boots from any path, without other hosts and without NumPy; it loads NumPy on request."""

import json
import urllib.request

import pytest

from tests.conftest import unavailable


def test_boots_without_requests_to_other_hosts(fresh_python_in_tab):
    tab = fresh_python_in_tab
    print(f"\nnavigation -> Python usable: {tab.boot_seconds:.2f} s, {len(tab.watch.requests)} requests")
    assert tab.watch.errors == []
    assert all(url.startswith((tab.site_root, "blob:")) for url in tab.watch.requests)


def test_boots_without_numpy(fresh_python_in_tab):
    tab = fresh_python_in_tab
    assert tab.run("import importlib.util, sys; [importlib.util.find_spec('numpy'), 'numpy' in sys.modules]") == [
        None,
        False,
    ]
    assert not any("numpy-" in url for url in tab.watch.requests)


def test_the_tab_runs_the_package_from_source(fresh_python_in_tab):
    file, source = fresh_python_in_tab.run(
        "import inspect, pygpt.errors as errors\n[errors.__file__, inspect.getsource(errors.PygptError)]"
    )
    assert file.endswith("/pygpt/errors.py")
    assert source.startswith("class PygptError(Exception)")


def test_the_worker_has_webgpu(fresh_python_in_tab):
    run = fresh_python_in_tab.run
    assert run("import js; bool(js.navigator.gpu)")
    assert run("adapter = await js.navigator.gpu.requestAdapter(); adapter.info.architecture") == "swiftshader"


def test_ensure_numpy_loads_numpy(fresh_python_in_tab):
    tab = fresh_python_in_tab
    with urllib.request.urlopen(f"{tab.site_root}site.json") as response:
        if json.load(response)["numpy"] is None:
            unavailable("the site was built without NumPy's wheel; set PYGPT_WHEELS to a folder that contains it")
    assert (
        tab.run(
            "from numpy_wheel import ensure_numpy\n"
            f"await ensure_numpy({tab.site_root!r})\n"
            "import numpy, numpy.linalg, numpy.random\n"
            "square = numpy.arange(16, dtype='f4').reshape(4, 4)\n"
            "float((square @ square).sum())"
        )
        == 3920.0
    )
    assert tab.watch.errors == []


def test_errors_and_timeouts_reach_the_test(fresh_python_in_tab):
    tab = fresh_python_in_tab
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        tab.run("1 / 0")
    with pytest.raises(TimeoutError):
        tab.run("import asyncio; await asyncio.sleep(60)", seconds=0.5)
    assert tab.run("1 + 1") == 2


def test_requests_to_other_hosts_are_recorded(page, site):
    page.goto(f"{site.url}harness/")
    page.evaluate("fetch('https://example.com/').catch(() => 0)")
    assert any("example.com" in error for error in page.watch.errors)
    page.watch.errors.clear()
