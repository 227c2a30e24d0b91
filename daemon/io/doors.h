/* SPDX-License-Identifier: MIT
 * doors: how the two server sockets are opened, by the book: options, key, domain, lock, and the proof that a stranger
 * stays outside. Each function that fails writes a sentence into why. The sockets belong to the caller, also when
 * opening has failed half-way. */
#ifndef IO_DOORS_H
#define IO_DOORS_H

#include "daemon/io/secret_key.h"
#include "daemon/io/settings.h"

#define ENDPOINT_BYTES 256

/* The daemon's key pair, whose halves belong together. */
bool doors_load_keys(const struct settings *, struct key_pair *, char *why, size_t why_size);
/* A ROUTER with CURVE; endpoint: where it is bound. */
bool doors_open_parties(void *context, const char *listen, const struct key_pair *, void **opened,
                        char endpoint[ENDPOINT_BYTES], char *why, size_t why_size);
/* The lock that goes with the operators' socket: an open file, -1 when another daemon has it. */
int doors_lock_operators(const char *path, char *why, size_t why_size);
/* A ROUTER on a unix socket of mode 0660. Hold the lock. */
bool doors_open_operators(void *context, const char *path, void **opened, char *why, size_t why_size);
/* A socket that tells of connections that have come or gone, by doors_next_event; name: of its own in this context. */
bool doors_watch(void *context, void *socket, const char *name, void **watch, char *why, size_t why_size);
/* The file descriptor of one that has come or gone since; -1: no more now. */
int doors_next_event(void *watch, bool *has_gone);
/* Tries a fresh key on the parties' socket. True: it was refused for its key. */
bool doors_refuse_stranger(void *context, const char *endpoint, const char *server_key, char *why, size_t why_size);

#endif
