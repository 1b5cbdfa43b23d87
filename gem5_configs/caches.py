"""Classic caches from the harness's cache presets."""

from __future__ import annotations

from collections.abc import Sequence

from m5.objects import AddrRange, Cache, StridePrefetcher, TaggedPrefetcher

from gem5_configs.settings import Settings, SettingsError


def make_l1i(settings: Settings) -> Cache:
    """An instruction cache; its prefetcher takes the next lines."""
    cache = _cache(settings, targets=20)
    cache.is_read_only = True
    cache.writeback_clean = True
    if settings.prefetch_degree:
        cache.prefetcher = TaggedPrefetcher(degree=settings.prefetch_degree)
    return cache


def make_l1d(settings: Settings, behind_crossbar: bool) -> Cache:
    """A data cache; behind a crossbar as `gem5_configs.tiles` puts one before it.

    That crossbar hands a response on one tick later, which is too late for the core's cycle: it
    costs one cycle, on hits and on misses, by which the cache is faster here.

    Raises:
        SettingsError: The cache has no such cycle.
    """
    cache = _cache(settings, targets=20)
    if behind_crossbar:
        if settings.hit_latency_cycles < 1:
            raise SettingsError(
                "system.caches.l1d.hit_latency_cycles: at least 1 with tiles beside the L1"
            )
        cache.tag_latency = cache.data_latency = settings.hit_latency_cycles - 1
    if settings.prefetch_degree:
        cache.prefetcher = StridePrefetcher(degree=settings.prefetch_degree)
    return cache


def make_l2(settings: Settings) -> Cache:
    cache = _cache(settings, targets=12)
    if settings.prefetch_degree:
        cache.prefetcher = StridePrefetcher(degree=settings.prefetch_degree)
    return cache


def make_dma_cache(memory: Sequence[AddrRange]) -> Cache:
    """What makes a DMA path coherent: its partial writes own their line.

    It is small, so that it merges the bursts of neighbouring accesses and is no level of its own.
    """
    return Cache(
        size="1KiB",
        assoc=8,
        tag_latency=1,
        data_latency=1,
        response_latency=1,
        mshrs=16,
        tgts_per_mshr=16,
        addr_ranges=list(memory),
    )


def _cache(settings: Settings, targets: int) -> Cache:
    latency = settings.hit_latency_cycles
    return Cache(
        size=f"{settings.size_kib}KiB",
        assoc=settings.ways,
        tag_latency=latency,
        data_latency=latency,
        response_latency=latency,
        mshrs=settings.mshrs,
        tgts_per_mshr=targets,
    )
