"""Memory between batches."""

import ctypes
import platform

from speechbrain_denokd.extraction.memory import keep_freed_memory


def test_fact_glibc_takes_the_settings():
    is_glibc = platform.libc_ver()[0] == "glibc"
    assert keep_freed_memory() == is_glibc


def test_fact_systems_without_it_are_left_alone(monkeypatch):
    def absent(name):
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert not keep_freed_memory()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
