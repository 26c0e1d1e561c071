"""In which precision a CPU computes: float32, unless bfloat16 is asked for and the processor multiplies it.

Where it does not, every product is emulated, and bfloat16 is many times slower than float32. Imports no engine.
"""

import functools
import platform
import sys
from pathlib import Path
from typing import Literal, get_args

Precision = Literal["float32", "bfloat16"]
#: What may be asked for; "auto" leaves it to the engine.
Requested = Literal["auto", "bfloat16", "float32"]

CPUINFO = Path("/proc/cpuinfo")

#: Instruction sets from the widest down, each by the flag of Linux that shows it.
_FLAGS = {
    "amx_bf16": "amx_bf16",
    "avx512_bf16": "avx512_bf16",
    "avx512": "avx512f",
    "avx2": "avx2",
    "sse4_2": "sse4_2",
    "neon_bf16": "bf16",
    "neon": "asimd",
}
_MULTIPLY_BFLOAT16 = ("amx_bf16", "avx512_bf16", "neon_bf16")


def instruction_set(cpuinfo: Path = CPUINFO) -> str:
    """The widest instruction set of the processor that the file ``cpuinfo`` describes.

    Returns:
        A key of ``_FLAGS``, or the machine's architecture where the file is missing or shows none of them.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = {
        flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split(":", 1)[-1].split()
    }
    return next((name for name, flag in _FLAGS.items() if flag in flags), platform.machine())


@functools.cache
def cpu_precision(requested: str, cpuinfo: Path = CPUINFO) -> Precision:
    """The precision in which this CPU computes where ``requested`` is asked for; "auto" leaves it to the CPU.

    Says so, in one line on stderr and once a process, where it is not the one that was asked for.

    Raises:
        ValueError: ``requested`` is none of ``Requested``.
    """
    if requested not in get_args(Requested):
        raise ValueError(f"precision {requested!r} is unknown; allowed are {', '.join(get_args(Requested))}")
    if requested != "bfloat16":
        return "float32"
    instructions = instruction_set(cpuinfo)
    if instructions in _MULTIPLY_BFLOAT16:
        return "bfloat16"
    print(
        f"precision: bfloat16 is asked for, which this processor ({instructions}) would emulate: float32 is used",
        file=sys.stderr,
        flush=True,
    )
    return "float32"
