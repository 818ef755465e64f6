"""The distilabel pipelines that write pairs: briefs in, Parquet parts out (design, section 4).

distilabel runs the steps, each in a process of its own. Results are kept by the last step, part by part and renamed
into place; a row that fails becomes a row with its status instead of ``None``.
"""

from corpusgen.pipeline.running import Pipeline  # first: it quiets distilabel before the others import it
from corpusgen.pipeline.writers import EndpointWriter, OfflineWriter, Writer, open_writer

__all__ = ["EndpointWriter", "OfflineWriter", "Pipeline", "Writer", "open_writer"]
