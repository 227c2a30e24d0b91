/* SPDX-License-Identifier: MIT
 * pairs: reads small files of `name = "value";` pairs: key files and the clients' settings. The semicolon may be left
 * out; from # to the end of a line is a comment; values have no escapes. */
#ifndef CLIENTS_PAIRS_H
#define CLIENTS_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#define PAIRS_FILE_BYTES_MAX 8192

/* Called for each pair; both texts live for the call. False stops the reading; why is then set. */
typedef bool (*pairs_take)(void *context, const char *name, const char *value, char *why, size_t why_size);

/* False with a sentence "path:line: ..." in why; errno is kept when the file could not be opened, else 0. */
bool pairs_read(const char *path, pairs_take, void *context, char *why, size_t why_size);

#endif
