/* SPDX-License-Identifier: MIT
 * hub_answer: what a hub says of one referral or of its places, on its way from the hub's own tool (JSON), or from the
 * command line, to the network. Owns its texts. */
#ifndef CLIENTS_HUB_ANSWER_H
#define CLIENTS_HUB_ANSWER_H

#include "proto/message.h"

#define ANSWER_NOTE_BYTES_MAX 8001 /* 2000 characters and NUL */

struct answer {
    enum message_type type; /* accept reject start complete fail capacity; MESSAGE_NONE: no answer */
    bool has_request_id;
    uint8_t request_id[UUID_BYTES]; /* makes a repeat harmless */
    uint64_t referral;
    int64_t offer; /* 0: not known */
    enum status_reason reason;
    enum outcome outcome;
    int64_t places;
    char service[ID_BYTES_MAX + 1];
    char note[ANSWER_NOTE_BYTES_MAX];
};

#define ANSWER_WHY_BYTES 160

/* Reads {"type": "reject", "referral_id": "R1-23", "offer_number": 1, "status_reason": "22", "note": "..."}; names are
 * those of the wire. Members that are absent keep what *answer holds. False with a sentence in why (it repeats no
 * content) when it is not JSON, or a member is unknown, or has the wrong form. */
bool answer_parse(const char *json, size_t length, struct answer *answer, char why[ANSWER_WHY_BYTES]);
/* The same object on one line, with request_id. False: does not fit. */
bool answer_format(const struct answer *, char *json, size_t size);
/* What the answer's type needs is there; false with a sentence in why otherwise. */
bool answer_is_whole(const struct answer *, char why[ANSWER_WHY_BYTES]);
/* The request to the network. Its texts are borrowed from the answer. */
void answer_message(const struct answer *, struct message *);
void answer_new_request_id(struct answer *);

#endif
