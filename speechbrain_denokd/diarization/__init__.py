"""Who spoke when: ``recording -> windows -> embeddings -> clusters -> RTTM``.

A simple diarization for one voice at a time. It hears no overlap: where two
speak at once, one of them is named.
"""

from speechbrain_denokd.diarization.recording import Plan, diarize
from speechbrain_denokd.diarization.rttm import write_rttm
from speechbrain_denokd.diarization.segments import Segment

__all__ = ["Plan", "Segment", "diarize", "write_rttm"]
