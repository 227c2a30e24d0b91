/* SPDX-License-Identifier: MIT
 * route: which hub next. Filters that each name a rule, then numbered comparisons to a total order. Pure: looks only
 * at its arguments, allocates nothing. */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "daemon/core/referral.h"

/* Places of one service, in the order of network.services. */
struct places {
    uint32_t total;
    uint32_t used;
    int64_t stated_at; /* when the hub stated the total; 0: as in the network file */
    uint32_t in_file;  /* what the network file said then: another figure there ends the hub's statement */
};

/* What routing may look at besides the network. */
struct question {
    const struct profile *profile;
    uint32_t sender;            /* party; a hub is not asked about its own referral */
    const struct offer *offers; /* made before */
    uint8_t offers_count;
    int64_t day;                 /* days since 1970 */
    const struct places *places; /* network.services_count of them */
};

/* What routing found about one hub. */
struct verdict {
    uint32_t hub;    /* index */
    enum rule rule;  /* first rule that it failed, or RULE_NONE_FAILED */
    int32_t service; /* row; -1 when it offers nothing for the need */
    enum ring ring;  /* 0 when it got no further */
    uint32_t distance_m;
    uint32_t places_free;
};

struct route {
    int32_t service;            /* row of the hub to ask; -1: none */
    enum comparison comparison; /* which one put it first */
    uint32_t eligible;          /* hubs that meet every rule but a free place */
    struct verdict chosen;
};

/* Looks at every hub. verdicts, when not NULL, has room for network.hubs_count and is filled in that order. */
void route_choose(const struct network *, const struct question *, struct route *, struct verdict *verdicts);

/* One hub against the rules. */
void route_judge(const struct network *, const struct question *, uint32_t hub, struct verdict *);

/* The order of two hubs that meet the rules: < 0 when a comes first; *comparison says which comparison decided. */
int route_compare(const struct network *, const struct question *, const struct verdict *a, const struct verdict *b,
                  enum comparison *comparison);

#endif
