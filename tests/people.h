/* SPDX-License-Identifier: MIT
 * people: invented persons for tests, simulator and bench. NHS numbers are from the 999 range, which is never issued.
 */
#ifndef TESTS_PEOPLE_H
#define TESTS_PEOPLE_H

#include "proto/message.h"

#define PEOPLE_AUTHORED_MS INT64_C(1793523600000) /* 2026-11-01T09:00:00Z; sent_at is a minute later */
#define PEOPLE_POSTCODE "PL1 1AE"

/* A complete submit about invented person number `seed` that decode and check_request accept: the same seed always
 * gives the same message; request_id, correlation_id and referral_identifier differ for each seed, the NHS number
 * for each below 500000. The postcode is copied. referral_identifier lives in the calling thread until 256 more
 * persons have been made there; every other text is static or in the message itself. */
void person_submit(struct message *, unsigned seed, const char *postcode);

#endif
