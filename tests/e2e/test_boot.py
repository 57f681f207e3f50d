"""The site boots from any path, from itself alone, without NumPy; and gets NumPy when it asks for it."""

import json
import urllib.request

import pytest

from tests.conftest import unavailable


def test_boots_from_itself_alone(fresh_python_in_tab):
    tab = fresh_python_in_tab
    print(f"\nnavigation -> Python usable: {tab.boot_seconds:.2f} s, {len(tab.watch.requests)} requests")
    assert tab.watch.complaints == []
    assert all(url.startswith((tab.site_root, "blob:")) for url in tab.watch.requests)


def test_no_numpy_at_boot(fresh_python_in_tab):
    tab = fresh_python_in_tab
    assert tab.run("import importlib.util, sys; [importlib.util.find_spec('numpy'), 'numpy' in sys.modules]") == [
        None,
        False,
    ]
    assert not any("numpy-" in url for url in tab.watch.requests)


def test_the_python_you_read_is_the_python_that_runs(fresh_python_in_tab):
    file, source = fresh_python_in_tab.run(
        "import inspect, pygpt.errors as errors\n[errors.__file__, inspect.getsource(errors.PygptError)]"
    )
    assert file.endswith("/pygpt/errors.py")
    assert source.startswith("class PygptError(Exception)")


def test_webgpu_is_in_the_worker(fresh_python_in_tab):
    run = fresh_python_in_tab.run
    assert run("import js; bool(js.navigator.gpu)")
    assert run("adapter = await js.navigator.gpu.requestAdapter(); adapter.info.architecture") == "swiftshader"


def test_numpy_comes_when_asked_for(fresh_python_in_tab):
    tab = fresh_python_in_tab
    with urllib.request.urlopen(f"{tab.site_root}site.json") as reply:
        if json.load(reply)["numpy"] is None:
            unavailable("the site was built without NumPy's wheel; PYGPT_WHEELS may name a folder that has it")
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
    assert tab.watch.complaints == []


def test_errors_and_late_answers_reach_the_test(fresh_python_in_tab):
    tab = fresh_python_in_tab
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        tab.run("1 / 0")
    with pytest.raises(TimeoutError):
        tab.run("import asyncio; await asyncio.sleep(60)", seconds=0.5)
    assert tab.run("1 + 1") == 2


def test_a_page_is_watched(page, site):
    page.goto(f"{site.url}harness/")
    page.evaluate("fetch('https://example.com/').catch(() => 0)")
    assert any("example.com" in complaint for complaint in page.watch.complaints)
    page.watch.complaints.clear()
