/* SPDX-License-Identifier: MIT
 * rig_network: network files for the bench. */
#ifndef BENCH_RIG_NETWORK_H
#define BENCH_RIG_NETWORK_H

#include <stdio.h>

#include "tests/bench/rig.h"

void rig_network_write(FILE *, const struct rig_options *);
/* The sender that the network file knows, and the hubs that get offers in the load; returns how many these are. */
const char *rig_network_sender(const struct rig_options *);
unsigned rig_network_hubs(const struct rig_options *, const char *hubs[RIG_HUBS_MAX]);

#endif
