/* SPDX-License-Identifier: MIT
 * town: a small network drawn from the seed: as plain tables for the parties and the auditor, and as the text of a
 * network file for the daemon. Which rules a town has at all is drawn first, so that some stay as simple as can be. */
#ifndef SIM_TOWN_H
#define SIM_TOWN_H

#include "proto/vocabulary.h"
#include "tests/sim/random.h"

#define TOWN_AREAS_MAX 6
#define TOWN_PARTIES_MAX 16
#define TOWN_SERVICES_MAX 4
#define TOWN_NEEDS 5 /* which needs there are: enough that services differ, few enough that places run out */
#define TOWN_ERAS_MAX 2
#define TOWN_GROUPS 2
#define TOWN_POSTCODES 24
#define TOWN_NAME_BYTES 16
#define TOWN_PRACTICE_BYTES 8
#define TOWN_HOLIDAYS 2
#define TOWN_TEXT_BYTES 32768

enum town_feature {
    TOWN_SEVERAL_NEEDS,
    TOWN_TIERS,
    TOWN_SHARED,
    TOWN_INTAKE,
    TOWN_SEATS,
    TOWN_DATED,
    TOWN_PERSONS, /* whom a service is for, and how far they travel */
    TOWN_PACE,
    TOWN_STALE,
    TOWN_LIVES, /* hubs that drain, move, may be asked again, and services that come and go */
    TOWN_RINGS,
    TOWN_WEIGHTS,
    TOWN_EXPIRY,
    TOWN_HOLDS,
    TOWN_PLACES, /* postcodes, hubs of contact, practices */
    TOWN_EMERGENCY,
    TOWN_APPLY,
    TOWN_HOURS,     /* who works when: weekly hours, closures, bank holidays, an office */
    TOWN_GRACE,     /* hubs are reminded first */
    TOWN_NEXT,      /* who is silent about a case loses it */
    TOWN_CASES,     /* hubs tell how it goes, pause, hand back */
    TOWN_UPDATES,   /* senders send new information, and take back what was a mistake */
    TOWN_CONSENT,   /* consents run out */
    TOWN_DESK,      /* operators step in */
    TOWN_RIGHTS,    /* somebody looks at persons, and erases them */
    TOWN_SAME,      /* one person comes through several doors; hubs refer on */
    TOWN_ENQUIRIES, /* hubs ask one another */
    TOWN_PRACTICES, /* GP practices are told */
    TOWN_FEATURES
};

/* What a service may ask for besides: one of a few. */
enum town_condition {
    CONDITION_NONE,
    CONDITION_NO_ADJUSTMENTS_BUT, /* wheelchair access or large print */
    CONDITION_NO_INTERPRETER,
    CONDITION_PRESSING,
    CONDITION_GROUP, /* the first plus group */
    CONDITION_SAFE_TO_VISIT,
    CONDITION_ADULT,
    CONDITION_COUNT
};

/* Weekly hours: minutes on the wall, from Monday; closes 0: nobody works on that day. */
struct town_day {
    int opens, closes;
};
struct town_hours {
    bool known;
    struct town_day days[7];
};

/* How long a hub has for one step, and how long after it was reminded; minutes, by priority. */
struct town_clock {
    int minutes[PRIORITY_STAT + 1];
    int grace[PRIORITY_STAT + 1];
    enum silence silence;
};

struct town_area {
    char code[TOWN_NAME_BYTES];
    int32_t easting, northing;
};

struct town_service {
    char id[TOWN_NAME_BYTES];
    uint64_t needs; /* bits */
    uint32_t places;
    int shares_hub, shares_service; /* whose places it uses; hub -1: its own */
    uint32_t per_week;              /* 0: no limit */
    bool seats, citywide, emergency_only, carers_only;
    bool is_gone;             /* this version of the network does not have it */
    int64_t from_day, to_day; /* 0: none */
    uint32_t age_from, age_to;
    uint64_t genders, senders; /* bits; 0: all */
    enum town_condition condition;
};

struct town_era {
    int64_t from_day;
    int32_t easting, northing;
    bool home[TOWN_AREAS_MAX], also[TOWN_AREAS_MAX];
};

/* Senders, hubs (which may send, too), and an operator. */
struct town_party {
    char id[TOWN_NAME_BYTES];
    enum role role;
    enum hub_status status;
    enum tier tier;
    int64_t opens_on, closes_on; /* days since 1970, 0: none */
    bool ask_again;
    int parent; /* -1: none */
    struct town_hours hours;
    int64_t closed_from, closed_to; /* days; 0: never */
    bool own_answer;                /* it has a clock of its own for answers */
    struct town_clock answer;
    char practice[TOWN_PRACTICE_BYTES]; /* of a sender: the GP practice that it is; "": none */
    struct town_era eras[TOWN_ERAS_MAX];
    int eras_count;
    struct town_service services[TOWN_SERVICES_MAX];
    int services_count;
};

/* Which hubs are near. */
struct town_nearness {
    bool rings[RING_SATELLITE + 1];
    int32_t neighbour_distance_m;
};

struct town {
    int number; /* of the version: stands in its name */
    uint32_t features;
    int64_t starts_on; /* day */
    int areas_count, parties_count, needs_count;
    int hops_max;
    struct town_nearness usual, emergency;
    uint64_t emergency_needs; /* 0: no emergency rules */
    int32_t nearest_m;
    uint32_t pace;    /* 0: no limit */
    int64_t fresh_ms; /* 0: no limit */
    int core20, plus; /* weights */
    int64_t overtaken_ms;
    int64_t waiting_expiry_ms;
    struct town_area areas[TOWN_AREAS_MAX];
    struct town_party parties[TOWN_PARTIES_MAX];
    struct town_clock clocks[STAGE_PROGRESS + 1];
    int pause, enquiry, attention_review, waiting_review, outcome_confirm; /* minutes */
    struct town_hours office;
    int64_t holidays[TOWN_HOLIDAYS]; /* days, ascending; 0: none */
};

/* A postcode that every town knows. */
struct town_postcode {
    char text[9];
    int32_t easting, northing;
    char area[TOWN_NAME_BYTES]; /* "": the edition names none; it may be one that the town does not have */
    int decile;
};

extern const enum need town_needs[TOWN_NEEDS];
extern const int town_metres_a_minute[TRANSPORT_NONE + 1]; /* 0: no limit */
extern const char town_practice[];                         /* its place is that of the first area */
struct town_postcode town_postcode_at(int i);              /* 0 to TOWN_POSTCODES - 1 */

/* left_out: bits of features that it does not have, whatever is drawn. */
void town_draw(struct town *, struct random *, int64_t starts_on, uint64_t left_out);
/* Other figures, other states of hubs: the next version of the same network. */
void town_redraw(struct town *, struct random *);
void town_write(const struct town *, char text[TOWN_TEXT_BYTES]);
bool town_has(const struct town *, enum town_feature);
/* -1: there is none. */
int town_find_party(const struct town *, const char *id, size_t length);
int town_find_area(const struct town *, const char *code, size_t length);
int town_find_service(const struct town_party *, const char *id, size_t length);
const struct town_clock *town_clock_of(const struct town *, const struct town_party *, enum stage);
const struct town_era *town_era_on(const struct town_party *, int64_t day);
/* Behind the senders and hubs: the operator's party, and the privacy officer's. */
int town_operator(const struct town *);
int town_privacy(const struct town *);

#endif
