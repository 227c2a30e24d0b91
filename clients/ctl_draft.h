/* SPDX-License-Identifier: MIT
 * ctl_draft: a network file as it is sent to the daemon: its text, and the pieces of it that fit a message. */
#ifndef CLIENTS_CTL_DRAFT_H
#define CLIENTS_CTL_DRAFT_H

#include <stddef.h>

#define DRAFT_BYTES_MAX (8 * 1024 * 1024)
#define DRAFT_PIECE_BYTES 32000

/* The text of a file ("-": standard input), with lines ended by LF; the caller frees it. NULL with a sentence in why.
 */
char *draft_read(const char *path, size_t *length, char *why, size_t why_size);
/* How many bytes of the text the next message takes: as many as fit, and no half character. 0: there are none left. */
size_t draft_piece(const char *text, size_t left);

#endif
