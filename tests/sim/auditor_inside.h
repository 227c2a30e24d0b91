/* SPDX-License-Identifier: MIT
 * auditor_inside: what auditor.c (listens), auditor_law.c (the rules of the town), auditor_judge.c (stories) and
 * auditor_places.c (places and turns; both judge at the end) share; nobody else includes it. */
#ifndef SIM_AUDITOR_INSIDE_H
#define SIM_AUDITOR_INSIDE_H

#include "tests/sim/array.h"
#include "tests/sim/auditor.h"

#define AUDIT_DAY_MS INT64_C(86400000)
/* How long a frame may be under way: so long a statement may count without an answer to be seen. */
#define AUDIT_UNDER_WAY_MS 20000
#define BIT_OF(code) (UINT64_C(1) << (code))

/* What a submit says of a person, as far as rules look at it. */
struct person {
    uint8_t correlation_id[UUID_BYTES];
    uint64_t needs; /* bits */
    enum tier tier;
    enum priority priority;
    uint32_t excluded; /* bits of parties */
    bool safeguarding, consent_in_doubt;
    int64_t consent_until; /* day; 0: no end */
    int area;              /* -1: none of the town's */
    bool located;          /* the place is known */
    int32_t easting, northing;
    int decile; /* 0: not known */
    int64_t born;
    enum gender gender;
    enum referral_source source;
    bool is_carer, interpreter_needed;
    uint64_t adjustments, risks; /* bits */
    uint32_t groups;             /* bits */
    int travel_m;                /* 0: no limit */
    char family_name[24];
    char nhs_number[11];
};

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
    int64_t until;
    uint32_t draft;
    /* of a submit */
    struct person *person; /* owned */
    uint64_t given;        /* its referral's number; 0: not known */
    int64_t stood_at;      /* when the newest acknowledgement said how it stands: */
    enum state last_state;
    enum business_status last_business;
};

/* How needs of a referral stand, as its sender is told. */
struct standing_told {
    uint64_t needs;
    enum state state;
    enum business_status business;
    enum status_reason reason;
    enum outcome outcome;
    int hub, offer_number; /* -1, 0: none */
    int64_t deadline;
};

/* One pushed message about a referral. */
struct happening {
    enum message_type type;
    int party;
    uint64_t mailbox_number;
    int64_t at;
    int offer_number;
    int hub;
    uint64_t needs;    /* of an offer and of a person */
    uint32_t services; /* bits, of an offer and of a person */
    bool ask_first;
    enum state state;
    enum business_status business;
    enum status_reason reason;
    enum outcome outcome;
    int64_t deadline, expires_at;
    int parts_count; /* at least 1 in a message to the sender: what is told without parts is about all of it */
    struct standing_told parts[TOWN_NEEDS];
    int signposts_count;
    int signpost_hubs[5], signpost_services[5];
};

struct story {
    uint32_t asked; /* index */
    struct happening *happenings;
    uint32_t count, room;
    int64_t last_told;                         /* index of the newest to its sender; -1: none */
    int64_t submitted_at;                      /* 0: nothing told yet */
    struct standing_told standing[TOWN_NEEDS]; /* of each need in town_needs, as told last */
    bool ended;
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
    bool by_hub; /* else by the network file */
};

/* The emergency rules are on until then (0: off), from then on. */
struct alarm {
    int64_t at, until;
    bool certain;
};

/* The town from then on. */
struct version {
    int64_t at;
    struct town *town; /* owned */
};

/* What an operator put on the shelf, and whether it may be applied. */
struct draft {
    uint32_t number;
    bool good;
};

/* The daemon ran. */
struct life {
    int64_t from, to;
};

struct auditor {
    const struct town *town; /* as at the beginning: what never changes of it */
    struct version *versions;
    uint32_t versions_count, versions_room;
    struct alarm *alarms;
    uint32_t alarms_count, alarms_room;
    struct draft *drafts;
    uint32_t drafts_count, drafts_room;
    uint32_t window;
    struct asked *asked;
    uint32_t asked_count, asked_room;
    uint32_t *asked_table; /* open addressing: index + 1 */
    uint32_t asked_table_size;
    struct story *stories; /* by referral number */
    uint64_t stories_count, stories_room;
    struct statement *statements;
    uint32_t statements_count, statements_room;
    struct box boxes[TOWN_PARTIES_MAX];
    struct life *lives;
    uint32_t lives_count, lives_room;
    bool services_go;                                            /* some networks may not have all services */
    uint64_t unmet_arriving[TOWN_NEEDS], unmet_told[TOWN_NEEDS]; /* in the report on unmet needs */
    bool unmet_is_told;
    uint64_t messages;
    char violation[400];
};

enum end { OPEN, REJECTED, EXPIRED, CANCELLED, COMPLETED, FAILED };

/* One offer as hub and sender know it. */
struct lease {
    uint64_t referral;
    const struct asked *asked;
    const struct story *story;
    int number, hub;
    uint64_t needs;
    uint32_t services; /* bits */
    bool ask_first;
    int64_t at, deadline;
    int64_t accepted_at; /* 0: not */
    bool person;
    enum end end;
    int64_t ended_at;
    bool taken_back; /* it ended because its hub had closed or paused: it counts as not asked */
};

struct judgement {
    struct auditor *auditor;
    int64_t now;
    struct lease *leases;
    uint32_t count, room;
};

#define BLAME(judgement, referral, format, ...)                                                                        \
    auditor_blame((judgement)->auditor, (judgement)->now, "referral %llu: " format, (unsigned long long)(referral),    \
                  __VA_ARGS__)

__attribute__((format(printf, 3, 4))) void auditor_blame(struct auditor *, int64_t now, const char *format, ...);
void auditor_state(struct auditor *, struct statement);
/* Counts that it occurred. */
void auditor_cover(const char *first, const char *second, const char *third);
const struct asked *auditor_asked_of(const struct auditor *, const struct story *);

/* auditor_law.c. What the rules say: not allowed, allowed by one of the networks that may have been in force, or by
 * all of them. */
enum may { MAY_NOT, MAY_PERHAPS, MAY };

/* A person may be sent to a service for a need, but for who was asked before and for its room. */
enum may law_allow(const struct auditor *, const struct asked *, enum need, int hub, int service, int64_t at);
/* A person may be told to go there. */
enum may law_signpost(const struct auditor *, const struct asked *, enum need, int hub, int service, int64_t at);
/* How near the hub stands for the person, from 1; 0: not certain, or it does not serve them. */
int law_nearness(const struct auditor *, const struct asked *, enum need, int hub, int service, int64_t at);
/* The hub may have stood in one of these statuses (bits). */
bool law_may_stand(const struct auditor *, int hub, int64_t at, uint64_t statuses);
/* Days on the wall since 1970, and the Monday of a day. */
int64_t law_day(int64_t at);
int64_t law_monday(int64_t day);
/* The place of a person from what their submit says. */
void law_locate(const struct town *, const struct message *, struct person *);
bool law_is_held(const struct person *, int64_t day);
/* The networks that may have been in force at that moment, oldest first: versions[first .. first + count). */
void law_versions(const struct auditor *, int64_t at, uint32_t *first, uint32_t *count);
/* The greatest and the least of a figure over them; a figure of 0 is no limit, and then UINT32_MAX. */
struct limits {
    uint32_t least, most;
};
struct limits law_pace(const struct auditor *, int64_t at);
struct limits law_hops(const struct auditor *, int64_t at);
struct limits law_per_week(const struct auditor *, int hub, int service, int64_t at);
/* Weight in the waiting list, when all of them agree; -1: they do not. */
int law_weight(const struct auditor *, const struct person *, int64_t at);

/* auditor_places.c */
void places_judge(struct judgement *);
bool places_asked_before(const struct judgement *, uint64_t referral, enum need, int hub, int64_t at);
uint32_t places_offers_about(const struct judgement *, uint64_t referral, uint64_t needs, int64_t at);

#endif
