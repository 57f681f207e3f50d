// A build step (not part of the page): compile Pyodide's python_stdlib.zip to bytecode, with Pyodide itself in Node, so
// that the bytecode's magic number is that of the Python in the tab.
//
//   node precompile_stdlib.mjs <in.zip> <out.zip>
//
// Why: the zip holds sources only, and compiling them takes 3.4 of the 4.7 s of a boot. The package's own wheel is left
// as sources: bytecode would save 0.06 s of its import, and weigh 160 kB more.

import { readFileSync, writeFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [input, output] = process.argv.slice(2);
const pyodide = await loadPyodide();
pyodide.FS.writeFile("/in.zip", readFileSync(input));
pyodide.runPython(`
import importlib.util, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc

with zipfile.ZipFile("/in.zip") as source, zipfile.ZipFile("/out.zip", "w") as target:
    for name in source.namelist():
        if name.endswith("/"):
            continue
        data = source.read(name)
        if name.endswith(".py"):
            code = compile(data, name, "exec", dont_inherit=True)
            # Hash-based, because a zip's time stamps are not to be trusted; unchecked, because the source stays behind.
            data = _code_to_hash_pyc(code, importlib.util.source_hash(data), False)
            name += "c"
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))   # fixed: the same input gives the same bytes
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        target.writestr(entry, data, compresslevel=9)
`);
writeFileSync(output, pyodide.FS.readFile("/out.zip"));
