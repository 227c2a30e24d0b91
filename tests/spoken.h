/* SPDX-License-Identifier: MIT
 * spoken: a request as link hands it over, made of what a party says: encoded, and decoded again. */
#ifndef TESTS_SPOKEN_H
#define TESTS_SPOKEN_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/batch.h"

struct spoken {
    struct request request;
    struct message message;
    struct message *cut; /* what the request has of it: no more memory than it uses */
    uint8_t frame[MESSAGE_BYTES_MAX];
};

/* False with the fault when it cannot be said. In static memory: what it has made before is used again. */
static inline bool speak(struct spoken *spoken, struct decoder *decoder, connection_t connection, enum role role,
                         const char *party, const struct message *message, struct fault *fault)
{
    size_t length = encode(message, spoken->frame, sizeof spoken->frame);

    spoken->request = (struct request){.kind = REQUEST_MESSAGE,
                                       .connection = connection,
                                       .role = role,
                                       .frame = spoken->frame,
                                       .frame_length = length};
    strcpy(spoken->request.party, party);
    if (!decode(decoder, spoken->frame, length, &spoken->message, fault))
        return false;
    spoken->cut = realloc(spoken->cut, message_bytes(&spoken->message));
    assert(spoken->cut);
    memcpy(spoken->cut, &spoken->message, message_bytes(&spoken->message));
    spoken->request.message = spoken->cut;
    return true;
}

#endif
