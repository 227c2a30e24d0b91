/* SPDX-License-Identifier: MIT
 * planted: bugs that are built in on purpose, so that the simulator can show that it finds them (tests/sim/sim.c lists
 * them). Only its build sim_planted defines PLANT; in every other build PLANTED(n) is 0 and nothing of them is left.
 *
 * What no party of the simulator can see is shown by a unit test, built with the same mutation:
 *   91  GP practices are told without consent           decide: without_the_persons_consent_the_practice_is_...
 *   96  it closes when one of two has confirmed         decide: a_message_back_that_nobody_fetches_is_...
 *   103 the reminder of an offer stays when it arrives  decide: a_hub_that_has_fetched_an_offer_has_until_...
 *   127 confirmed letters stay in the store             delivery: a_party_that_has_caught_up_needs_the_store_...
 *   128 no mailbox is shown as silent                   delivery: a_mailbox_in_which_nothing_is_confirmed_is_shown
 *   129 it is forgotten whose a referral is             ledger: persons_who_come_and_go_are_found_as_long_...
 *   130 an erasure leaves the hashes of the person      rights: after_an_erasure_nothing_about_the_person_can_...
 *   138 an erasure leaves the enquiries of the case     rights: everybody_who_knew_the_person_is_told */
#ifndef CORE_PLANTED_H
#define CORE_PLANTED_H

#ifdef PLANT
extern int planted_bug; /* PLANT may be this, to choose at run time, or a number */
#define PLANTED(n) (PLANT == (n))
#else
#define PLANTED(n) 0
#endif

#endif
