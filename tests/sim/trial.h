/* SPDX-License-Identifier: MIT
 * trial: one run in a process of its own, so that what stops the daemon stops nobody else; runs that fail made smaller,
 * and kept in files. */
#ifndef SIM_TRIAL_H
#define SIM_TRIAL_H

#include <sys/types.h>

#include "tests/sim/world.h"

#define TRIAL_BYTES 400

/* Memory that forked jobs share; zeros. */
void *trial_share(size_t bytes);
/* Empty: nothing was found. Else what the auditor found, or which signal stopped it. */
void trial_run(const struct world_choice *, char violation[TRIAL_BYTES]);

/* The smallest run within so many seconds that fails in the same way; false: this one does not fail. */
bool trial_shrink(struct world_choice *, unsigned seconds, char violation[TRIAL_BYTES]);

/* A file with one run: a word and a number in each line, and notes after '#'. */
bool trial_read(const char *path, struct world_choice *);
void trial_print(const struct world_choice *, const char *violation);

#endif
