/* SPDX-License-Identifier: MIT
 * coverage: counts what occurred, over all runs of all jobs of one program: each kind by its place in one array. */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Where each kind begins. */
enum {
    COVER_FAULTS = 0,                    /* by enum mishap */
    COVER_ANSWERS = 64,                  /* by the auditor's list */
    COVER_ROLES = 512,                   /* by type of message, times 8, and role */
    COVER_CELLS = COVER_ROLES + 256 * 8, /* of the tables of referral.def: by cells.c */
    COVER_COUNT = COVER_CELLS + 8192
};

void coverage_count(int what);
uint64_t coverage_of(int what);
/* From here on what a forked job counts is seen by all of them. */
void coverage_share(void);

/* cells.c: prints which cells of the two tables, by state, event and who causes it, were never looked up, although
 * somebody can lead there. Returns how many. */
int cells_print_missing(void);
void cells_count(int *reached, int *expected);

#endif
