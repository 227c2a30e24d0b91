/* SPDX-License-Identifier: MIT
 * decide_inside: what decide.c (what parties say), decide_place.c (where needs go), decide_due.c (time) and
 * decide_operator.c (what people behind the network do) share; nobody else includes it. */
#ifndef CORE_DECIDE_INSIDE_H
#define CORE_DECIDE_INSIDE_H

#include "daemon/core/decide.h"

/* One event, and what it makes of one referral. */
struct step {
    const struct facts *facts;
    const struct cause *cause;
    struct referral *referral;
    struct outcome_of *outcome;
};

/* ---- decide.c ---- */

void step_tell(struct step *, uint32_t party, enum message_type, uint8_t offer_number);
/* Tells the hubs again that are asked or have a case: how it is now. */
void step_retell(struct step *);
/* Whatever was overdue has moved on. */
void part_stand(struct part *, enum state, enum business_status, enum status_reason);
void part_end(struct part *, enum state, enum business_status, enum status_reason);
/* The cell of the event for the referral as a whole; its refusal, or that it is a repeat, is then in the outcome. */
enum cell step_ask(struct step *);
/* What the event makes of a part. */
const struct move *step_move_of(const struct step *, const struct part *);
/* Takes an offer that holds a place back from its hub. */
void step_withdraw(struct step *, enum event, enum status_reason, uint8_t offer_number);
/* The entry names one offer, the first. */
void step_name_offer(struct step *, uint8_t offer_number);
/* Every part has ended: who may know is told, and confirms it. */
void step_end_referral(struct step *);
/* The offer that the cause names, which must exist; NULL with the refusal set. */
struct offer *step_named_offer(struct step *);

/* ---- decide_place.c ---- */

struct placed {
    bool moved; /* some need has gone somewhere else than where it was */
    bool waits; /* some wait in the list */
};
/* Places a part that no hub holds: with hubs, in the waiting list, or before a person. */
struct placed step_place(struct step *, int part);
/* All held parts with one of the reasons (0: any), or held by an operator when `held`, become one; -1: there is none.
 */
int step_join_held(struct step *, const enum status_reason *reasons, size_t count, bool held);
/* Holds a whole part that no hub has accepted. */
void step_hold(struct step *, int part, enum business_status, enum status_reason);
/* Asks a hub about the needs of the part. services: rows. */
void step_offer(struct step *, struct part *, uint32_t hub, const int32_t *services, uint8_t services_count);
/* The sender is told where everything stands, and each hub that it is asked. */
void step_tell_where_it_stands(struct step *);

/* ---- decide_due.c ---- */

void wait_for_answer(struct step *, struct part *);
/* STAGE_CONTACT, _PROGRESS or _PAUSE of the hub that has it. */
void wait_for_case(struct step *, struct part *, enum stage);
void wait_for_operators(struct step *, struct part *);
void wait_in_list(struct step *, struct part *);
void wait_for_nothing(struct part *);
void wait_for_confirmation(struct step *);
/* It was received: what is waited for now is the answer. */
void wait_on_after_receipt(struct part *);
/* No hub may be asked any more, or told more than it knows; true when something is held now that was not. */
bool step_stop_sharing(struct step *);

void decide_due(struct step *);
void decide_hub_closed(struct step *);
void decide_placed_again(struct step *);

/* ---- decide_operator.c ---- */

void decide_held(struct step *);
void decide_released(struct step *);
void decide_placed_by_hand(struct step *);
void decide_reoffered(struct step *);
void decide_prioritised(struct step *);
void decide_noted(struct step *);
void decide_turned_away(struct step *);
void decide_erased(struct step *);

#endif
