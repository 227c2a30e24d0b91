/* SPDX-License-Identifier: MIT
 * network_file: the text of network.conf -> struct network. */
#ifndef IO_NETWORK_FILE_H
#define IO_NETWORK_FILE_H

#include "daemon/core/network.h"
#include "daemon/io/config.h"

/* Builds a network from the text (name is used in fault lines). Party numbers are 0 and version is 0: the caller gives
 * them. Returns NULL when there are faults: unknown keys with "did you mean", ranges, a hub or service twice, areas
 * that are no neighbourhood, needs that no code list holds, and so on, all at once. */
struct network *network_parse(const char *name, const char *text, size_t length, struct config_faults *);
void network_free(struct network **);

#endif
