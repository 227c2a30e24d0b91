/* SPDX-License-Identifier: MIT
 * auditor_inside: what auditor.c (listens) and auditor_judge.c (judges at the end) share; nobody else includes it. */
#ifndef SIM_AUDITOR_INSIDE_H
#define SIM_AUDITOR_INSIDE_H

#include "tests/sim/auditor.h"

#define AUDIT_OFFERS_MAX 16
#define AUDIT_DAY_MS INT64_C(86400000)
/* How long a frame may be under way: so long a statement may count without an answer to be seen. */
#define AUDIT_UNDER_WAY_MS 20000

/* One request, however often it was said. */
struct asked {
    uint8_t id[UUID_BYTES];
    int party;
    enum message_type type;
    uint64_t digest;         /* of its content, without sent_at */
    int64_t said_at;         /* the first time */
    int64_t repeated_at;     /* the last time */
    int64_t contradicted_at; /* the last time with other content */
    bool done;               /* answered as done, and not as a repeat */
    bool agreed;             /* answered as done or committed */
    int64_t refused_at;
    int refusal; /* of the newest refusal */
    /* about a referral */
    uint64_t referral;
    int offer_number;
    enum status_reason reason;
    enum outcome outcome;
    uint64_t mailbox_number;
    int service;
    uint32_t places;
    /* of a submit */
    uint8_t correlation_id[UUID_BYTES];
    uint64_t given; /* its referral's number; 0: not known */
    int area;       /* -1: not known */
    enum need need;
    enum priority priority;
    uint32_t excluded; /* bits of parties */
    bool safeguarding;
    char family_name[24];
    char nhs_number[11];
    int64_t stood_at; /* when the newest acknowledgement said how it stands: */
    enum state last_state;
    enum business_status last_business;
};

/* One pushed message about a referral. */
struct happening {
    enum message_type type;
    int party;
    uint64_t mailbox_number;
    int64_t at;
    int offer_number;
    int hub, service;
    enum state state;
    enum business_status business;
    enum status_reason reason;
    enum outcome outcome;
    int64_t deadline;
};

struct story {
    uint32_t asked; /* index */
    struct happening *happenings;
    uint32_t count, room;
    int64_t last_told; /* index of the newest to its sender; -1: none */
};

struct box {
    uint64_t *digests; /* of number n: digests[n - 1] */
    uint64_t count, room;
    uint64_t agreed; /* the highest number whose confirmation was answered as done */
    uint64_t said;   /* the highest number that the party has confirmed */
};

/* A hub's places for a service, from then on: certain when the daemon has said so. */
struct statement {
    int party, service;
    int64_t at;
    uint32_t places;
    bool certain;
};

/* The status of a hub from then on. */
struct opening {
    int party;
    int64_t at;
    enum hub_status status;
};

struct auditor {
    struct opening *openings;
    uint32_t openings_count, openings_room;
    const struct town *town;
    uint32_t window;
    struct asked *asked;
    uint32_t asked_count, asked_room;
    uint32_t *asked_table; /* open addressing: index + 1 */
    uint32_t asked_table_size;
    struct story *stories; /* by referral number */
    uint64_t stories_count, stories_room;
    struct statement *statements;
    uint32_t statements_count, statements_room;
    uint32_t in_file[TOWN_PARTIES_MAX][TOWN_SERVICES_MAX]; /* places as in the newest network file */
    struct box boxes[TOWN_PARTIES_MAX];
    int64_t *starts; /* of the daemon */
    uint32_t starts_count, starts_room;
    uint64_t messages;
    char violation[400];
};

__attribute__((format(printf, 3, 4))) void auditor_blame(struct auditor *, int64_t now, const char *format, ...);
/* Makes room for one more. */
void *auditor_grow(void *array, uint32_t count, uint32_t *room, size_t element);
void auditor_state(struct auditor *, struct statement);

#endif
