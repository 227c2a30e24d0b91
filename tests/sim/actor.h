/* SPDX-License-Identifier: MIT
 * actor: one party: a sender, a hub, which may send, too, or an operator. Repeats, greets and takes by the rules of
 * clients/ask; decides by chance. */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include "proto/message.h"
#include "tests/sim/world.h"

struct actor *actor_open(struct world *, int party);
void actor_close(struct actor **);
/* To be submitted at that time. */
void actor_plan_submit(struct actor *, int64_t at);
void actor_plan_capacity(struct actor *, int64_t at);
/* An operator switches the emergency rules on for a while, or off. */
void actor_plan_emergency(struct actor *, int64_t at, bool on);
/* An operator wants a draft that lies on the shelf to be put in force. */
void actor_apply(struct actor *, uint32_t draft, bool holes_allowed);
/* An operator has the store checked, and its history verified against a head that was told. */
void actor_ask_check(struct actor *, int64_t sequence, const char *hash);
/* An operator wants to know which needs could not be met at once. */
void actor_ask_unmet(struct actor *);
/* Over one of its doors. */
void actor_connected(struct actor *, int door);
void actor_disconnected(struct actor *, int door);
void actor_receive(struct actor *, int door, const struct message *);
/* How many doors it has: programs that share its mailbox. */
int actor_doors(const struct actor *);
void actor_wake(struct actor *);
/* The second phase begins: whatever is planned happens soon, whatever lies about is ended. */
void actor_hurry(struct actor *);
/* It has nothing more to ask. */
bool actor_is_idle(const struct actor *);
/* Says every submit once more. */
void actor_repeat_submits(struct actor *);

#endif
