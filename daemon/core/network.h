/* SPDX-License-Identifier: MIT
 * network: hubs, services, senders and neighbourhoods as data. Built once from network.conf (io/network_file), then
 * read-only; a new version replaces the whole. Core only looks at it. */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H

#include "daemon/core/hours.h"
#include "proto/limits.h"
#include "proto/vocabulary.h"

#define NETWORK_NAME_BYTES 121
#define NETWORK_PHONE_BYTES 25
#define NETWORK_HUBS_MAX 10000
#define NETWORK_AREAS_MAX 64    /* home neighbourhoods of one hub */
#define NETWORK_SERVICES_MAX 64 /* services of one hub */
#define NETWORK_PLUS_MAX 32     /* groups of the network's own list */
#define NETWORK_WEIGHT_MAX 3    /* the heaviest weight in a waiting list */
#define NETWORK_NEEDS 64        /* one more than the largest number of a need */
#define PARTY_NONE 0            /* no party has this number; as an actor it is the network itself */
#define NEIGHBOURHOOD_NONE UINT16_MAX

#define CODE_BIT(code) (UINT64_C(1) << (code)) /* a set of codes of one list */
#define NEED_BIT(need) CODE_BIT(need)
uint32_t needs_count(uint64_t needs); /* how many a set of NEED_BITs holds */

/* Grid of the Ordnance Survey: metres east and north. 0,0: not known. */
struct position {
    int32_t easting;
    int32_t northing;
};

struct neighbourhood {
    char code[ID_BYTES_MAX + 1];
    char name[NETWORK_NAME_BYTES];
    struct position centre; /* of its postcodes; for people without a postcode */
};

/* A GP practice, which may stand in for a person's postcode. */
struct practice {
    char ods[13];
    struct position position;
    uint16_t neighbourhood;
};

/* One thing that must be true of a person: a fact, compared with codes (ANY_OF, ALL_OF, NONE_OF, ONLY) or a number
 * (AT_LEAST, AT_MOST, IS). FACT_PLUS_GROUPS: bits of network.plus_groups. */
struct condition {
    enum fact fact;
    enum test test;
    uint64_t codes;
    uint32_t number;
};

/* What a hub offers. Its row in network.services is also its row in the table of places. The first 64 bytes are what
 * routing looks at in each of thousands. */
struct service {
    uint32_t hub;     /* index of its hub */
    uint32_t owner;   /* row whose places it uses: its own, unless it shares another's (which shares no third's) */
    int64_t from_day; /* the first day on which it runs; 0: always */
    int64_t to_day;   /* the last day; 0: no end */
    bool citywide;    /* for every neighbourhood */
    bool emergency_only;
    bool seats; /* a place is used up by who accepted it: ending a case does not free it */
    /* Whom it is for; a zero leaves it open. */
    bool carers_only;
    uint32_t age_from; /* years, inclusive */
    uint32_t age_to;
    uint32_t conditions_count; /* run in network.conditions */
    uint32_t conditions_first;
    uint32_t per_week; /* offers in one week that it does not decline; 0: no limit */
    uint64_t genders;  /* CODE_BITs */
    uint64_t sources;  /* CODE_BITs of the kinds of sender */
    /* What it is. */
    uint64_t needs;     /* NEED_BITs it meets */
    uint32_t number;    /* stable for the hub: the hash of its id; the store knows it by this */
    uint32_t places;    /* as in the network file; a hub may state another figure */
    struct hours hours; /* of its own; else its hub's */
    char id[ID_BYTES_MAX + 1];
};

/* What is true of a hub from a day on: it may move, be renamed, serve other areas. What routing looks at comes first.
 */
struct era {
    int64_t from_day; /* 0: from the beginning */
    struct position position;
    uint16_t areas_count;
    uint16_t also_count;
    uint16_t areas[NETWORK_AREAS_MAX]; /* indices of its home neighbourhoods */
    uint16_t also[NETWORK_AREAS_MAX];  /* indices of neighbourhoods that it serves as a neighbour, at any distance */
    char name[NETWORK_NAME_BYTES];
    char address[NETWORK_NAME_BYTES]; /* "" when the file gives none */
    char phone[NETWORK_PHONE_BYTES];
};

struct hub {
    char id[ID_BYTES_MAX + 1];
    uint32_t party; /* party number: stable over all versions of the network; the store knows the hub by it */
    enum tier tier;
    enum hub_status status;
    int64_t opens_on;        /* days since 1970; 0: always */
    int64_t closes_on;       /* first day on which it is closed; 0: never */
    bool ask_again;          /* it may be asked about the same need more than once */
    int32_t stages;          /* row of network.stages with its own deadlines; -1: the network's */
    uint32_t closures_first; /* run in network.closures */
    uint32_t closures_count;
    int32_t parent;      /* index of the hub whose satellite or outreach venue it is; -1: none */
    uint32_t eras_first; /* run in network.eras, from_day ascending, the first with 0; at least one */
    uint32_t eras_count;
    uint32_t services_first; /* run in network.services */
    uint32_t services_count;
    struct hours hours;
};

/* Where a hub stands in one of its eras. */
struct stand {
    struct position position;
    uint32_t hub; /* index */
};

struct sender {
    char id[ID_BYTES_MAX + 1];
    char name[NETWORK_NAME_BYTES];
    uint32_t party;
    enum referral_source kind;
    char practice[13]; /* ODS code of the GP practice whose message back goes to its mailbox; "": it is none */
};

/* How long a hub has for one step, in its own opening hours, and how long after it was reminded. By priority. */
struct stage_clock {
    int64_t ms[PRIORITY_STAT + 1];
    int64_t grace_ms[PRIORITY_STAT + 1]; /* 0: no reminder, the network acts at once */
    enum silence silence;                /* of contact and progress: what follows then */
};

/* The steps of a hub: of receipt, answer, contact and progress; the others are not used. */
struct stages {
    struct stage_clock clocks[STAGE_PROGRESS + 1];
};

/* How long the network waits, in milliseconds: of a hub in its opening hours, of operators in the network's office
 * hours, of senders and of who waits by the clock on the wall. */
struct deadlines {
    struct stages stages;        /* of hubs that have none of their own */
    int64_t pressing_ms;         /* wall: asap and stat wait no longer for one hub's answer, open or not; 0: no limit */
    int64_t pause_ms;            /* hub: a paused case, until a person is asked to look */
    int64_t enquiry_ms;          /* hub: an enquiry, until the asker is told that there was no answer */
    int64_t attention_review_ms; /* office: one that needs a person is tried again after */
    int64_t waiting_review_ms;   /* wall: a waiting referral is looked at again after */
    int64_t waiting_expiry_ms;   /* wall, from submission: a person is asked to look; it goes on waiting */
    int64_t outcome_confirm_ms;  /* wall: an outcome is confirmed within */
    int64_t retention_ms;        /* wall, from the end: proposed for erasure; 0: never */
};

/* Which hubs are near, and how long they have to answer. */
struct nearness {
    uint8_t ring_rank[RING_SATELLITE + 1]; /* by ring: which comes first, from 1; 0: this ring is not used */
    uint32_t neighbour_distance_m;         /* how far a hub is still a neighbouring one */
    int64_t answer_ms[PRIORITY_STAT + 1];  /* 0: as in deadlines; else without grace */
};

/* How a place goes to those who wait: weights 0 to NETWORK_WEIGHT_MAX, the heavier first among equal priorities. */
struct fairness {
    uint8_t core20;       /* weight of the two most deprived tenths; 0: none */
    uint8_t plus;         /* weight of who belongs to a plus group; both add up */
    int64_t overtaken_ms; /* who has waited longer is overtaken by nobody who came later */
};

struct network {
    uint32_t version;   /* given by the store when the text of the file changes; from 1 */
    int64_t applied_at; /* when this version took effect: the age of the file's own figures */
    char name[NETWORK_NAME_BYTES];
    struct neighbourhood *neighbourhoods; /* all arrays are owned by the network */
    struct practice *practices;           /* ods ascending */
    struct hub *hubs;
    struct era *eras;
    struct service *services;
    struct condition *conditions;
    struct span *spans;       /* of all opening hours */
    struct stages *stages;    /* of hubs with deadlines of their own */
    struct closure *closures; /* of all hubs */
    int64_t *holidays;        /* bank holidays, days on the wall, ascending */
    struct sender *senders;
    uint32_t neighbourhoods_count;
    uint32_t practices_count;
    uint32_t hubs_count;
    uint32_t eras_count;
    uint32_t services_count;
    uint32_t conditions_count;
    uint32_t spans_count;
    uint32_t stages_count;
    uint32_t closures_count;
    uint32_t holidays_count;
    struct hours office; /* when operators, and hubs whose hours are not known, work; count 0: always */
    uint32_t senders_count;
    uint32_t plus_groups[NETWORK_PLUS_MAX]; /* hashes of their ids, as network_service_number makes them */
    uint32_t plus_count;
    uint32_t population[5]; /* by fifth of deprivation, the most deprived first; all 0: the file does not say */
    struct nearness usual;
    struct nearness emergency; /* for the needs in emergency_needs while the emergency rules are on */
    uint64_t emergency_needs;  /* 0: the network has no emergency rules */
    uint32_t nearest_m;        /* a postcode without a neighbourhood belongs to the nearest within; 0: to none */
    uint32_t travel_m[TRANSPORT_NONE + 1]; /* metres in a straight line that a minute takes one; 0: no limit */
    uint32_t hops_max;                     /* offers about one need before a person must look; at most OFFERS_MAX */
    uint32_t pace;                         /* offers of one sender to one hub in a day; 0: no limit */
    int64_t fresh_ms;                      /* a figure of places that is older is stale; 0: none ever is */
    struct fairness fairness;
    struct deadlines deadlines;

    /* Indices, filled by network_index. */
    uint32_t *by_need;     /* rows of services, grouped by need, then hub, then row */
    uint32_t *by_need_hub; /* the hub of each */
    uint32_t
        by_need_first[NETWORK_NEEDS + 1]; /* the run of need n is by_need[by_need_first[n] .. by_need_first[n + 1]) */
    uint32_t *by_party;                   /* indices of hubs, party ascending */
    uint32_t *by_id;                      /* the same, id ascending */
    uint32_t *by_area;                    /* indices of hubs, grouped by neighbourhoods that they serve */
    uint32_t *by_area_first;              /* its runs, as in by_need_first */
    struct stand *stands;                 /* one for each era, in the order of nearby.c */
    uint32_t *wide; /* indices of hubs with a service for the whole city, grouped by need in runs as long as by_need's,
                     * of which ... */
    uint32_t wide_count[NETWORK_NEEDS]; /* ... so many are filled */
    uint32_t *by_code;                  /* indices of neighbourhoods, code ascending */
    uint32_t *by_practice;              /* indices of the senders that are a practice, its ODS code ascending */
    uint32_t by_practice_count;
};

/* How many elements by_need, by_need_hub and wide must have: one for each service and need that it meets. */
uint32_t network_needs_count(const struct network *);
/* Fills the indices, whose arrays the caller has allocated. To be called again when what they are made of has
 * changed, party numbers say; the look-ups below and routing need it. */
void network_index(struct network *);
/* Only by_id, while a network is built. */
void network_index_ids(struct network *);

/* False for a sender under the name of a hub: what a hub is sent is for its own keys. */
bool network_admits(const struct network *, enum role, const char *party);

/* Indices; -1 when there is none. */
int network_find_hub(const struct network *, uint32_t party);
int network_find_hub_by_id(const struct network *, const char *id, size_t length);
int network_find_neighbourhood(const struct network *, const char *code, size_t length);
int network_find_practice(const struct network *, const char *ods, size_t length);
/* The neighbourhood whose centre is nearest, within nearest_m; NEIGHBOURHOOD_NONE: none is. */
uint16_t network_nearest_neighbourhood(const struct network *, struct position);
/* Row of the hub's service with this number; -1: it no longer offers it. */
int network_find_service(const struct network *, uint32_t hub_party, uint32_t service_number);
/* FNV-1a of an id. */
uint32_t network_service_number(const char *id, size_t length);
/* Open, planned, paused, draining or closed on that day. */
enum hub_status hub_status_on(const struct hub *, int64_t day);
/* What is true of the hub on that day. */
const struct era *hub_on(const struct network *, const struct hub *, int64_t day);
/* True when by date alone something differs on that day from the day before: a hub opens, closes or moves, a service
 * begins or ends. */
bool network_changes_on(const struct network *, int64_t day);
bool service_runs_on(const struct service *, int64_t day);
/* The hours of the service, else of its hub; count 0: not known. */
struct hours service_hours(const struct network *, uint32_t row);
/* When a hub works: its hours (the office's where they are not known), its closures, the bank holidays. */
struct calendar network_hub_calendar(const struct network *, const struct hub *);
struct calendar network_office_calendar(const struct network *);
/* What a hub has for a step; its own, else the network's. */
const struct stage_clock *network_stage(const struct network *, const struct hub *, enum stage);
/* Party number of the sender whose mailbox takes the message back of this GP practice; PARTY_NONE: none does. */
uint32_t network_practice_party(const struct network *, const char *ods, size_t length);
/* The weight of a person in a waiting list. plus: hashes of the ids of their groups. */
uint8_t network_weight(const struct network *, uint8_t decile, const uint32_t *plus, uint8_t plus_count);
bool position_known(struct position);
/* Metres in a straight line; 0 when either place is not known. */
uint32_t distance_m(struct position, struct position);

#endif
