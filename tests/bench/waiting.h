/* SPDX-License-Identifier: MIT
 * waiting: a place becomes free while 10,000 people wait for it: who gets it? */
#ifndef BENCH_WAITING_H
#define BENCH_WAITING_H

#include "tests/bench/city.h"

/* Takes the city's network. */
void waiting_measure(struct city *);

#endif
