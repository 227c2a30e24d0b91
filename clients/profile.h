/* SPDX-License-Identifier: MIT
 * profile: where a client connects to and with which keys. Flags before the environment before the settings file. */
#ifndef CLIENTS_PROFILE_H
#define CLIENTS_PROFILE_H

#include "clients/exchange.h"

#define PROFILE_TEXT_BYTES 512

struct profile {
    char file[PROFILE_TEXT_BYTES]; /* the settings file; it need not exist */
    char endpoint[PROFILE_TEXT_BYTES];
    char key_file[PROFILE_TEXT_BYTES];
    char server_key[PROFILE_TEXT_BYTES];
    int timeout_ms; /* 5000 unless told */
};

/* Reads $REFERRAL_CONFIG, else ~/.config/referral/client.conf when it exists, then $REFERRAL_ENDPOINT,
 * $REFERRAL_KEY_FILE, $REFERRAL_SERVER_KEY and $REFERRAL_TIMEOUT. False with a sentence in why; what was read stays. */
bool profile_load(struct profile *, char *why, size_t why_size);
/* Sets "endpoint", "key-file", "server-key" or "timeout" ("500ms", "5s", "2m"). False with a sentence in why. */
bool profile_set(struct profile *, const char *name, const char *value, char *why, size_t why_size);
/* The options for exchange_open; they borrow the profile's texts. */
struct exchange_options profile_options(const struct profile *, const char *client);

#endif
