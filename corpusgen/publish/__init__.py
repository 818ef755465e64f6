"""Publishing: a finished run becomes a release that `datasets.load_dataset` reads and anybody can verify."""

from corpusgen.publish.folder import Release, publish
from corpusgen.publish.layout import ReleaseFolder

__all__ = ["Release", "ReleaseFolder", "publish"]
