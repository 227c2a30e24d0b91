/* SPDX-License-Identifier: MIT
 * unheard: ends connections of which much has come and no whole message. libzmq keeps the frames of a message until its
 * last one, without a limit: a message that never ends would fill the memory. For the link thread alone. */
#ifndef IO_UNHEARD_H
#define IO_UNHEARD_H

#include <stdint.h>

/* Of one connection: more than a socket's buffer and the largest message hold. When all together have more than they
 * may, each may have what the largest message needs. */
#define UNHEARD_BYTES_MAX (16u << 20)
#define UNHEARD_BYTES_OF_ALL (128u << 20)

struct unheard;

/* NULL: out of memory. */
struct unheard *unheard_open(void);
void unheard_close(struct unheard **);

/* Of TCP connections, by descriptor; of others, and of those without one (-1), nothing is known. */
void unheard_come(struct unheard *, int descriptor);
void unheard_gone(struct unheard *, int descriptor);
/* A whole message of it was received. */
void unheard_heard(struct unheard *, int descriptor);

/* When to look next; INT64_MAX: there is no connection. */
int64_t unheard_next_look(const struct unheard *);
/* Shuts the connections down of which too much has come since they were heard; how many. */
uint32_t unheard_look(struct unheard *, int64_t now_ms);

#endif
