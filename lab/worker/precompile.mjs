// A build step (not part of the page): compile the Python sources of a zip to bytecode, with Pyodide itself in Node,
// so that the bytecode's magic number is that of the Python in the tab.
//
//   node precompile.mjs stdlib <in.zip> <out.zip>    .py becomes .pyc: what is left is what zipimport reads
//   node precompile.mjs wheel  <in.whl> <out.whl> <stdlib.zip>    .py stays, __pycache__/*.pyc is added: the source
//                                                    is for reading. With the compiled stdlib this takes 2 s, not 5.
//
// Why: Pyodide's python_stdlib.zip holds sources only, and compiling them takes 3.4 of the 4.7 s of a boot.

import { readFileSync, writeFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [mode, input, output, stdlib] = process.argv.slice(2);
const pyodide = await loadPyodide(stdlib ? { stdLibURL: stdlib } : {});
pyodide.FS.writeFile("/in.zip", readFileSync(input));
pyodide.globals.set("mode", mode);
pyodide.runPython(`
import importlib.util, sys, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc

def compiled(name, source):
    """The bytes of a .pyc. Hash-based, because a zip's time stamps are not to be trusted."""
    code = compile(source, name, "exec", dont_inherit=True)
    # Checked (against its source, which stays beside it) in a wheel; unchecked where there is no source left.
    return _code_to_hash_pyc(code, importlib.util.source_hash(source), mode == "wheel")

def write(archive, name, data):
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))   # fixed: the same input gives the same bytes
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data, compresslevel=9)

with zipfile.ZipFile("/in.zip") as source, zipfile.ZipFile("/out.zip", "w") as target:
    added = []
    for name in source.namelist():      # a wheel's RECORD stands last in it, and has to list what was added
        if name.endswith("/"):
            continue
        data = source.read(name)
        if name.endswith(".dist-info/RECORD"):
            data += "".join(f"{path},,\\n" for path in added).encode()
        if not name.endswith(".py"):
            write(target, name, data)
        elif mode == "stdlib":
            write(target, name + "c", compiled(name, data))
        else:
            write(target, name, data)
            folder, _, file = name.rpartition("/")
            added.append(f"{folder}/__pycache__/{file[:-3]}.{sys.implementation.cache_tag}.pyc")
            write(target, added[-1], compiled(name, data))
`);
writeFileSync(output, pyodide.FS.readFile("/out.zip"));
