"""NumPy for a tab that needs it: fetched and unpacked when the NumPy device is opened, never before.

It is not in PyScript's configuration on purpose: a tab with WebGPU trains without it, and saves its 2.8 MB.
"""

import importlib
import importlib.util
import json
import sysconfig

from pyodide.http import pyfetch

from pygpt.errors import DeviceError


async def ensure_numpy(site_root: str) -> None:
    """Make `import numpy` work, by unpacking the wheel that build.py put beside the page (about a second, once).

    `site_root` is the absolute URL of the folder of site.json: a worker started from a blob has no address of its own.
    Raises: DeviceError if the site was built without the wheel, or it cannot be fetched.
    """
    if importlib.util.find_spec("numpy"):
        return
    root = site_root.rstrip("/") + "/"
    try:
        name = json.loads(await (await pyfetch(f"{root}site.json")).string())["numpy"]
        if name is None:
            raise DeviceError(
                "This site was built without NumPy, so there is nothing to compute with here. Open it in a browser "
                "with WebGPU, or run pygpt on this machine."
            )
        wheel = await pyfetch(f"{root}wheels/{name}")
        wheel.raise_for_status()
    except OSError as error:
        raise DeviceError(
            f"NumPy could not be fetched from this site ({error}). Reload the page to try again."
        ) from None
    # As an archive: Pyodide's own package loader would hold the file against the sum in its lock file, and NumPy may be
    # another build under the same name. A wheel of Pyodide's needs no more than to lie where Python looks.
    await wheel.unpack_archive(format="wheel", extract_dir=sysconfig.get_path("platlib"))
    importlib.invalidate_caches()
