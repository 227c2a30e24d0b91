/* SPDX-License-Identifier: MIT
 * differences: what one network has that another has not, setting by setting, under the names of the network file. */
#ifndef DAEMON_DIFFERENCES_H
#define DAEMON_DIFFERENCES_H

#include "daemon/core/network.h"

#define DIFFERENCE_ITEM_BYTES (2 * ID_BYTES_MAX + 2)
#define DIFFERENCE_VALUE_BYTES 201

struct difference {
    enum subject subject;
    enum change change;
    const char *item;    /* an id, hub/service or a code; "": the network itself */
    const char *setting; /* "" of what is added or removed as a whole */
    const char *before;  /* "" where there was nothing */
    const char *after;
    int32_t hub_before, hub_after; /* indices of the hub that it is about, in each network; -1: none */
    int32_t row_before, row_after; /* rows of the service that it is about; -1: none */
};

/* Calls found for each, with texts that it may look at until it returns: the network first, then hubs with their
 * services, senders, neighbourhoods. Running out of memory stops the daemon. */
void differences_find(const struct network *before, const struct network *after,
                      void (*found)(void *argument, const struct difference *), void *argument);

#endif
