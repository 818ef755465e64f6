"""The machine a benchmark ran on: what a reader needs to judge its figures."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

__all__ = ["Machine", "this_machine"]

_CPUINFO = Path("/proc/cpuinfo")


class Machine(NamedTuple):
    """Processor and load."""

    cpu: str
    processors: int
    bfloat16: bool
    """Whether the processor has AVX512-BF16, with which embedding is about three times as fast."""
    load: float | None
    """Load average of the last minute, before anything was started; None where the system does not say."""

    def line(self) -> str:
        """Returns one sentence for people."""
        busy = "" if self.load is None else f", load average {self.load:.2f} at the start"
        return f"{self.cpu}, {self.processors} processors, AVX512-BF16: {'yes' if self.bfloat16 else 'no'}{busy}."


def this_machine() -> Machine:
    """Returns the machine that this process runs on."""
    fields = _cpu_fields()
    cpu = fields.get("model name") or platform.processor() or platform.machine()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Machine(cpu, os.cpu_count() or 1, "avx512_bf16" in fields.get("flags", "").split(), load)


def _cpu_fields() -> dict[str, str]:
    """Returns the fields of the first processor, or nothing where there is no /proc."""
    if not _CPUINFO.is_file():
        return {}
    first = _CPUINFO.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
