/* SPDX-License-Identifier: MIT
 * profile: what routing looks at, taken from a message: a submit, or the question about a person who does not exist.
 * Looks only at its arguments. */
#ifndef DAEMON_PROFILE_H
#define DAEMON_PROFILE_H

#include "daemon/core/referral.h"
#include "daemon/io/postcodes.h"

/* Fills the profile and the neighbourhood code of a zeroed referral. place: what the store's table says of the
 * message's postcode; NULL, or LOCALITY_UNKNOWN in it: nothing. day: on the wall. What the question leaves out:
 * priority routine, gender not stated, kind of sender other, tier targeted. */
void profile_from_message(const struct network *, const struct place *, const struct message *, int64_t day,
                          struct referral *);
/* The submit as an update makes it; texts stay where the two have theirs. */
void profile_merge(const struct message *submit, const struct message *update, struct message *merged);
/* What an update changes of a stored referral: what is decided by it, and where the person is only when it names a
 * postcode, consent only when it names one. All else, and what operators have decided, stays. submit: merged. */
void profile_update(const struct network *, const struct place *, const struct message *submit,
                    const struct message *update, int64_t day, struct referral *);
/* Where the person is, by the first source that tells: the postcode, the stated neighbourhood, the hub of contact, the
 * GP practice. profile_from_message does this too. */
void profile_locate(const struct network *, const struct place *, const struct message *, int64_t day,
                    struct referral *);
/* Finds the neighbourhood of a stored referral in a version of the network: by its code, else the nearest. */
void profile_settle(const struct network *, struct referral *);
/* The hub that a wish names; PARTY_NONE: there is no such hub. */
uint32_t profile_hub(const struct network *, struct text id);

#endif
