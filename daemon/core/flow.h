/* SPDX-License-Identifier: MIT
 * flow: how fast places are given, need by need, over the last four weeks, and what wait that lets expect. */
#ifndef CORE_FLOW_H
#define CORE_FLOW_H

#include "daemon/core/network.h"

#define FLOW_DAYS 28

struct flow {
    int64_t day;                              /* the newest day that is counted, on the wall */
    uint32_t given[NETWORK_NEEDS][FLOW_DAYS]; /* offers made, by day modulo FLOW_DAYS */
};

/* Moves on to a day: forgets what has become older than four weeks. Never goes back. */
void flow_begin(struct flow *, int64_t day);
/* One more offer about the need on that day; older than four weeks counts for nothing. */
void flow_add(struct flow *, enum need, int64_t day);
/* Days until the turn of who stands at the position, rounded up, and one more; 0: nothing was given, so not known. At
 * most 3651. */
uint32_t flow_expected_days(const struct flow *, enum need, uint32_t position);

#endif
