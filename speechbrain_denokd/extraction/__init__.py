"""Bulk extraction: ``folder, manifest or list -> embeddings on disk``.

=================  =========================================================
file               arrow
=================  =========================================================
``inputs``         source -> items with IDs
``recording``      item -> wav, or windows of a long one
``windows``        audio blocks -> windows
``batches``        durations -> batches of similar length
``engine``         encoder -> function ``wavs -> embeddings``
``packed_ecapa``   the same of an ECAPA-TDNN, faster on a CPU
``fast_fbank``     its features
``graph``          the same of an exported ``.onnx`` file
``model``          folder, name on the hub or file -> that function
``memory``         the process's memory between two batches
``run``            items -> shards of embeddings, in threads
``shards``         finished parts on disk, and their merging
``storage``        embeddings <-> .npz, .ark, .parquet
``job``            all of it, with a report of what was skipped
=================  =========================================================
"""

from speechbrain_denokd.extraction.engine import embedding_function
from speechbrain_denokd.extraction.inputs import Item, read_items
from speechbrain_denokd.extraction.job import Job, Report, Share, run_job
from speechbrain_denokd.extraction.memory import keep_freed_memory
from speechbrain_denokd.extraction.model import Model, find_model
from speechbrain_denokd.extraction.recording import Windowing
from speechbrain_denokd.extraction.run import Effort, default_threads
from speechbrain_denokd.extraction.shards import Skipped
from speechbrain_denokd.extraction.storage import (
    Embeddings,
    read_embeddings,
    write_embeddings,
)

__all__ = [
    "Effort",
    "Embeddings",
    "Item",
    "Job",
    "Model",
    "Report",
    "Share",
    "Skipped",
    "Windowing",
    "default_threads",
    "embedding_function",
    "find_model",
    "keep_freed_memory",
    "read_embeddings",
    "read_items",
    "run_job",
    "write_embeddings",
]
