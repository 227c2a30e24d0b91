/* SPDX-License-Identifier: MIT
 * rights: who may know what about a person. Finds the same person behind several doors, lets a hub refer its case on,
 * says in the history who is shown a person, and erases. */
#include <assert.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/io/log.h"
#include "daemon/person.h"
#include "daemon/turn_inside.h"
#include "proto/check.h"

#define FOUND_MAX 16 /* of one person at once */

/* ---- one person, several doors ---- */

void rights_hash_person(const struct turn *turn, const struct message *message, uint64_t persons[2])
{
    person_hash(turn->seal, message, persons);
}

static bool is_linked(const struct referral *referral, uint64_t number)
{
    for (uint8_t i = 0; i < referral->links_count; i++)
        if (referral->links[i].number == number)
            return true;
    return false;
}

bool rights_had_case(const struct referral *referral, uint32_t hub)
{
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (referral->offers[i].hub == hub && referral->offers[i].accepted)
            return true;
    return false;
}

/* As it stands stored, with what updates made of it. Has to be read: what a person decided about a consent in doubt is
 * for their referral alone. */
static bool consents_to_share(struct turn *turn, const struct referral *referral)
{
    if (!keep_load_content(turn, referral->number))
        return false;
    int64_t consent = message_number(turn->content.submit, FIELD_consent_to_share);
    int64_t until = message_number(turn->content.submit, FIELD_consent_expires_on);
    bool has_end = message_has(turn->content.submit, FIELD_consent_expires_on);
    return (consent == CONSENT_GIVEN || consent == CONSENT_BEST_INTERESTS) && !referral->consent_ended &&
           (!has_end || until >= turn->ledger.day);
}

/* The first keeps a hub away that sent the second, or has its case: it must not learn of the first from us. */
static bool keeps_away(const struct referral *first, const struct referral *second)
{
    for (uint8_t i = 0; i < first->profile.excluded_count; i++)
        if (first->profile.excluded[i] == second->sender || rights_had_case(second, first->profile.excluded[i]))
            return true;
    return false;
}

/* Operators see every link. The others only when both consents allow it, and nothing speaks against it. */
static bool may_be_told(struct turn *turn, const struct referral *first, const struct referral *second)
{
    if (PLANTED(132))
        return true;
    if (first->profile.safeguarding || second->profile.safeguarding || keeps_away(first, second) ||
        keeps_away(second, first))
        return false;
    return consents_to_share(turn, first) && consents_to_share(turn, second);
}

/* The first hub that has the case; PARTY_NONE: none has. */
static uint32_t who_has(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_is_case(&referral->parts[i]))
            return referral->offers[referral->parts[i].offer - 1].hub;
    return PARTY_NONE;
}

/* Its place for another link is known to be free. */
static void add_link(struct turn *turn, struct referral *referral, const struct referral *other, enum link link,
                     bool tell)
{
    const struct cause cause = {
        .event = EVENT_LINKED, .actor = PARTY_NONE, .linked_hub = who_has(other), .tell_link = tell};
    struct outcome_of outcome;

    referral->links[referral->links_count++] = (struct linked){.number = other->number, .link = link};
    placing_step(turn, &cause, referral, &outcome, NULL);
    assert(outcome.changed);
}

/* Each gets the other. Who has as many links as it can hold is left as it is. */
static void link_both(struct turn *turn, struct referral *referral, enum link link, struct referral *other,
                      enum link back)
{
    if (referral->links_count == LINKS_MAX || other->links_count == LINKS_MAX)
        return;
    bool tell = may_be_told(turn, referral, other);
    add_link(turn, other, referral, back, tell);
    add_link(turn, referral, other, link, tell);
}

/* Other open referrals of the same person. They are gathered before anything is changed: the account moves with each
 * change. */
static size_t find_same_person(const struct turn *turn, const struct referral *referral, uint64_t found[FOUND_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        uint64_t at = 0;
        uint64_t number = 0;
        while (count < FOUND_MAX && referral->persons[i] &&
               (number = ledger_find_person(&turn->ledger, referral->persons[i], &at)))
            if (number != referral->number)
                found[count++] = number;
    }
    return count;
}

/* By one of the two hashes, whole. */
static bool is_same_person(const struct referral *one, const struct referral *other)
{
    return (one->persons[0] && one->persons[0] == other->persons[0]) ||
           (one->persons[1] && one->persons[1] == other->persons[1]);
}

void rights_link(struct turn *turn, struct referral *referral, const struct message *submit)
{
    uint64_t found[FOUND_MAX];
    struct referral other;

    if (message_has(submit, FIELD_onward_from) &&
        keep_load(turn, (uint64_t)message_number(submit, FIELD_onward_from), &other))
        link_both(turn, referral, LINK_ORIGIN, &other, LINK_ONWARD);
    size_t count = find_same_person(turn, referral, found);
    for (size_t i = 0; i < count; i++)
        if (!is_linked(referral, found[i]) && keep_load(turn, found[i], &other) && is_same_person(referral, &other))
            link_both(turn, referral, LINK_SAME_PERSON, &other, LINK_SAME_PERSON);
}

/* The link of one referral to another is told once more. offer_number: to that hub alone; 0: to all who may know. */
static void tell_link(struct turn *turn, struct referral *referral, const struct referral *other, uint8_t offer_number)
{
    struct cause cause = {.event = EVENT_LINKED,
                          .actor = PARTY_NONE,
                          .linked_hub = who_has(other),
                          .tell_link = true,
                          .offer_number = offer_number};
    struct outcome_of outcome;

    for (uint8_t i = 0; i < referral->links_count; i++)
        if (referral->links[i].number == other->number)
            cause.link = i + 1;
    if (cause.link) /* not when a lost page has brought back a record of before */
        placing_step(turn, &cause, referral, &outcome, NULL);
}

void rights_link_accepted(struct turn *turn, uint64_t number, uint8_t offer_number)
{
    struct referral referral, other;
    bool found = keep_load(turn, number, &referral);

    for (uint8_t i = 0; found && i < referral.links_count; i++) {
        if (!keep_load(turn, referral.links[i].number, &other) || !referral_is_open(&other) ||
            !may_be_told(turn, &referral, &other))
            continue;
        tell_link(turn, &referral, &other, offer_number);
        tell_link(turn, &other, &referral, 0);
    }
}

/* ---- a hub refers on ---- */

bool rights_check_onward(struct turn *turn, const struct request *request)
{
    const struct message *submit = request->message;
    struct referral origin;

    if (!message_has(submit, FIELD_onward_from))
        return true;
    const struct party *hub = keep_find_party(turn, request->party);
    enum refusal refusal = REFUSAL_NOT_FOUND;
    if (keep_load(turn, (uint64_t)message_number(submit, FIELD_onward_from), &origin) &&
        rights_had_case(&origin, hub->number) &&
        memcmp(origin.correlation_id, message_uuid(submit, FIELD_correlation_id), UUID_BYTES) == 0)
        refusal = origin.erased ? REFUSAL_ERASED : REFUSAL_NONE;
    if (refusal)
        turn_answer_refused(turn, request, refusal, "onward_from");
    return !refusal;
}

/* ---- what the privacy officer and operators do about one referral ---- */

/* Its record; false: the answer has been given. */
static bool load_for(struct turn *turn, const struct request *request, const struct party *actor,
                     struct referral *referral)
{
    if (turn_answer_repeat(turn, request, actor->number))
        return false;
    if (keep_load(turn, (uint64_t)message_number(request->message, FIELD_referral_id), referral))
        return true;
    turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "referral_id");
    return false;
}

/* Decides, saves, remembers the request and answers. */
static bool do_step(struct turn *turn, const struct request *request, enum event event, const struct referral *before,
                    struct referral *referral)
{
    const struct party *actor = keep_find_party(turn, request->party);
    const struct cause cause = {.event = event, .actor = actor->number, .role = request->role};
    struct outcome_of outcome;

    placing_step_from(turn, &cause, before, referral, &outcome, request->message);
    if (outcome.refusal) {
        turn_answer_refused(turn, request, outcome.refusal, "referral_id");
        return false;
    }
    turn_remember(turn, request, actor->number, referral->number);
    turn_answer_done(turn, request, referral, outcome.repeated);
    return true;
}

void rights_reveal(struct turn *turn, const struct request *request)
{
    struct referral before;

    if (!load_for(turn, request, keep_find_party(turn, request->party), &before))
        return;
    struct referral referral = before;
    if (referral.erased)
        turn_answer_refused(turn, request, REFUSAL_ERASED, "referral_id");
    else if (PLANTED(135))
        turn_answer_done(turn, request, &referral, false);
    else
        do_step(turn, request, EVENT_REVEALED, &before, &referral);
}

/* The other referrals of the person say who it was. What is left is what counts are made of: where (of some 8,000
 * people), how deprived, what was needed, how pressing.
 */
static void forget_person(struct referral *referral)
{
    const struct profile *profile = &referral->profile;

    if (!PLANTED(130))
        memset(referral->persons, 0, sizeof referral->persons);
    referral->links_count = 0;
    referral->profile = (struct profile){.neighbourhood = profile->neighbourhood,
                                         .locality = profile->locality,
                                         .decile = profile->decile,
                                         .need = profile->need,
                                         .needs = profile->needs,
                                         .tier = profile->tier,
                                         .priority = profile->priority,
                                         .source = profile->source};
}

/* Who was told of the person is told of this; what was said by hubs and sender can be read no more, and what is still
 * owed goes out without the person. */
void rights_erase(struct turn *turn, const struct request *request)
{
    struct referral before;
    char id[REFERRAL_ID_BYTES_MAX];

    if (!load_for(turn, request, keep_find_party(turn, request->party), &before))
        return;
    struct referral referral = before;
    forget_person(&referral);
    if (!do_step(turn, request, EVENT_ERASED, &before, &referral))
        return;
    if (!PLANTED(131))
        keep_no_content(turn, referral.number);
    if (!PLANTED(138))
        enquiry_erase(turn, referral.number, request);
    referral_id_format(referral.number, id);
    LOG(LOGGED_ERASED, {"party", .text = request->party}, {"referral", .text = id});
}
