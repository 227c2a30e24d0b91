/* SPDX-License-Identifier: MIT
 * route: which hub next. Rules that each name a reason, then comparisons to a total order; several needs are shared out
 * over as few hubs as can meet them. Pure: looks only at its arguments, allocates nothing. */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "daemon/core/pace.h"
#include "daemon/core/referral.h"

#define CANDIDATES_MAX 24
#define SIGNPOSTS_MAX 5

/* Places of one service, in the order of network.services. Of a service that shares another's, only taken_in_week
 * counts. */
struct places {
    uint32_t total;
    uint32_t used;
    int64_t stated_at; /* when the hub stated the total; 0: as in the network file */
    uint32_t in_file;  /* what the network file said then: another figure there ends the hub's statement */
    uint32_t
        taken_in_week;   /* offers made in the week at hand and not declined, expired or withdrawn before acceptance */
    uint32_t unanswered; /* offers that wait for an answer */
};

/* How long ago the total was stated, or the file that says it applied; and whether that is longer than the network's
 * limit. */
int64_t places_age_ms(const struct network *, const struct places *, int64_t now);
bool places_are_stale(const struct network *, const struct places *, int64_t now);

/* A service that met every rule but, perhaps, the room for one more, as a decision saw it. */
struct candidate {
    uint32_t hub;         /* party number */
    uint32_t service;     /* service number of that hub */
    uint32_t places_free; /* 0 when rule is not RULE_NONE_FAILED */
    enum rule rule;       /* RULE_NONE_FAILED, _FULL, _INTAKE, _ASK_FIRST or _PACE */
    bool stale;
};

/* What routing may look at besides the network. */
struct question {
    const struct profile *profile;
    uint64_t needs;             /* the ones to be placed */
    uint32_t sender;            /* party; a hub is not asked about its own referral */
    const struct offer *offers; /* made before: a hub is not asked twice about one need */
    uint8_t offers_count;
    int64_t now;
    bool emergency;              /* the emergency rules are on */
    const struct places *places; /* network.services_count of them */
    const uint32_t *none;        /* rows of owners that have no places, whatever the table says */
    uint8_t none_count;
    const struct pace *pace;          /* NULL: nothing is counted */
    const struct candidate *recorded; /* not NULL: room is as in this record of an earlier decision, and nowhere else */
    uint8_t recorded_count;
};

/* What routing found about one hub and one need. */
struct verdict {
    uint32_t hub; /* index */
    enum need need;
    enum rule rule;  /* first rule that it failed, or RULE_NONE_FAILED */
    int32_t service; /* row; -1 when it offers nothing for the need */
    enum ring ring;  /* 0 when it got no further */
    uint32_t distance_m;
    uint32_t places_free; /* of the owner: free ones, and no more than are left to it for the week */
    bool stale;           /* its figure of places is too old */
    bool open_now;        /* its doors are open at that moment */
};

/* True when the hub could help if it had room: it fails none but one of the last rules, or none. */
bool rule_waits(enum rule);
/* What a rule that failed comes to in the account of unmet needs. */
enum unmet_cause rule_cause(enum rule);
/* How far along the rules one came: the position of the rule in their order. */
int rule_rank(enum rule);

/* One hub to be asked, about these needs, by these services. */
struct share {
    uint64_t needs;
    struct verdict verdict;      /* about the first need; its places_free is the least of the services */
    int32_t services[NEEDS_MAX]; /* rows, none twice */
    uint8_t services_count;
    enum comparison comparison; /* which one put it first */
};

struct plan {
    struct share shares[NEEDS_MAX];
    uint8_t shares_count;
    uint64_t waiting;                       /* needs that a hub could meet if it had room */
    uint64_t unmet;                         /* needs that no hub can take */
    enum unmet_cause causes[NETWORK_NEEDS]; /* by need, of those that are waiting or unmet */
    uint32_t eligible; /* services that met every rule but, perhaps, room; those of the shares first */
    struct candidate candidates[CANDIDATES_MAX];
    uint8_t candidates_count;
};

/* Scratch of the caller for questions with several needs: one for each hub. */
struct cover {
    uint32_t hub;
    uint32_t needs; /* bit i: the i-th of those to be placed */
    struct verdict verdict;
};

/* Shares the needs out: among all ways to meet as many needs as have room now, one with the fewest hubs, the first hub
 * by the comparisons taking as many needs as it can; then the next. No place is given twice within one plan: where hubs
 * share places that run out on the way, what comes later goes elsewhere or waits, and it may take one hub more.
 * scratch: one for each hub; not looked at when there is only one need. */
void route_plan(const struct network *, const struct question *, struct cover *scratch, struct plan *);

/* One hub against the rules, for one need; of several services, the one that gets farthest. */
void route_judge(const struct network *, const struct question *, uint32_t hub, enum need, struct verdict *);

/* The order of two hubs that meet the rules: < 0 when a comes first; *comparison says which comparison decided. */
int route_compare(const struct network *, const struct question *, const struct verdict *a, const struct verdict *b,
                  enum comparison *comparison);

/* The rules of nearness that hold for this need now. */
const struct nearness *route_nearness(const struct network *, enum need, bool emergency);

/* Whether the person meets one condition of a service. */
bool route_condition_met(const struct network *, const struct profile *, const struct condition *);

/* Where somebody can simply go: for every need the nearest service of a universal hub that meets it, then the nearest
 * others that meet any, the nearest first, at most SIGNPOSTS_MAX in all; returns how many. 0: for some need there is no
 * such place, so that going there is not enough. */
uint8_t route_signpost(const struct network *, const struct question *, struct verdict signposts[SIGNPOSTS_MAX]);

#endif
