/* SPDX-License-Identifier: MIT
 * keys: the key files of clients. */
#include "clients/keys.h"

#include "clients/pairs.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

static bool is_key(const char *text)
{
    uint8_t bytes[32];
    bool is_whole = strlen(text) == KEYS_TEXT_BYTES && zmq_z85_decode(bytes, text) != NULL;

    explicit_bzero(bytes, sizeof bytes);
    return is_whole;
}

static bool take_pair(void *context, const char *name, const char *value, char *why, size_t why_size)
{
    struct keys *keys = context;
    struct {
        const char *name;
        char *to;
        size_t size;
        bool is_key;
    } known[] = {{"public_key", keys->public_key, sizeof keys->public_key, true},
                 {"secret_key", keys->secret_key, sizeof keys->secret_key, true},
                 {"party", keys->party, sizeof keys->party, false},
                 {"role", keys->role, sizeof keys->role, false}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (strlen(value) >= known[i].size || (known[i].is_key && !is_key(value))) {
            snprintf(why, why_size, "%s is not whole", name);
            return false;
        }
        strcpy(known[i].to, value);
        return true;
    }
    snprintf(why, why_size, "\"%s\" does not belong into a key file", name);
    return false;
}

bool keys_read(const char *path, struct keys *keys, char *why, size_t why_size)
{
    struct stat status;

    memset(keys, 0, sizeof *keys);
    if (!pairs_read(path, take_pair, keys, why, why_size)) {
        keys_wipe(keys);
        return false;
    }
    if (keys->secret_key[0] != '\0' && stat(path, &status) == 0 && (status.st_mode & 077) != 0) {
        snprintf(why, why_size, "others may read the secret key in %s; try: chmod 600 %s", path, path);
        keys_wipe(keys);
        return false;
    }
    return true;
}

bool keys_read_pair(const char *path, struct keys *keys, char *why, size_t why_size)
{
    if (!keys_read(path, keys, why, why_size))
        return false;
    if (keys->public_key[0] != '\0' && keys->secret_key[0] != '\0')
        return true;
    snprintf(why, why_size, "%s does not hold a public and a secret key; try: referral-keygen new", path);
    keys_wipe(keys);
    return false;
}

bool keys_read_public(const char *path, struct keys *keys, char *why, size_t why_size)
{
    if (!keys_read(path, keys, why, why_size))
        return false;
    if (keys->public_key[0] != '\0')
        return true;
    snprintf(why, why_size, "%s does not hold a public key", path);
    keys_wipe(keys);
    return false;
}

void keys_wipe(struct keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

void keys_fingerprint(const char *public_key, char out[KEYS_FINGERPRINT_BYTES])
{
    uint8_t k[32];

    if (strlen(public_key) != KEYS_TEXT_BYTES || zmq_z85_decode(k, public_key) == NULL) {
        strcpy(out, "?");
        return;
    }
    snprintf(out, KEYS_FINGERPRINT_BYTES, "%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x", k[0], k[1], k[2], k[3], k[4],
             k[5], k[6], k[7], k[8], k[9]);
}
