/* SPDX-License-Identifier: MIT
 * memory: how much the daemon may take. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>

static inline double memory_allowed_mib(uint64_t open, uint64_t stored)
{
    return 64 + (300.0 * (double)open + 64.0 * (double)stored) / (1 << 20);
}

#endif
