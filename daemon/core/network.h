/* SPDX-License-Identifier: MIT
 * network: hubs, services, senders and neighbourhoods as data. Built once from network.conf (io/network_file), then
 * read-only; a new version replaces the whole. Core only looks at it. */
#ifndef CORE_NETWORK_H
#define CORE_NETWORK_H

#include "proto/limits.h"
#include "proto/vocabulary.h"

#define NETWORK_NAME_BYTES 121
#define NETWORK_AREAS_MAX 64    /* home neighbourhoods of one hub */
#define NETWORK_SERVICES_MAX 64 /* services of one hub */
#define PARTY_NONE 0            /* no party has this number; as an actor it is the network itself */

#define CODE_BIT(code) (UINT64_C(1) << (code)) /* a set of codes of one list */
#define NEED_BIT(need) CODE_BIT(need)

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

/* What a hub offers. Its row in network.services is also its row in the table of places. */
struct service {
    char id[ID_BYTES_MAX + 1];
    uint32_t number; /* stable for the hub: the hash of its id; the store knows it by this */
    uint32_t hub;    /* index of its hub */
    uint64_t needs;  /* NEED_BITs it meets */
    uint32_t places; /* as in the network file; a hub may state another figure */
    bool citywide;   /* for every neighbourhood */
    /* Whom it is for; a zero leaves it open. */
    uint32_t age_from; /* years, inclusive */
    uint32_t age_to;
    uint64_t genders; /* CODE_BITs */
    uint64_t sources; /* CODE_BITs of the kinds of sender */
    bool carers_only;
};

struct hub {
    char id[ID_BYTES_MAX + 1];
    char name[NETWORK_NAME_BYTES];
    uint32_t party; /* party number: stable over all versions of the network; the store knows the hub by it */
    enum tier tier;
    enum hub_status status;
    int64_t opens_on;  /* days since 1970; 0: always */
    int64_t closes_on; /* first day on which it is closed; 0: never */
    struct position position;
    uint16_t areas[NETWORK_AREAS_MAX]; /* indices of its home neighbourhoods */
    uint16_t areas_count;
    uint16_t also[NETWORK_AREAS_MAX]; /* indices of neighbourhoods that it serves as a neighbour, at any distance */
    uint16_t also_count;
    int32_t parent;          /* index of the hub whose satellite or outreach venue it is; -1: none */
    uint32_t services_first; /* run in network.services */
    uint32_t services_count;
};

struct sender {
    char id[ID_BYTES_MAX + 1];
    char name[NETWORK_NAME_BYTES];
    uint32_t party;
    enum referral_source kind;
};

/* How long the network waits, in milliseconds. */
struct deadlines {
    int64_t offer_ms[PRIORITY_STAT + 1];    /* until the next hub is asked, by priority */
    int64_t accepted_ms[PRIORITY_STAT + 1]; /* from acceptance until help must have begun */
    int64_t progress_ms;                    /* from start until an outcome or a person looks */
    int64_t waiting_review_ms;              /* a waiting referral is looked at again after */
    int64_t attention_review_ms;            /* one that needs a person is tried again after */
    int64_t outcome_confirm_ms;             /* the sender confirms an outcome within */
};

struct network {
    uint32_t version; /* given by the store when the text of the file changes; from 1 */
    char name[NETWORK_NAME_BYTES];
    struct neighbourhood *neighbourhoods; /* all arrays are owned by the network */
    struct hub *hubs;
    struct service *services;
    struct sender *senders;
    uint32_t neighbourhoods_count;
    uint32_t hubs_count;
    uint32_t services_count;
    uint32_t senders_count;
    uint32_t neighbour_distance_m;         /* how far a hub is still a neighbouring one */
    uint8_t ring_rank[RING_SATELLITE + 1]; /* by ring: which comes first, from 1; 0: this ring is not used */
    uint32_t travel_m[TRANSPORT_NONE + 1]; /* metres in a straight line that a minute takes one; 0: no limit */
    uint32_t hops_max;                     /* offers of one referral before a person must look; at most OFFERS_MAX */
    struct deadlines deadlines;
};

/* Indices; -1 when there is none. */
int network_find_hub(const struct network *, uint32_t party);
int network_find_hub_by_id(const struct network *, const char *id, size_t length);
int network_find_neighbourhood(const struct network *, const char *code, size_t length);
/* Row of the hub's service with this number; -1: it no longer offers it. */
int network_find_service(const struct network *, uint32_t hub_party, uint32_t service_number);
/* FNV-1a of a service id. */
uint32_t network_service_number(const char *id, size_t length);
/* Open, planned, paused or closed on that day. */
enum hub_status hub_status_on(const struct hub *, int64_t day);
bool position_known(struct position);
/* Metres in a straight line; 0 when either place is not known. */
uint32_t distance_m(struct position, struct position);

#endif
