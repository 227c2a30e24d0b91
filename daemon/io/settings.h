/* SPDX-License-Identifier: MIT
 * settings: referrald.conf. The rows (name, type, range, default, unit, meaning) stand in settings.def; the loader, the
 * commented etc/referrald.conf and the manual page are held to it. */
#ifndef IO_SETTINGS_H
#define IO_SETTINGS_H

#include "daemon/io/config.h"

#define SETTINGS_PATH_BYTES 1024

struct settings {
    char listen[256];                          /* tcp://address:port, CURVE */
    char operator_socket[SETTINGS_PATH_BYTES]; /* path of the operators' unix socket, mode 0660 */
    char store[SETTINGS_PATH_BYTES];           /* directory of the store */
    uint64_t store_limit_bytes;
    char network[SETTINGS_PATH_BYTES];   /* network.conf */
    char postcodes[SETTINGS_PATH_BYTES]; /* CSV imported when its edition is new; "" for none */
    char postcodes_edition[41];
    char secret_key[SETTINGS_PATH_BYTES]; /* the daemon's CURVE secret key (referral-keygen) */
    char master_key[SETTINGS_PATH_BYTES]; /* 64 hex digits; made when missing */
    char enrolled[SETTINGS_PATH_BYTES];   /* directory of enrolled public keys */
    uint32_t window;                      /* unconfirmed pushes at once for each party */
    uint32_t in_flight;                   /* requests in hand before busy is answered */
    int64_t retry_after_ms;               /* what busy tells */
    int64_t push_again_ms;                /* an unconfirmed push goes out again after */
};

/* Loads and checks; relative paths are taken from the file's own directory. Opens nothing else. Returns false when
 * faults->count > 0. */
bool settings_load(const char *path, struct settings *, struct config_faults *);

#endif
