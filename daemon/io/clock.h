/* SPDX-License-Identifier: MIT
 * clock: the time of day, and a steady time that nobody sets. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* The time of day, milliseconds since 1970; never goes back within this process. */
int64_t clock_now_ms(void);
/* Milliseconds since some moment before. */
int64_t clock_steady_ms(void);

/* A condition whose waits end by the steady time, and when that is. */
void clock_open_condition(pthread_cond_t *);
struct timespec clock_steady_in(int64_t ms);

#endif
