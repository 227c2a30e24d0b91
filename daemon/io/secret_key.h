/* SPDX-License-Identifier: MIT
 * secret_key: the daemon's own CURVE key pair, as referral-keygen writes it:
 *     public_key = "<40 characters Z85>";
 *     secret_key = "<40 characters Z85>";
 * Lines that begin with # are comments. */
#ifndef IO_SECRET_KEY_H
#define IO_SECRET_KEY_H

#include "daemon/io/enrolled.h"

struct key_pair {
    char public_key[KEY_TEXT_BYTES + 1];
    char secret_key[KEY_TEXT_BYTES + 1];
};

/* The file must belong to this user or root and be closed to group and others. False: a sentence in why, which never
 * holds the key. Wipe the pair with explicit_bzero. */
bool secret_key_load(const char *path, struct key_pair *, char *why, size_t why_size);

#endif
