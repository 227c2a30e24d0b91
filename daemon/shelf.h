/* SPDX-License-Identifier: MIT
 * shelf: drafts of the network that operators have sent to be looked at, whole or still arriving. The study fills and
 * reads it, the turn takes what is applied. Each call takes the shelf's lock for a moment. A draft is kept until
 * SHELF_DRAFTS newer ones have begun. */
#ifndef DAEMON_SHELF_H
#define DAEMON_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHELF_DRAFTS 8
#define SHELF_BYTES_MAX (8 * 1024 * 1024)

struct shelf;

struct shelf *shelf_open(void);
void shelf_close(struct shelf **);
/* The next draft has the number after this one: each start of the daemon has numbers of its own, so that a number of
 * before a restart names nothing. */
void shelf_count_from(struct shelf *, uint32_t number);

/* A piece of a draft from a connection. first_byte 0 begins a new one; else it must be where the last piece ended.
 * Returns the draft's number and sets *bytes to what has arrived; 0: the piece does not fit. */
uint32_t shelf_add(struct shelf *, uint64_t connection, size_t first_byte, const char *text, size_t length, bool last,
                   size_t *bytes);
/* The text of a whole draft, with a NUL after it; the caller frees. NULL: there is no such whole draft. */
char *shelf_text(struct shelf *, uint32_t number, size_t *length);
/* Remembers that the draft's coverage was compared with that version of the network, and what it lacks. */
void shelf_compared(struct shelf *, uint32_t number, uint32_t network_version, uint32_t new_holes);
/* False: it was not compared with that version. */
bool shelf_new_holes(struct shelf *, uint32_t number, uint32_t network_version, uint32_t *new_holes);

#endif
