/* SPDX-License-Identifier: MIT
 * letter: what a party is told about an event. Written from what is stored, so that the same letter can be sent again
 * after any time: the entry, the submit, and what never changes of the referral. Pure. */
#ifndef CORE_LETTER_H
#define CORE_LETTER_H

#include "daemon/core/history.h"
#include "daemon/core/opening.h"
#include "proto/message.h"

struct letter_facts {
    const struct network *network;
    const struct referral *referral;
    const struct entry *entry;
    const struct message *submit; /* as it stands now; NULL: erased, then only what is not personal is told */
    const struct message *said;   /* the request that caused the event: notes, scores, support, answers; NULL: none */
    const char *sender;           /* its id, which the network file need not hold */
    const char *linked_sender;    /* of MESSAGE_linked: who sent the other referral; NULL: it cannot be read */
};

/* Texts that are made for the message, which points to them. */
struct letter_texts {
    char age_band[12];
    char opening_hours[SIGNPOSTS_MAX][OPENING_BYTES];
};

/* Fills *message (texts borrowed from the facts, from *texts and from static data). The fields of the submit that a
 * party gets are those of the message's own table, and of the needs a hub gets those that it is asked about: nothing
 * else can leave. */
void letter_write(const struct letter_facts *, const struct letter *, struct letter_texts *, struct message *);

#endif
