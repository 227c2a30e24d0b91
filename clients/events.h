/* SPDX-License-Identifier: MIT
 * events: what happened, and then what happens, by asking for it again and again. Takes nothing out of a mailbox and
 * confirms nothing: whatever receives for the party goes on undisturbed. */
#ifndef CLIENTS_EVENTS_H
#define CLIENTS_EVENTS_H

#include "clients/options.h"

#define EVENTS_AGAIN_MS 2000 /* the pause before it is asked again */
#define EVENTS_NO_MORE (-1)  /* what has happened is enough */

/* Prints a line (or an object) for each event since the day given by --since, or from now on without it, oldest first,
 * and goes on, asking again after the pause, until *left have been printed or the network refuses; with EVENTS_NO_MORE
 * it ends at the newest. *left is how many are left then. Returns the exit code. */
int events_follow(const struct invocation *, int64_t *left, int again_ms);

/* --since, when it is given: a date, or days before today ("30d"). False with a complaint when it is neither. */
bool events_since(const struct invocation *, struct message *);

/* A number and one of the units of "mhd": "90m", "12h", "3d". False: it has another form. */
bool events_span(const char *text, const char *units, int64_t *ms);

#endif
