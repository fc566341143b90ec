"""Writing a video, under one name for the rooms that do: decide, encode in segments, join, move into place."""

from talkingface.media.encoding import EncodeSpec, encode_spec
from talkingface.media.join import join
from talkingface.media.output import check_output
from talkingface.media.segments import Segment, SegmentWriter

__all__ = ["EncodeSpec", "Segment", "SegmentWriter", "check_output", "encode_spec", "join"]
