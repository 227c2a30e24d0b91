/* SPDX-License-Identifier: MIT
 * flow: a ring of days for each need, and the wait that its sum lets expect. */
#include "daemon/core/flow.h"

#define EXPECTED_DAYS_MAX 3651

static int64_t slot_of(int64_t day)
{
    return (day % FLOW_DAYS + FLOW_DAYS) % FLOW_DAYS;
}

void flow_begin(struct flow *flow, int64_t day)
{
    int64_t first = flow->day + 1 > day - FLOW_DAYS + 1 ? flow->day + 1 : day - FLOW_DAYS + 1;

    for (int64_t later = first; later <= day; later++)
        for (size_t need = 0; need < NETWORK_NEEDS; need++)
            flow->given[need][slot_of(later)] = 0;
    if (day > flow->day)
        flow->day = day;
}

void flow_add(struct flow *flow, enum need need, int64_t day)
{
    flow_begin(flow, day);
    if (day > flow->day - FLOW_DAYS)
        flow->given[need][slot_of(day)]++;
}

uint32_t flow_expected_days(const struct flow *flow, enum need need, uint32_t position)
{
    uint64_t given = 0;

    for (size_t i = 0; i < FLOW_DAYS; i++)
        given += flow->given[need][i];
    if (given == 0)
        return 0;
    uint64_t days = ((uint64_t)position * FLOW_DAYS + given - 1) / given + 1;
    return days < EXPECTED_DAYS_MAX ? (uint32_t)days : EXPECTED_DAYS_MAX;
}
