/* SPDX-License-Identifier: MIT
 * hub_answer: what a hub says of one referral, of an enquiry, or of its places, on its way from the hub's own tool
 * (JSON), or from the command line, to the network. */
#ifndef CLIENTS_HUB_ANSWER_H
#define CLIENTS_HUB_ANSWER_H

#include "clients/record_json.h"

#define ANSWER_WHY_BYTES 160
#define ANSWER_JSON_BYTES_MAX 12288 /* of what a tool answers at once */

/* What the hub's own tool made of a push. */
enum verdict {
    VERDICT_STORED,  /* the tool has it */
    VERDICT_ANSWER,  /* the tool has it and has answered; the answer holds what to say */
    VERDICT_LATER,   /* the same again later, for ever */
    VERDICT_UNKNOWN, /* the same again, but not for ever */
    VERDICT_GONE     /* there is no such tool any more */
};

/* Owns its texts; all zero is no answer. */
struct answer {
    enum message_type type; /* a request that a hub may say; MESSAGE_NONE: no answer */
    struct record_texts texts;
    struct record_texts sent; /* what the request borrows */
};

/* Reads {"type": "reject", "referral_id": "R1-23", "offer_number": 1, "status_reason": "22", "note": "..."}; names are
 * those of the wire. Instead of type, "state" may say what follows ("rejected", see reply.h). Members that are absent
 * keep what *answer holds. False with a sentence in why (it repeats no content) when it is not JSON, or a member is
 * unknown, or has the wrong form. */
bool answer_parse(const char *json, size_t length, struct answer *answer, char why[ANSWER_WHY_BYTES]);
/* The same for what a tool says at once about one push: referral_id, offer_number and enquiry_id are those of the push,
 * and the type must fit it. An answer gets a request_id. */
bool answer_parse_about(const char *json, size_t length, const struct message *push, struct answer *answer,
                        char why[ANSWER_WHY_BYTES]);
/* The same object on one line, with its request_id. False: it has none, or does not fit. */
bool answer_format(struct answer *, char *json, size_t size);
/* All that the answer's type needs is there and has its form, as far as can be said without the network; false with a
 * sentence in why otherwise. An offer_number that is absent is not missed. */
bool answer_is_whole(struct answer *, char why[ANSWER_WHY_BYTES]);
/* The request to the network; its texts are borrowed from the answer. Made by answer_is_whole's rules: false otherwise.
 */
bool answer_message(struct answer *, struct message *, char why[ANSWER_WHY_BYTES]);
/* Sets one member; false: out of memory. */
bool answer_set_text(struct answer *, enum field, const char *text);
bool answer_set_referral(struct answer *, enum field, uint64_t number);
bool answer_set_number(struct answer *, enum field, int64_t number);
/* Makes a repeat harmless; a request_id that is there stays. */
void answer_new_request_id(struct answer *);
bool answer_has_field(const struct answer *, enum field);
void answer_clear(struct answer *);

/* The referral, or the enquiry, that a push is about. */
uint64_t push_subject(const struct message *push);

#endif
