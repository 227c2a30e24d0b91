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
/* A connection that has confirmed nothing for so long is silent: what it has is taken back. */
#define AUDIT_SILENT_MS 30000
#define WORDS 32 /* more than one party says in that time */
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
    uint64_t back;               /* bits of who is told what came of it */
    char practice[13];
    char family_name[24];
    char nhs_number[11];
    struct {
        bool located;
        int area;
        int32_t easting, northing;
    } without_postcode;
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
    enum priority priority;
    int hub; /* of place and enquire; -1: none */
    bool reveal, has_note;
    enum need need;
    uint64_t onward_from, enquiry;
    enum known known;
    int64_t done_at; /* when it was first answered as done: it was done then at the latest; 0: not */
    uint64_t mailbox_number;
    int service;
    uint32_t places;
    int64_t until;
    uint32_t draft;
    /* of a submit, and of an update: the person as they are then */
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
    enum stage stage;
    int64_t deadline, expires_at;
    uint64_t linked; /* the other referral */
    enum link link;
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
    uint32_t *changes; /* indices of what was asked about it, by whomever, in that order */
    uint32_t changes_count, changes_room;
    int64_t erased_at; /* 0: not, as far as is known */
};

/* One enquiry. */
struct enquiry {
    uint64_t number;
    uint32_t asked; /* index + 1 of the question */
    int64_t told_at, deadline;
    int64_t answered_at; /* 0: not yet */
};

/* One number of a mailbox. */
struct pushed {
    uint64_t digest;
    uint64_t connection; /* that it was sent to last */
    int64_t sent_at;
    bool is_there; /* the connection has it still */
    bool said;     /* a confirmation may have covered it */
};

/* What a connection has confirmed. */
struct word {
    uint64_t connection, number;
    int64_t at;
};

struct box {
    struct word words[WORDS]; /* the newest, a ring */
    uint32_t words_count;
    struct pushed *pushed; /* of number n: pushed[n - 1] */
    uint32_t count, room;
    uint64_t agreed; /* everything up to it is confirmed, as the party was told */
    uint64_t said;   /* everything up to it may be confirmed */
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

/* The hash over the history up to an entry. */
#define AUDIT_HEADS 64
struct head {
    int64_t sequence;
    char hash[65];
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
    struct enquiry *enquiries;
    uint32_t enquiries_count, enquiries_room;
    struct head heads[AUDIT_HEADS]; /* of the history, as parties were told: the first, and then newer ones */
    uint32_t heads_count;
    bool store_is_checked, history_is_verified;
    bool offers_are_hidden; /* of some who were erased meanwhile: what is free is not quite known */
    uint64_t messages;
    char violation[400];
};

enum end { OPEN, REJECTED, EXPIRED, CANCELLED, COMPLETED, FAILED };

/* What is known of the time of an offer: a step begins, its hub is reminded, is overdue, or silent for good. */
enum tick_kind { TICK_BEGINS, TICK_REMINDED, TICK_OVERDUE, TICK_SILENCE, TICK_ENDS };
struct tick {
    enum tick_kind kind;
    int64_t at;
    enum stage stage;
    int64_t deadline; /* of a reminder */
};

/* One offer as hub and sender know it. */
struct lease {
    uint64_t referral;
    const struct asked *asked;
    const struct story *story;
    int number, hub;
    uint64_t needs;
    uint32_t services; /* bits */
    bool ask_first;
    bool by_hand; /* an operator may have chosen it */
    bool handed_back;
    int64_t at, deadline;
    int64_t accepted_at; /* 0: not */
    bool person;
    enum end end;
    int64_t ended_at;
    bool taken_back;    /* it ended because its hub had closed or paused: it counts as not asked */
    struct tick *ticks; /* owned */
    uint32_t ticks_count, ticks_room;
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
bool auditor_is_to_sender(enum message_type);
bool auditor_is_case(enum state, enum business_status);
/* Something is late, or a hub has given needs back: where they are is told otherwise, or does not change. */
bool auditor_is_aside(const struct happening *);
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
/* The same by the postcode of an update. */
void law_relocate(const struct town *, const struct message *, struct person *);
/* Whether somebody has to decide first: surely not, perhaps, surely. */
enum may law_is_held(const struct auditor *, const struct asked *, int64_t at);
/* The persons that the submit and its updates may have told of until then, newest last; returns how many. */
#define PERSONS_MAX 16
int law_persons(const struct auditor *, const struct asked *, int64_t at, const struct person *[PERSONS_MAX]);
/* Somebody may have done, or has surely done, that to the referral by then. */
bool law_was_said_between(const struct auditor *, uint64_t referral, enum message_type, int64_t from, int64_t to);
bool law_was_touched(const struct auditor *, uint64_t referral, int64_t until); /* other than by its hubs */
const struct story *law_story(const struct auditor *, const struct asked *);
bool law_was_said(const struct auditor *, uint64_t referral, enum message_type, int64_t until);
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

/* Milliseconds that the clock on the wall is ahead of UTC. */
int64_t law_ahead_ms(int64_t at);
/* The earliest and the latest moment at which something falls due, over what may have been in force. */
struct moments {
    int64_t least, most;
};
/* priorities: bits of those that the referral may have had. The time for a step that began then; the grace that a
 * reminder gives, {at, at} when there is none; a time of the network's own, in a hub's hours or (-1) in the office's.
 */
struct moments law_due(const struct auditor *, int hub, enum stage, uint32_t priorities, int64_t at);
struct moments law_grace(const struct auditor *, int hub, enum stage, uint32_t priorities, int64_t at);
/* What follows when a hub is silent about a case: it may be the one, or the other. */
bool law_may_follow(const struct auditor *, enum stage, enum silence, int64_t at);

/* Bits of the priorities that the referral of an offer may have had until then. */
uint32_t law_priorities(const struct auditor *, const struct asked *, int64_t at);

/* auditor_rights.c: who was told of what, beyond one offer. */
void rights_judge(struct judgement *);
void rights_judge_story(struct judgement *, uint64_t referral, const struct story *, uint32_t from);

/* auditor_clock.c */
void clock_tick(struct lease *, struct tick);
void clock_judge(struct judgement *, const struct lease *);
/* A deadline is kept at once, or as soon as the daemon runs again. */
bool clock_is_late(const struct auditor *, int64_t deadline, int64_t at);

/* auditor_hours.c: so many minutes later in the hours of a hub, or (-1) of the office. */
int64_t hours_after(const struct town *, int hub, int64_t from, int64_t minutes);

/* auditor_places.c */
void places_judge(struct judgement *);
bool places_asked_before(const struct judgement *, uint64_t referral, enum need, int hub, int64_t at);
uint32_t places_offers_about(const struct judgement *, uint64_t referral, uint64_t needs, int64_t at);

#endif
