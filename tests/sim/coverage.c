/* SPDX-License-Identifier: MIT
 * coverage: one array of counters. */
#include "tests/sim/coverage.h"

#include <assert.h>
#include <stddef.h>
#include <sys/mman.h>

static uint64_t own[COVER_COUNT];
static uint64_t *counts = own;

void coverage_count(int what)
{
    assert(what >= 0 && what < COVER_COUNT);
    __atomic_fetch_add(&counts[what], 1, __ATOMIC_RELAXED);
}

uint64_t coverage_of(int what)
{
    return __atomic_load_n(&counts[what], __ATOMIC_RELAXED);
}

void coverage_share(void)
{
    counts = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(counts != MAP_FAILED);
}
