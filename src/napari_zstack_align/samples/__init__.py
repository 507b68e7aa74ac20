"""Generated data with known truth: for the demo, the sample menu, tests and benchmarks."""

from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.evaluate import EndpointError, endpoint_error
from napari_zstack_align.samples.recording import SampleRecording, recording_with_motion
from napari_zstack_align.samples.session import session_with_motion
from napari_zstack_align.samples.zshift import SampleZShift, recording_with_zshift
from napari_zstack_align.samples.zstack import SampleZStack, zstack_with_repeats

__all__ = [
    "Detector",
    "EndpointError",
    "SampleRecording",
    "SampleZShift",
    "SampleZStack",
    "endpoint_error",
    "recording_with_motion",
    "recording_with_zshift",
    "session_with_motion",
    "zstack_with_repeats",
]
