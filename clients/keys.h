/* SPDX-License-Identifier: MIT
 * keys: the key files that referral-keygen writes and clients read. */
#ifndef CLIENTS_KEYS_H
#define CLIENTS_KEYS_H

#include "proto/limits.h"

#include <stdbool.h>
#include <stddef.h>

#define KEYS_TEXT_BYTES 40 /* a CURVE key in Z85 */
#define KEYS_FINGERPRINT_BYTES 25

/* What a key file says; empty where it says nothing. */
struct keys {
    char public_key[KEYS_TEXT_BYTES + 1];
    char secret_key[KEYS_TEXT_BYTES + 1];
    char party[ID_BYTES_MAX + 1];
    char role[ID_BYTES_MAX + 1];
};

/* Reads a file; false with a sentence in why. A file with a secret key that others may read is refused. */
bool keys_read(const char *path, struct keys *, char *why, size_t why_size);
/* The same, and it must hold both keys, or a public key. */
bool keys_read_pair(const char *path, struct keys *, char *why, size_t why_size);
bool keys_read_public(const char *path, struct keys *, char *why, size_t why_size);
/* Overwrites the keys in memory. */
void keys_wipe(struct keys *);
/* Five groups of four hexadecimal digits, the beginning of the public key; "?" when it is not a key. */
void keys_fingerprint(const char *public_key, char out[KEYS_FINGERPRINT_BYTES]);

#endif
