/* SPDX-License-Identifier: MIT
 * words: how a referral stands, and why, for people. */
#include "clients/words.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct message message;
static char text[4096];

static void set_needs(const enum need *needs, size_t count, size_t primary)
{
    struct value *list = message_set_list(&message, FIELD_needs, count);

    for (size_t i = 0; i < count; i++, list += NEED_OF_PERSON_MEMBER_COUNT) {
        list[MEMBER_code] = (struct value){.present = true, .number = needs[i]};
        list[MEMBER_is_primary] = (struct value){.present = true, .number = i == primary};
        list[MEMBER_detail] = (struct value){.present = true, .text = {"secretly", 8}};
    }
}

static void make_referral(enum state state, enum business_status business_status)
{
    static const enum need needs[] = {NEED_FOOD, NEED_HOUSING};

    message_init(&message, MESSAGE_referral);
    message_set_number(&message, FIELD_referral_id, 1);
    message_set_number(&message, FIELD_priority, PRIORITY_URGENT);
    message_set_number(&message, FIELD_state, state);
    message_set_number(&message, FIELD_business_status, business_status);
    set_needs(needs, 2, 1);
}

/* What is told, in text. */
static void tell(void (*words)(const struct message *, FILE *))
{
    FILE *out = tmpfile();

    words(&message, out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    cr_assert_null(strstr(text, "secretly"), "details of needs are not for this: %s", text);
}

static void expect(const char *part)
{
    cr_assert(strstr(text, part), "\"%s\" is not in: %s", part, text);
}

Test(words, what_is_offered_names_the_hub_and_until_when)
{
    make_referral(STATE_RECEIVED, BUSINESS_OFFERED);
    message_set_string(&message, FIELD_hub_id, "oak");
    message_set_number(&message, FIELD_deadline, INT64_C(1795629600000));
    tell(words_standing);
    expect("R1-95  urgent: housing, food\n");
    expect("now       offered to a hub, which has not answered: oak\n");
    expect("until     2026-11-25T18:00:00.000Z");
    cr_assert_null(strstr(text, "waiting"), "%s", text);
}

Test(words, a_deadline_names_who_owns_it_and_what_is_waited_for)
{
    make_referral(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE);
    message_set_number(&message, FIELD_deadline, INT64_C(1795629600000));
    message_set_string(&message, FIELD_deadline_owner, "oak");
    message_set_number(&message, FIELD_deadline_stage, STAGE_PROGRESS);
    tell(words_standing);
    expect("for       oak: the hub tells how it goes, or how it ended\n");
}

Test(words, referrals_that_belong_together_are_named)
{
    struct value *ids;

    make_referral(STATE_RECEIVED, BUSINESS_OFFERED);
    tell(words_standing);
    cr_assert_null(strstr(text, "linked"), "%s", text);
    ids = message_set_list(&message, FIELD_linked_ids, 2);
    ids[0] = (struct value){.present = true, .text = {"R7-77", 5}};
    ids[1] = (struct value){.present = true, .text = {"R8-74", 5}};
    tell(words_standing);
    expect("linked    to R7-77, R8-74\n");
}

Test(words, what_waits_names_the_reason_its_turn_and_how_long)
{
    make_referral(STATE_ON_HOLD, BUSINESS_WAITLISTED);
    message_set_number(&message, FIELD_status_reason, REASON_ALL_FULL);
    message_set_number(&message, FIELD_position, 3);
    message_set_number(&message, FIELD_expected_wait_days, 0);
    tell(words_standing);
    expect("why       every hub that could help is full\n");
    expect("waiting   number 3 in turn; about 0 days, if places go on being given");
    message_unset(&message, FIELD_expected_wait_days);
    tell(words_standing);
    expect("waiting   number 3 in turn; how long cannot be told");
}

Test(words, the_parts_of_a_referral_are_told_one_by_one)
{
    struct value *parts, *needs;

    make_referral(STATE_RECEIVED, BUSINESS_OFFERED);
    message_set_string(&message, FIELD_hub_id, "oak");
    parts = message_set_list(&message, FIELD_parts, 2);
    for (int i = 0; i < 2; i++, parts += PART_OF_REFERRAL_MEMBER_COUNT) {
        needs = message_set_member_list(&message, &parts[MEMBER_part_needs], 1);
        needs[0] = (struct value){.present = true, .number = i == 0 ? NEED_HOUSING : NEED_FOOD};
        parts[MEMBER_part_business_status] =
            (struct value){.present = true, .number = i == 0 ? BUSINESS_HUB_ACCEPTED : BUSINESS_WAITLISTED};
        if (i == 0)
            parts[MEMBER_part_hub_id] = (struct value){.present = true, .text = {"elm", 3}};
        if (i == 0)
            parts[MEMBER_part_hub_name] = (struct value){.present = true, .text = {"Elm House", 9}};
        if (i == 1)
            parts[MEMBER_part_position] = (struct value){.present = true, .number = 9};
        if (i == 1)
            parts[MEMBER_part_expected_wait_days] = (struct value){.present = true, .number = 12};
    }
    tell(words_standing);
    expect("needs     housing\nnow       a hub has agreed to help: Elm House\n");
    expect("needs     food\nnow       every hub that could help is full");
    expect("waiting   number 9 in turn; about 12 days");
    cr_assert_null(strstr(text, "oak"), "%s", text);
    parts[MEMBER_part_expected_wait_days - PART_OF_REFERRAL_MEMBER_COUNT].present = false;
    tell(words_standing);
    expect("waiting   number 9 in turn; how long cannot be told");
}

Test(words, a_decision_says_how_the_place_is_known_and_what_decided)
{
    message_init(&message, MESSAGE_decision);
    message_set_number(&message, FIELD_locality, LOCALITY_PRACTICE);
    message_set_string(&message, FIELD_neighbourhood_name, "North");
    message_set_number(&message, FIELD_comparison, COMPARISON_FEWEST);
    message_set_string(&message, FIELD_hub_id, "oak");
    tell(words_decision);
    expect("North: approximate: the person's GP practice\n");
    expect("result    offered to oak\n");
    expect("because   fewest-hubs: with it, fewer hubs meet all the needs\n");
    struct value *ids = message_set_list(&message, FIELD_hub_ids, 2);
    ids[0] = (struct value){.present = true, .text = {"oak", 3}};
    ids[1] = (struct value){.present = true, .text = {"elm", 3}};
    tell(words_decision);
    expect("result    offered to oak, elm\n");
    expect("because   oak came first by fewest-hubs: with it, fewer hubs meet all the needs\n");
    message_init(&message, MESSAGE_decision);
    message_set_number(&message, FIELD_status_reason, REASON_NO_HUB);
    tell(words_decision);
    expect("result    offered to nobody: no hub can take it under the rules of the network\n");
}

Test(words, hubs_are_counted_by_the_rule_that_they_failed)
{
    static const enum rule rules[] = {RULE_FULL, RULE_NONE_FAILED, RULE_TOO_FAR, RULE_FULL};
    struct words_count count = {0}, several = {0};
    FILE *out = tmpfile();

    words_counted(&count, out);
    cr_assert_eq(ftell(out), 0);
    for (size_t i = 0; i < 4; i++) {
        message_init(&message, MESSAGE_considered);
        message_set_number(&message, FIELD_rule, rules[i]);
        message_set_number(&message, FIELD_need, NEED_FOOD);
        words_consider(&count, &message);
        message_set_number(&message, FIELD_need, NEED_FOOD + (int64_t)i % 2);
        words_consider(&several, &message);
    }
    words_counted(&count, out);
    words_counted(&several, out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    cr_assert_str_eq(text, "looked at 4 hubs, 1 could take it; not: too-far 1, full 2\n"
                           "looked at 4 pairs of a hub and a need, 1 of them possible; not: too-far 1, full 2\n");
}
