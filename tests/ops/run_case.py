"""Run one kernel from a JSON-able description. It needs pygpt alone, so the same lines run natively and in the tab."""

import base64

import pygpt.ops  # noqa: F401  (fills KERNELS)
from pygpt.tensor.tensor import KERNELS, tensor


def start_case(device, case):
    """Launch the described kernel on the device and return its output tensors."""

    def upload(described):
        if described is None:
            return None
        return tensor(device, base64.b64decode(described["data"]), tuple(described["shape"]), described["dtype"])

    inputs = [upload(described) for described in case["inputs"]]
    out = [upload(described) for described in case["out"]] or None
    result = KERNELS[case["kernel"]](*inputs, out=out, **case["attributes"])
    return result if isinstance(result, tuple) else (result,)


def encode(data: bytes) -> str:
    """Bytes as text, for JSON."""
    return base64.b64encode(data).decode()
