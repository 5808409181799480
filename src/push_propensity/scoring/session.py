"""Sessions of ONNX Runtime: one thread, quiet, and nothing reported to its maker.

Since 1.29 its official Linux builds send usage data, graph hashes among them, and keep a device's
identifier in the home folder, unless ORT_DISABLE_TELEMETRY is set when it is imported. A host that
imported it before decides for itself.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from push_propensity.errors import BundleError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_SWITCH = "ORT_DISABLE_TELEMETRY"
_FATAL = 4
_IMPORTING = threading.Lock()


def open_session(graph: bytes) -> "InferenceSession":
    """Return a session for a serialised graph.

    Raises:
        BundleError: The graph cannot be loaded.
    """
    with _IMPORTING, _without_telemetry():
        import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _FATAL
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common class of its errors
        raise BundleError("The model's graph cannot be loaded. Train the model anew.") from error


@contextmanager
def _without_telemetry() -> Iterator[None]:
    if _SWITCH in os.environ:
        yield
        return
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        del os.environ[_SWITCH]
