"""Compiling where nothing can be kept on disk."""

from __future__ import annotations

import numba

from napari_zstack_align import compiled


def test_without_a_folder_to_write_to_it_still_compiles(monkeypatch) -> None:
    real = numba.njit

    def njit(*, cache: bool = False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.compiled(lambda x: x + 1)(2) == 3
