"""A disk that is full while the file PYGPT_TEST_FULL exists. Python imports this file in every process whose PYTHONPATH
has this folder: a server's workers too."""

import errno
import os

_fsync = os.fsync


def _refuse_when_full(file):
    if os.path.exists(os.environ["PYGPT_TEST_FULL"]):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    _fsync(file)


os.fsync = _refuse_when_full
