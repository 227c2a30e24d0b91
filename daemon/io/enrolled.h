/* SPDX-License-Identifier: MIT
 * enrolled: who may connect. A directory of small files, one for each public key:
 *     party = "four-greens"; role = "hub"; public_key = "<40 characters Z85>";
 * Adding a file enrols a key, removing it revokes it. A party may have two keys, so that one can follow the other. */
#ifndef IO_ENROLLED_H
#define IO_ENROLLED_H

#include "daemon/io/config.h"
#include "proto/limits.h"
#include "proto/vocabulary.h"

#define KEY_TEXT_BYTES 40
#define KEYS_OF_PARTY_MAX 2

struct principal {
    char key[KEY_TEXT_BYTES + 1]; /* Z85 */
    char party[ID_BYTES_MAX + 1];
    enum role role;
};

struct enrolled;

/* Loads every *.pub file of the directory. NULL when faults. */
struct enrolled *enrolled_load(const char *directory, struct config_faults *);
/* The same while others are in force. With faults nothing new is enrolled, and what has been removed or changed is
 * revoked all the same: those of before whose file still stands, and says the same or cannot be read. NULL: the
 * directory cannot be read. */
struct enrolled *enrolled_load_again(const struct enrolled *before, const char *directory, struct config_faults *);
void enrolled_free(struct enrolled **);
size_t enrolled_count(const struct enrolled *);
/* NULL: not enrolled. Borrowed. */
const struct principal *enrolled_find(const struct enrolled *, const char key[KEY_TEXT_BYTES]);
/* A number that changes when a file of the directory is added, removed or rewritten. */
uint64_t enrolled_fingerprint(const char *directory);

#endif
