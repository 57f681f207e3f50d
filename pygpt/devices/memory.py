"""Buffers of a device, and the pool in which their memory is used again. The device creates and frees the memory."""

from __future__ import annotations

from typing import Any

# Buffer sizes are multiples of this, so that tensors of nearly the same size can reuse them. It is also the alignment
# at which a GPU binds a slice.
GRANULE = 256


class Buffer:
    """Device memory with one owner. When the last reference is dropped, the memory returns to its pool."""

    __slots__ = ("device", "handle", "nbytes", "pool")

    def __init__(self, device: Any, handle: Any, nbytes: int, home: Pool):
        self.device = device
        self.handle = handle
        self.nbytes = nbytes
        self.pool = home

    def __del__(self) -> None:
        self.pool.give_back(self.handle, self.nbytes)


class Pool:
    """Free memory for reuse, by size."""

    def __init__(self, device: Any):
        self.device = device
        self.free: dict[int, list[Any]] = {}
        self.closed = False

    def take(self, nbytes: int) -> Buffer:
        """Return a buffer of at least `nbytes`; its content is undefined."""
        nbytes = max(GRANULE, -(-nbytes // GRANULE) * GRANULE)
        handles = self.free.get(nbytes)
        handle = handles.pop() if handles else self.device._new(nbytes)
        return Buffer(self.device, handle, nbytes, self)

    def give_back(self, handle: Any, nbytes: int) -> None:
        """Keep the memory for the next `take`, or free it if the pool is closed."""
        if self.closed:
            self.device._dispose(handle, nbytes)
        else:
            self.free.setdefault(nbytes, []).append(handle)

    def close(self) -> None:
        """Free the unused memory, and from now on all memory that comes back."""
        self.closed = True
        self.trim()

    def trim(self) -> None:
        """Free the unused memory."""
        for nbytes, handles in self.free.items():
            for handle in handles:
                self.device._dispose(handle, nbytes)
        self.free.clear()
