/* SPDX-License-Identifier: MIT
 * prose: texts in fewer bytes, as they stand in the store: about six tenths for prose, never a change of content. */
#ifndef IO_PROSE_H
#define IO_PROSE_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes a text takes; more than it has when it is no prose. */
size_t prose_size(const char *text, size_t length);
/* Into prose_size bytes. */
void prose_write(const char *text, size_t length, uint8_t *out);
/* Reads `length` bytes of text from at most size bytes. Returns how many of those it took; 0: it ended before. */
size_t prose_read(const uint8_t *bytes, size_t size, char *out, size_t length);

#endif
