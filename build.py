"""Build the lab: everything the page needs, gathered in dist/, self-hosted, ready for any static server.

    python build.py [--out DIR] [--wheels DIR] [--data DIR]

    dist/
      index.html, *.css, *.js, views/, worker/    lab/, copied as it is (worker/lab.py is what PyScript starts)
      lab.json                                    the PyScript configuration, generated here (all its paths are relative)
      site.json                                   what this build holds; see below
      pygpt-<version>-py3-none-any.whl            the package, .py sources and shaders inside; unpacked in the tab
      devices/browser.js                          the JavaScript half of the browser device, imported as pygpt_browser
      shaders/*.wgsl                              the kernels once more, to read and to link to
      pyscript/core.js, core.css, chunks          from npm: @pyscript/core
      pyodide/pyodide.mjs, pyodide.asm.*, ...     from npm: pyodide, its python_stdlib.zip precompiled
      uplot/uPlot.esm.js, uPlot.min.css           from npm: uplot
      wheels/numpy-<...>.whl                      Pyodide's NumPy, fetched by a tab only when it opens the NumPy device
      data/shakespeare.txt, names.txt, python.txt

site.json, the page's and the worker's table of contents:

    {"version": "0.1.0", "wheel": "pygpt-0.1.0-py3-none-any.whl", "numpy": "numpy-<...>.whl" or null,
     "data": {"names": {"file": "data/names.txt", "bytes": 228145}, ...}, "built": "2026-11-20T12:00:00Z"}

Needs Python 3.11 and npm; nothing else. What can be missing without stopping the build is said in one line: NumPy's
wheel (--wheels DIR or PYGPT_WHEELS, else Pyodide's CDN) and the data sets (--data DIR or PYGPT_DATA, else their homes).
Slow steps are kept in build/ by the hash of what went in, so a second build takes a second.
"""
