/* SPDX-License-Identifier: MIT
 * reply: one table. */
#include "clients/reply.h"

#include <string.h>

static const struct reply replies[] = {{"accepted", MESSAGE_accept, FIELD_COUNT},
                                       {"rejected", MESSAGE_reject, FIELD_status_reason},
                                       {"in-progress", MESSAGE_start, FIELD_COUNT},
                                       {"on-hold", MESSAGE_pause, FIELD_COUNT},
                                       {"resumed", MESSAGE_resume, FIELD_COUNT},
                                       {"progressed", MESSAGE_progress, FIELD_COUNT},
                                       {"handed-back", MESSAGE_hand_back, FIELD_status_reason},
                                       {"completed", MESSAGE_complete, FIELD_outcome},
                                       {"failed", MESSAGE_fail, FIELD_status_reason}};

const struct reply *reply_by_state(const char *state)
{
    for (size_t i = 0; state && i < sizeof replies / sizeof replies[0]; i++)
        if (strcmp(replies[i].state, state) == 0)
            return &replies[i];
    return NULL;
}

const char *reply_states(void)
{
    return "accepted, rejected, in-progress, on-hold, resumed, progressed, handed-back, completed or failed";
}
