"""A warning where bfloat16 is emulated, and nowhere else."""

import pytest

from speechbrain_denokd import bfloat16
from speechbrain_denokd.bfloat16 import warn_if_emulated


@pytest.mark.parametrize(
    ("device", "precision", "has_bfloat16", "warned"),
    [
        ("cpu", "bf16", False, True),
        ("cpu", "bf16", True, False),
        ("cpu", "fp32", False, False),
        ("cpu", "fp16", False, False),
        ("cuda:0", "bf16", False, False),
    ],
)
def test_fact_only_emulated_bfloat16_is_warned_of(
    device, precision, has_bfloat16, warned, monkeypatch, caplog
):
    monkeypatch.setattr(bfloat16, "_cpu_has_bfloat16", lambda: has_bfloat16)
    warn_if_emulated(device, precision)
    assert [record.levelname for record in caplog.records] == (
        ["WARNING"] if warned else []
    )
    assert ("--precision=fp32" in caplog.text) == warned


def test_reference_the_processor_is_asked():
    flags = _flags()
    if flags is None:
        pytest.skip("this system does not list its processor's instructions")
    # oneDNN computes in bfloat16 from AVX-512 on.
    assert bfloat16._cpu_has_bfloat16() == ("avx512bw" in flags)


def _flags():
    """What Linux says of an x86 processor."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.startswith("flags")]
    except FileNotFoundError:
        return None
    return set(lines[0].split()) if lines else None
