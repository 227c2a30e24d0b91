/* SPDX-License-Identifier: MIT
 * random: the one source of chance in the simulator. The same seed always draws the same. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t random_next(struct random *random)
{
    uint64_t n = random->state += UINT64_C(0x9e3779b97f4a7c15);

    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

/* A number from least to most. */
static inline int64_t random_between(struct random *random, int64_t least, int64_t most)
{
    return least + (int64_t)(random_next(random) % (uint64_t)(most - least + 1));
}

static inline bool random_chance(struct random *random, int percent)
{
    return random_between(random, 1, 100) <= percent;
}

#endif
