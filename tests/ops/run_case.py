"""Run one kernel from a JSON description. Depends on pygpt only, so the same code runs natively and in the browser."""

import base64

import pygpt.ops  # noqa: F401  (fills KERNELS)
from pygpt.tensor.tensor import KERNELS, tensor


def start_case(device, case):
    """Launch the kernel of `case` on the device and return its output tensors."""

    def upload(described):
        if described is None:
            return None
        return tensor(device, base64.b64decode(described["data"]), tuple(described["shape"]), described["dtype"])

    inputs = [upload(described) for described in case["inputs"]]
    out = [upload(described) for described in case["out"]] or None
    result = KERNELS[case["kernel"]](*inputs, out=out, **case["attributes"])
    return result if isinstance(result, tuple) else (result,)


def encode(data: bytes) -> str:
    """Encode bytes as text, for JSON."""
    return base64.b64encode(data).decode()
