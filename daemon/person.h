/* SPDX-License-Identifier: MIT
 * person: who is whom, by keyed hashes: two referrals are about the same person when one of the hashes is the same.
 * Looks only at its arguments. */
#ifndef DAEMON_PERSON_H
#define DAEMON_PERSON_H

#include "daemon/io/seal.h"
#include "proto/message.h"

/* Of the person of a submit, an enquire or a find_person: persons[0] of the NHS number; persons[1] of family name,
 * given name, date of birth and postcode, whatever their case, blanks and marks. 0: not known. */
void person_hash(const struct seal *, const struct message *, uint64_t persons[2]);

#endif
