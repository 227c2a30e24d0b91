/* SPDX-License-Identifier: MIT
 * sheet: what the bench finds out, printed as it comes and kept for bench.json: tables of figures, and the goals with
 * what was measured of each. */
#ifndef BENCH_SHEET_H
#define BENCH_SHEET_H

#include <stdbool.h>

#include "tests/bench/goals.def"

#define AS_GOAL(constant, name, part, direction, limit, unit, what) GOAL_##constant,
enum goal { GOALS(AS_GOAL) GOAL_COUNT };
#undef AS_GOAL

/* Parts of the bench, in the order in which they run. */
#define PARTS(PART)                                                                                                    \
    PART(MAIN, "main")                                                                                                 \
    PART(STORED, "stored")                                                                                             \
    PART(PARTIES, "parties")                                                                                           \
    PART(HUBS, "hubs")                                                                                                 \
    PART(LIFE, "life")                                                                                                 \
    PART(BURST, "burst")                                                                                               \
    PART(OPERATORS, "operators")                                                                                       \
    PART(GREEDY, "greedy")                                                                                             \
    PART(DECISION, "decision")                                                                                         \
    PART(AGAINST, "against")
#define AS_PART(constant, name) PART_##constant,
enum bench_part { PARTS(AS_PART) PART_COUNT };
#undef AS_PART

struct column {
    const char *title;
    int decimals;
};

/* Begins a table; what stands in front of each row is under `rows`. Ends the one before. */
void sheet_table(const char *name, const char *title, const char *rows, const struct column *, unsigned columns);
/* As many values as there are columns; NAN: there is none. */
void sheet_row(const char *label, const double *values);
/* Prints the goal and whether the figure meets it. */
void sheet_goal(enum goal, double figure);
/* Says why there is no figure. */
void sheet_goal_not_here(enum goal, const char *why);
/* Writes the file and prints all goals again. False when a goal of a part that ran has neither figure nor reason. */
bool sheet_close(const char *path, const bool parts[PART_COUNT]);
const char *sheet_part_name(enum bench_part);

#endif
