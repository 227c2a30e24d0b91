/* SPDX-License-Identifier: MIT
 * settings: referrald.conf. The rows (name, type, range, default, unit, meaning) stand in settings.def; the loader, the
 * commented etc/referrald.conf and the manual page are held to it. */
#ifndef IO_SETTINGS_H
#define IO_SETTINGS_H

#include "daemon/io/config.h"

#define SETTINGS_PATH_BYTES 1024

#define SETTINGS_STAFF_MAX 128

/* A user of this machine who is no operator on the operators' socket, but this. */
struct staff {
    uint32_t uid;
    enum role role;
};

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
    uint32_t party_in_flight;             /* the same of one party */
    uint32_t party_rate;                  /* requests a second of one party; 0: no limit */
    uint32_t party_burst;                 /* and at once on top of that */
    char auditors[1001];                  /* names of users, separated by blanks */
    char privacy_officers[1001];
    int64_t unfetched_ms;   /* a mailbox is silent when something waits in it for so long */
    int64_t retry_after_ms; /* what busy tells */
    int64_t push_again_ms;  /* an unconfirmed push goes out again after */
    /* Not in the file: the users behind the names above. */
    struct staff staff[SETTINGS_STAFF_MAX];
    uint32_t staff_count;
};

/* Loads and checks; relative paths are taken from the file's own directory. Looks users up, opens nothing else. Returns
 * false when faults->count > 0. */
bool settings_load(const char *path, struct settings *, struct config_faults *);

#endif
