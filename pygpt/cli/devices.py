"""`pygpt devices`: list the devices that pygpt can compute on."""

import dataclasses

from pygpt.utils.json_text import json_text


@dataclasses.dataclass
class DevicesCommand:
    """List this machine's devices and the one that `auto` chooses."""

    json: bool = False
    """print one JSON object"""

    def run(self) -> int:
        """Print every device, then the choice of `auto` and its reason."""
        from pygpt.devices import open_device, wgpu

        auto = open_device("auto")
        devices = [
            {"device": "webgpu", "name": wgpu.describe(adapter), "software": wgpu.is_software(adapter)}
            for adapter in wgpu.adapters()
        ]
        devices.append({"device": "numpy", "name": open_device("numpy").name, "software": True})
        if self.json:
            print(json_text({"devices": devices, "auto": {"device": auto.kind, "name": auto.name, "why": auto.why}}))
            return 0
        for device in devices:
            note = "  (emulated on the CPU)" if device["software"] and device["device"] == "webgpu" else ""
            print(f"{device['device']:<8}{device['name']}{note}")
        print(f"auto    chooses {auto.kind}: {auto.why}")
        return 0
