/* SPDX-License-Identifier: MIT
 * study_inside: what study.c and the parts of a study share; nobody else includes it. */
#ifndef DAEMON_STUDY_INSIDE_H
#define DAEMON_STUDY_INSIDE_H

#include <stdatomic.h>

#include "daemon/io/config.h"
#include "daemon/reader_inside.h"
#include "daemon/study.h"

#define STUDY_ROWS_MAX 10000 /* of one answer: fewer than a connection may have unread */

/* Referrals by fifth of deprivation. 0: the deprivation is not known. */
struct fifth {
    int64_t referrals, accepted, waited, rejected;
};
struct counted {
    struct fifth fifths[6];
    uint64_t referrals; /* looked at; 0: nothing was counted */
    int64_t since;
    int64_t at;
    uint64_t batch; /* how far the store had come */
    uint32_t network_version;
};

struct study {
    struct reader *reader; /* the study's own: reads, and writes answers */
    struct shelf *shelf;
    atomic_bool stopping;
    enum refusal failed; /* the store could not be read: what was found so far is not an answer */
    uint32_t read;       /* records read in the running transaction */
    struct counted counted;
};

/* Reading in transactions that end soon: a long one would keep all that is replaced meanwhile from being used again.
 * Between two of them the store moves on; who reads by ascending keys misses nothing that was there at the begin. */
void study_begin_reading(struct study *);
void study_end_reading(struct study *);
/* The next record with a key >= *key, sealed, borrowed until the next call; false: there is none, or it is to stop. */
bool study_next(struct study *, enum table, uint64_t *key, const void **sealed, size_t *length);
/* The same for referrals that can be read. */
bool study_next_referral(struct study *, uint64_t *number, struct referral *);
/* True: the answer is not to be finished; also when the store has failed. */
bool study_is_stopping(const struct study *);

/* The draft that the question names, ready to be looked at: its hubs and senders have their numbers, new ones numbers
 * that nobody else has. NULL: refused. */
struct network *study_take_draft(struct study *);

/* study_changes.c */
void study_diff(struct study *);
void study_coverage(struct study *);
/* study_reports.c */
void study_unmet(struct study *);
void study_equity(struct study *);
/* study_audit.c */
void study_verify(struct study *);
void study_store_check(struct study *);
/* study_rights.c */
void study_retention(struct study *);
void study_find_person(struct study *);
/* study_simulate.c */
void study_simulate(struct study *);

#endif
