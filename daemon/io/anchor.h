/* SPDX-License-Identifier: MIT
 * anchor: how far the store has come, in a file beside the store's directory (DIRECTORY.anchor), by which a start
 * notices that an older store, or none, stands in the place of the one that was there. What the file says was durable
 * in the store before. Who puts an older store there on purpose removes the file. */
#ifndef IO_ANCHOR_H
#define IO_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *batch: 0 when there is no file. False: it cannot be read, and why. */
bool anchor_read(const char *store, uint64_t *batch, char *why, size_t why_size);
/* Whole or as before, whatever happens. False: it stays as before, and why. */
bool anchor_write(const char *store, uint64_t batch, char *why, size_t why_size);

#endif
