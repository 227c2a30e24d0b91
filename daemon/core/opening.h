/* SPDX-License-Identifier: MIT
 * opening: opening hours as a line for people. Pure. */
#ifndef CORE_OPENING_H
#define CORE_OPENING_H

#include "daemon/core/hours.h"

#define OPENING_BYTES 201

/* "Mon-Fri 09:00-12:00 and 13:00-17:00, Sat 10:00-14:00": days that follow one another with the same hours are joined.
 * "" when the hours are not known. What does not fit is left out, and ", ..." says so. spans: network.spans. */
void opening_write(const struct span *spans, struct hours, char out[OPENING_BYTES]);

#endif
