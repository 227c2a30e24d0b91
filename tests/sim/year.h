/* SPDX-License-Identifier: MIT
 * year: a simulated year of the real network of Plymouth, in the daemon's real turn. */
#ifndef SIM_YEAR_H
#define SIM_YEAR_H

#include <stdbool.h>
#include <stdint.h>

/* The network file and the table of postcodes; days: how long people are referred; then everything comes to its end. */
struct year_choice {
    const char *network, *postcodes;
    uint64_t seed;
    unsigned referrals, days;
};

/* Prints one line of counts. False: something was lost, doubled or silent, which is said in a line before it. */
bool year_run(const struct year_choice *);

#endif
