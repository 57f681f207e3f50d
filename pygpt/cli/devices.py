"""`pygpt devices`: what there is to compute on."""

import json

from pygpt.cli.commands import Devices
from pygpt.devices import open_device, wgpu


def devices(command: Devices) -> int:
    """Print every device, and the one that `auto` takes with the reason."""
    auto = open_device("auto")
    found = [
        {"device": "webgpu", "name": wgpu.describe(adapter), "software": wgpu.is_software(adapter)}
        for adapter in wgpu.adapters()
    ]
    found.append({"device": "numpy", "name": open_device("numpy").name, "software": True})
    if command.json:
        print(json.dumps({"devices": found, "auto": {"device": auto.kind, "name": auto.name, "why": auto.why}}))
        return 0
    for device in found:
        note = "  (a processor playing a GPU)" if device["software"] and device["device"] == "webgpu" else ""
        print(f"{device['device']:<8}{device['name']}{note}")
    print(f"auto    takes {auto.kind}: {auto.why}")
    return 0
