/* SPDX-License-Identifier: MIT
 * outside: calls of the world outside, memory, files and LMDB, of which the n-th fails when a test says so. The linker
 * puts these in the place of the calls of a test program that is linked with `outside` (--wrap). */
#ifndef TESTS_OUTSIDE_H
#define TESTS_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

/* The names of all calls that can be told to fail. */
extern const char *const outside_calls[];
extern const size_t outside_calls_count;

/* The n-th of these calls from now on (1: the next) fails once with this error: an errno, or a code of LMDB for its
 * calls; what gives memory gives none. A few calls may fail at a time. For one thread. */
void outside_fails(const char *call, unsigned n, int error);
/* The next such call does this first. */
void outside_meets(const char *call, void (*what)(void));
/* Nothing is to fail any more; returns how often it has, since this was asked last. */
unsigned outside_works(void);

#endif
