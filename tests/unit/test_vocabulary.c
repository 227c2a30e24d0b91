/* SPDX-License-Identifier: MIT
 * What the tables promise about themselves. */
#include "proto/limits.h"
#include "proto/vocabulary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool has_member(const struct message_spec *message, enum field field)
{
    for (size_t m = 0; m < message->count; m++)
        if (message->members[m].field == field)
            return true;
    return false;
}

/* Values that a full list of this field takes. */
static size_t values_most(const struct field_spec *field)
{
    size_t values = 0;

    switch (field->kind) {
    case KIND_CODES: /* no code stands twice */
        return (size_t)field->most < lists[field->of].count ? (size_t)field->most : lists[field->of].count;
    case KIND_IDS:
    case KIND_TEXTS:
    case KIND_INTS:
        return (size_t)field->most;
    case KIND_RECORDS:
        values = records[field->of].count;
        for (size_t m = 0; m < records[field->of].count; m++)
            values += values_most(&records[field->of].members[m]);
        return values * (size_t)field->most;
    default:
        return 0;
    }
}

Test(vocabulary, the_codes_of_a_list_have_unique_numbers_from_1_to_63_and_unique_texts)
{
    for (size_t l = LIST_none + 1; l < LIST_COUNT; l++) {
        cr_assert_leq(lists[l].count, 63);
        for (size_t i = 0; i < lists[l].count; i++) {
            cr_assert(lists[l].codes[i].number >= 1 && lists[l].codes[i].number <= 63, "%s", lists[l].name);
            cr_assert_neq(lists[l].codes[i].text[0], '\0');
            for (size_t k = 0; k < i; k++) {
                cr_assert_neq(lists[l].codes[i].number, lists[l].codes[k].number, "%s", lists[l].name);
                cr_assert_str_neq(lists[l].codes[i].text, lists[l].codes[k].text, "%s", lists[l].name);
            }
        }
    }
}

Test(vocabulary, a_code_is_found_by_its_text_and_back)
{
    for (int l = LIST_none + 1; l < LIST_COUNT; l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            const struct code_spec *code = &lists[l].codes[i];

            cr_assert_eq(code_number(l, code->text, strlen(code->text)), code->number);
            cr_assert_str_eq(code_text(l, code->number), code->text);
        }
        cr_assert_eq(code_number(l, "", 0), 0);
        cr_assert_eq(code_number(l, "no such code", 12), 0);
        cr_assert_not(code_exists(l, 0));
    }
}

Test(vocabulary, messages_have_unique_names_and_numbers)
{
    for (size_t i = 0; i < messages_count; i++) {
        cr_assert_neq(messages[i].type, MESSAGE_NONE);
        cr_assert_eq(message_spec(messages[i].type), &messages[i]);
        cr_assert_eq(message_spec_by_name(messages[i].name, strlen(messages[i].name)), &messages[i]);
    }
}

Test(vocabulary, field_names_have_the_form_that_the_decoder_expects_and_are_not_type)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        cr_assert_lt(strlen(fields[i].name), 39, "room for a typing error in the name of a fault");
        cr_assert_eq(strspn(fields[i].name, "abcdefghijklmnopqrstuvwxyz_"), strlen(fields[i].name));
        cr_assert_str_neq(fields[i].name, "type");
    }
}

Test(vocabulary, the_members_of_a_message_are_unique)
{
    for (size_t i = 0; i < messages_count; i++)
        for (size_t m = 0; m < messages[i].count; m++)
            for (size_t k = 0; k < m; k++)
                cr_assert_neq(messages[i].members[m].field, messages[i].members[k].field, "%s", messages[i].name);
}

Test(vocabulary, who_asks_is_answered_by_request_id_and_what_is_pushed_has_a_mailbox_number)
{
    for (size_t i = 0; i < messages_count; i++) {
        const struct message_spec *message = &messages[i];

        if (message->direction == PUSH) {
            cr_assert_eq(message->members[0].field, FIELD_mailbox_number, "%s", message->name);
            cr_assert_eq(message->members[0].obligation, MANDATORY);
            cr_assert_not(has_member(message, FIELD_request_id));
        } else {
            cr_assert_eq(message->members[0].field, FIELD_request_id, "%s", message->name);
        }
        cr_assert_eq(message->roles == 0, message->direction == ANSWER, "%s", message->name);
    }
}

Test(vocabulary, a_hub_that_is_asked_sees_nothing_that_only_the_case_or_the_network_may_see)
{
    const struct message_spec *offer = message_spec(MESSAGE_offer);

    for (size_t m = 0; m < offer->count; m++)
        cr_assert(fields[offer->members[m].field].audience == AUDIENCE_ENVELOPE ||
                      fields[offer->members[m].field].audience == AUDIENCE_OFFER,
                  "%s", fields[offer->members[m].field].name);
}

Test(vocabulary, a_hub_that_has_accepted_sees_nothing_that_stays_with_the_network)
{
    const struct message_spec *person = message_spec(MESSAGE_person);

    for (size_t m = 0; m < person->count; m++)
        cr_assert_neq(fields[person->members[m].field].audience, AUDIENCE_NETWORK, "%s",
                      fields[person->members[m].field].name);
    cr_assert(has_member(person, FIELD_nhs_number));
}

Test(vocabulary, whatever_a_hub_may_see_of_a_submit_is_told_to_it)
{
    const struct message_spec *submit = message_spec(MESSAGE_submit);

    for (size_t m = 0; m < submit->count; m++) {
        enum field field = submit->members[m].field;

        if (fields[field].audience == AUDIENCE_OFFER)
            cr_assert(has_member(message_spec(MESSAGE_offer), field), "%s", fields[field].name);
        if (fields[field].audience == AUDIENCE_CASE || fields[field].audience == AUDIENCE_OFFER)
            cr_assert(has_member(message_spec(MESSAGE_person), field), "%s", fields[field].name);
    }
}

Test(vocabulary, no_message_about_the_network_tells_a_hub_who_the_person_is)
{
    static const enum message_type to_hubs[] = {MESSAGE_withdrawn, MESSAGE_reminder, MESSAGE_erased,
                                                MESSAGE_done,      MESSAGE_refused,  MESSAGE_welcome};

    for (size_t i = 0; i < sizeof to_hubs / sizeof to_hubs[0]; i++) {
        const struct message_spec *message = message_spec(to_hubs[i]);

        for (size_t m = 0; m < message->count; m++)
            cr_assert_eq(fields[message->members[m].field].audience, AUDIENCE_ENVELOPE, "%s", message->name);
    }
}

Test(vocabulary, the_fullest_message_has_room_for_its_lists)
{
    for (size_t i = 0; i < messages_count; i++) {
        size_t values = 0;

        for (size_t m = 0; m < messages[i].count; m++)
            values += values_most(&fields[messages[i].members[m].field]);
        cr_assert_leq(values, MESSAGE_LIST_VALUES_MAX, "%s: %zu", messages[i].name, values);
    }
}

Test(vocabulary, a_number_that_stands_for_nothing_finds_nothing)
{
    cr_assert_null(message_spec(MESSAGE_NONE));
    cr_assert_null(message_spec((enum message_type)255));
    cr_assert_null(message_spec((enum message_type)100000));
    cr_assert_null(refusal_spec(REFUSAL_NONE));
    cr_assert_null(refusal_spec((enum refusal)999));
    cr_assert_str_eq(code_text(LIST_event, 0), "");
    cr_assert_str_eq(code_text(LIST_event, 63), "");
    cr_assert_not(code_exists(LIST_event, -1));
}

Test(vocabulary, refusals_have_unique_numbers_of_three_digits_and_fit_their_fields)
{
    for (size_t i = 0; i < refusals_count; i++) {
        cr_assert(refusals[i].refusal >= 100 && refusals[i].refusal <= 999);
        cr_assert_eq(refusal_spec(refusals[i].refusal), &refusals[i]);
        cr_assert_leq(strlen(refusals[i].sentence), (size_t)fields[FIELD_sentence].most);
        cr_assert_leq(strlen(refusals[i].remedy), (size_t)fields[FIELD_remedy].most);
        cr_assert_leq(strlen(refusals[i].code), (size_t)fields[FIELD_code].most);
        cr_assert_leq(strlen(refusals[i].issue), (size_t)fields[FIELD_issue].most);
    }
}

/* True when the standard's own list has an element whose path ends with the text. */
static bool is_prsb_element(const char *text, size_t length)
{
    FILE *file = fopen(SOURCE_DIR "/tests/prsb_elements.txt", "r");
    char line[512];
    bool found = false;

    cr_assert(file);
    while (!found && fgets(line, sizeof line, file)) {
        size_t end = strcspn(line, "\n");
        found = end >= length && memcmp(line + end - length, text, length) == 0 &&
                (end == length || line[end - length - 1] == ' ');
    }
    fclose(file);
    return found;
}

Test(vocabulary, every_prsb_element_that_a_field_names_stands_in_the_standard)
{
    int named = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strncmp(fields[i].standard, "PRSB: ", 6) != 0)
            continue;
        named++;
        cr_expect(is_prsb_element(fields[i].standard + 6, strcspn(fields[i].standard + 6, ";")), "%s: %s",
                  fields[i].name, fields[i].standard);
    }
    cr_expect_gt(named, 25);
}
