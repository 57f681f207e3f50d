"""Downloads of the worker: a failed or stalled one ends with an error that names its address."""

import asyncio

from pyodide.http import pyfetch

PATIENCE = 20.0  # seconds without a byte after which a download counts as stalled


async def fetch_bytes(address: str) -> bytes:
    """The contents of an absolute URL. Raises: OSError, with the address, if they do not arrive whole."""
    try:
        response = await asyncio.wait_for(pyfetch(address), PATIENCE)
        if not response.ok:
            raise OSError(f"{address} cannot be fetched: the server answered {response.status}")
        reader = response.js_response.body.getReader()
        chunks = []
        while not (chunk := await asyncio.wait_for(reader.read(), PATIENCE)).done:
            chunks.append(chunk.value.to_bytes())
        return b"".join(chunks)
    except TimeoutError:
        raise OSError(f"the download of {address} stopped: nothing came for {PATIENCE:.0f} seconds") from None
