/* SPDX-License-Identifier: MIT
 * planted: the bugs of daemon/core/planted.h, and whether the simulator finds them. */
#ifndef SIM_PLANTED_H
#define SIM_PLANTED_H

#include <stdint.h>

/* Each (bug 0), or one, must be caught in the run that is known to catch it, or in one of so many seeds from 1. Prints
 * how; returns how many are not. */
int planted_run(int bug, uint64_t seeds, unsigned jobs);

#endif
