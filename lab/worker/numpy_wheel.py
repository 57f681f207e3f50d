"""Loads NumPy into a tab, when the NumPy device is opened.

NumPy is not in PyScript's configuration: a tab with WebGPU trains without it and saves its 2.8 MB.
"""

import importlib
import importlib.util
import json
import sysconfig

import pyodide_js
from fetching import fetch_bytes
from pyodide.ffi import to_js

from pygpt.errors import DeviceError


async def ensure_numpy(site_root: str) -> None:
    """Make `import numpy` work: unpack the wheel that build.py put beside the page (about a second, once).

    `site_root` is the absolute URL of the folder of site.json: a worker started from a blob has no base URL.
    Raises: DeviceError if the site was built without the wheel, or it cannot be fetched.
    """
    if importlib.util.find_spec("numpy"):
        return
    root = site_root.rstrip("/") + "/"
    try:
        name = json.loads(await fetch_bytes(f"{root}site.json"))["numpy"]
        if name is None:
            raise DeviceError(
                "This site was built without NumPy, so no device can be opened here. Open it in a browser with "
                "WebGPU, or run pygpt on this machine."
            )
        wheel = await fetch_bytes(f"{root}wheels/{name}")
    except OSError as error:
        raise DeviceError(f"NumPy did not arrive: {error}; try again") from None
    # Unpacked as an archive: Pyodide's package loader would compare the file with the checksum in its lock file, but
    # NumPy can be another build with the same name. A Pyodide wheel only has to be on Python's path.
    pyodide_js.unpackArchive(to_js(wheel), "wheel", extractDir=sysconfig.get_path("platlib"))
    importlib.invalidate_caches()
