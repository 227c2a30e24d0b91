/* SPDX-License-Identifier: MIT
 * explanation: where opening or loading something says in one sentence why it could not. */
#ifndef IO_EXPLANATION_H
#define IO_EXPLANATION_H

#include <stdbool.h>
#include <stddef.h>

/* The caller's memory; a longer sentence is cut. */
struct explanation {
    char *why;
    size_t why_size;
};

/* Writes the sentence; always false, so that who refuses can return it. */
__attribute__((format(printf, 2, 3))) bool refuse_with(struct explanation, const char *format, ...);

#endif
