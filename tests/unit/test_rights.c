/* SPDX-License-Identifier: MIT
 * rights: one person behind several doors, referring on, who is shown a person, and erasing; told as conversations. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/prose.h"
#include "daemon/person.h"
#include "proto/check.h"
#include "proto/codec.h"
#include "tests/spoken.h"
#include "tests/talk.h"

#define HOUR INT64_C(3600000)
#define PRIVACY "privacy"

#define HUB(id, name, need)                                                                                            \
    "{ id = \"" id "\"; name = \"" name "\"; tier = \"targeted\"; easting = 248100; northing = 56000;"                 \
    " areas = [ \"north\" ];"                                                                                          \
    " services = ( { id = \"help\"; needs = [ \"" need "\" ]; places = 20; citywide = true; } ); }"

static const char network[] =
    "name = \"Test\"; neighbour_distance = \"2km\";\n"
    "deadlines = { enquiry = \"1d\"; contact = { routine = \"200d\"; }; progress = { routine = \"200d\"; }; };\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
    "            { id = \"clinic\"; name = \"Clinic\"; kind = \"other\"; } );\n"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = (" HUB("oak", "Oak", "befriending") "," HUB("elm", "Elm", "food") "," HUB("asc", "Adult Social Care",
                                                                                      "home-care") ");\n";

static void hello_all(void)
{
    talk_hello("gp");
    talk_hello("clinic");
    talk_hello("oak");
    talk_hello("elm");
    talk_hello("asc");
}

static void begin(void)
{
    talk_begin(network);
    hello_all();
}

TestSuite(rights, .init = begin, .fini = talk_end);

/* Person `who`, as a sender who has seed `seed` describes them. */
static void make_person(struct message *message, unsigned who, unsigned seed, enum need need)
{
    struct message other;

    talk_person(message, who, (const enum need[]){need, 0});
    talk_person(&other, seed, (const enum need[]){need, 0});
    message_copy(message, &other, FIELD_request_id);
    message_copy(message, &other, FIELD_correlation_id);
    message_copy(message, &other, FIELD_referral_identifier);
}

static int64_t submit(const char *sender, unsigned who, unsigned seed, enum need need)
{
    struct message message;

    make_person(&message, who, seed, need);
    return talk_say_submit(sender, &message);
}

static bool are_linked(int64_t one, int64_t other, enum link link)
{
    struct referral referral = talk_referral(one);

    for (uint8_t i = 0; i < referral.links_count; i++)
        if (referral.links[i].number == (uint64_t)other && referral.links[i].link == link)
            return true;
    return false;
}

static size_t count_letters(enum message_type type)
{
    return talk_count("gp", type) + talk_count("clinic", type) + talk_count("oak", type) + talk_count("elm", type) +
           talk_count("asc", type);
}

/* ---- the same person behind several doors ---- */

Test(rights, the_same_nhs_number_at_another_door_is_found_and_both_are_told)
{
    struct message message;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    make_person(&message, 1, 2, NEED_FOOD);
    message_set_string(&message, FIELD_family_name, "Married-Name");
    int64_t second = talk_say_submit("clinic", &message);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert(are_linked(second, first, LINK_SAME_PERSON));
    const struct message *told = talk_about("gp", MESSAGE_linked, first);
    cr_assert_eq(message_number(told, FIELD_linked_id), second);
    cr_assert_eq(message_number(told, FIELD_link), LINK_SAME_PERSON);
    cr_assert(talk_text_is(told, FIELD_sender_id, "clinic"));
    told = talk_about("clinic", MESSAGE_linked, second);
    cr_assert_eq(message_number(told, FIELD_linked_id), first);
    cr_assert(talk_text_is(told, FIELD_sender_id, "gp"));
    cr_assert_eq(count_letters(MESSAGE_linked), 2, "no hub has either case");
}

Test(rights, the_same_name_birth_and_postcode_are_the_same_person_however_they_are_written)
{
    struct message message;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    struct text family, given;
    char loud[2][100];

    make_person(&message, 1, 2, NEED_FOOD);
    family = message_text(&message, FIELD_family_name);
    given = message_text(&message, FIELD_given_name);
    snprintf(loud[0], sizeof loud[0], " %.*s-", (int)family.length, family.bytes);
    snprintf(loud[1], sizeof loud[1], "%.*s.", (int)given.length, given.bytes);
    for (char *at = loud[0]; *at; at++)
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
    message_set_string(&message, FIELD_family_name, loud[0]);
    message_set_string(&message, FIELD_given_name, loud[1]);
    message_unset(&message, FIELD_nhs_number);
    message_set_number(&message, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
    message_set_string(&message, FIELD_local_person_id, "C-17");
    cr_assert(are_linked(talk_say_submit("clinic", &message), first, LINK_SAME_PERSON));
}

Test(rights, other_persons_are_not_linked)
{
    struct message message;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    int64_t second = submit("clinic", 2, 2, NEED_FOOD);

    cr_assert_eq(talk_referral(second).links_count, 0);
    make_person(&message, 1, 3, NEED_FOOD); /* a twin */
    message_set_string(&message, FIELD_given_name, "Twin");
    message_unset(&message, FIELD_nhs_number);
    message_set_number(&message, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
    message_set_string(&message, FIELD_local_person_id, "C-18");
    int64_t third = talk_say_submit("clinic", &message);
    cr_assert_eq(talk_referral(third).links_count, 0);
    cr_assert_eq(talk_referral(first).links_count, 0);
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

Test(rights, the_hub_that_has_the_case_is_told_of_the_other)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, first, 1);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    const struct message *told = talk_about("oak", MESSAGE_linked, first);
    cr_assert_eq(message_number(told, FIELD_linked_id), second);
    cr_assert(talk_text_is(told, FIELD_sender_id, "clinic"));
    cr_assert(!message_has(told, FIELD_hub_id), "no hub has it yet");
    told = talk_about("clinic", MESSAGE_linked, second);
    cr_assert(talk_text_is(told, FIELD_hub_id, "oak"), "who has the other case");
    cr_assert_eq(talk_count("elm", MESSAGE_linked), 0, "an offer tells nobody who the person is");
}

Test(rights, both_hubs_are_told_when_the_second_accepts)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, first, 1);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    talk_answer("elm", MESSAGE_accept, second, 1);
    const struct message *told = talk_about("elm", MESSAGE_linked, second);
    cr_assert_eq(message_number(told, FIELD_linked_id), first);
    cr_assert(talk_text_is(told, FIELD_hub_id, "oak"));
    told = talk_about("oak", MESSAGE_linked, first);
    cr_assert_eq(message_number(told, FIELD_linked_id), second);
    cr_assert(talk_text_is(told, FIELD_hub_id, "elm"));
    told = talk_about("gp", MESSAGE_linked, first);
    cr_assert(talk_text_is(told, FIELD_hub_id, "elm"));
    cr_assert_eq(talk_count("clinic", MESSAGE_linked), 0, "it knows already");
    struct message again;
    talk_begin_request(&again, MESSAGE_accept);
    message_set_number(&again, FIELD_referral_id, second);
    message_set_number(&again, FIELD_offer_number, 1);
    talk_say("elm", &again);
    cr_assert_eq(count_letters(MESSAGE_linked), 0, "an answer that is repeated tells nothing twice");
}

Test(rights, of_a_record_that_has_lost_its_link_nobody_is_told)
{
    static struct talk_record older;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, first, 1);
    talk_keep_record(first, &older);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    talk_put_back(first, &older);
    talk_restart(network);
    hello_all();
    talk_answer("elm", MESSAGE_accept, second, 1);
    cr_assert_eq(message_number(talk_about("elm", MESSAGE_linked, second), FIELD_linked_id), first);
    cr_assert_eq(talk_count("oak", MESSAGE_linked), 0);
}

Test(rights, nobody_is_refused_and_nobody_told_without_both_consents)
{
    static const enum consent doubtful[2][2] = {{CONSENT_IN_DOUBT, CONSENT_GIVEN}, {CONSENT_GIVEN, CONSENT_IN_DOUBT}};
    struct message message;

    for (unsigned i = 0; i < 2; i++) {
        make_person(&message, 10 + i, 20 + i, NEED_BEFRIENDING);
        message_set_number(&message, FIELD_consent_to_share, doubtful[i][0]);
        int64_t first = talk_say_submit("gp", &message);
        make_person(&message, 10 + i, 30 + i, NEED_FOOD);
        message_set_number(&message, FIELD_consent_to_share, doubtful[i][1]);
        int64_t second = talk_say_submit("clinic", &message);
        cr_assert(are_linked(first, second, LINK_SAME_PERSON), "operators see it");
        cr_assert_eq(count_letters(MESSAGE_linked), 0);
    }
}

Test(rights, nobody_is_told_after_a_consent_has_run_out)
{
    struct message message;

    make_person(&message, 1, 1, NEED_BEFRIENDING);
    message_set_number(&message, FIELD_consent_expires_on, talk_now / TALK_DAY + 2);
    int64_t first = talk_say_submit("gp", &message);
    talk_wait(2 * TALK_DAY);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    cr_assert_eq(count_letters(MESSAGE_linked), 2, "on its last day it holds");
    talk_wait(TALK_DAY);
    int64_t third = submit("clinic", 1, 3, NEED_FOOD);
    cr_assert(are_linked(third, first, LINK_SAME_PERSON));
    cr_assert(are_linked(third, second, LINK_SAME_PERSON));
    cr_assert(!talk_about("gp", MESSAGE_linked, first));
    cr_assert(talk_about("clinic", MESSAGE_linked, second), "those two still agree");
}

Test(rights, what_one_of_them_keeps_away_from_a_hub_is_not_told_there)
{
    struct message message;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, first, 1);
    make_person(&message, 1, 2, NEED_FOOD);
    struct value *hubs = message_set_list(&message, FIELD_excluded_hub_ids, 1);
    hubs[0] = (struct value){.present = true, .text = {"oak", 3}};
    int64_t second = talk_say_submit("clinic", &message);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
    talk_answer("elm", MESSAGE_accept, second, 1);
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

Test(rights, what_is_kept_away_from_a_hub_that_has_no_part_in_it_is_told)
{
    struct message message;

    talk_submit(1, NEED_BEFRIENDING);
    make_person(&message, 1, 2, NEED_FOOD);
    struct value *hubs = message_set_list(&message, FIELD_excluded_hub_ids, 1);
    hubs[0] = (struct value){.present = true, .text = {"asc", 3}};
    int64_t second = talk_say_submit("clinic", &message);
    cr_assert_eq(count_letters(MESSAGE_linked), 2);
    talk_answer("elm", MESSAGE_accept, second, 1);
    cr_assert_gt(count_letters(MESSAGE_linked), 0);
}

Test(rights, what_the_first_of_them_keeps_away_from_a_hub_is_not_told_when_it_has_the_second)
{
    struct message message;

    make_person(&message, 1, 1, NEED_BEFRIENDING);
    struct value *hubs = message_set_list(&message, FIELD_excluded_hub_ids, 1);
    hubs[0] = (struct value){.present = true, .text = {"elm", 3}};
    talk_say_submit("gp", &message);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    cr_assert_eq(count_letters(MESSAGE_linked), 2);
    talk_answer("elm", MESSAGE_accept, second, 1);
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

Test(rights, what_is_kept_away_from_a_hub_is_not_told_when_that_has_referred_the_person)
{
    struct message message;
    int64_t origin = talk_submit(2, NEED_BEFRIENDING);

    make_person(&message, 1, 1, NEED_FOOD);
    struct value *hubs = message_set_list(&message, FIELD_excluded_hub_ids, 1);
    hubs[0] = (struct value){.present = true, .text = {"oak", 3}};
    int64_t first = talk_say_submit("gp", &message);
    talk_answer("oak", MESSAGE_accept, origin, 1);
    make_person(&message, 1, 3, NEED_HOME_CARE);
    message_set_number(&message, FIELD_onward_from, origin);
    message_set_uuid(&message, FIELD_correlation_id, talk_referral(origin).correlation_id);
    int64_t second = talk_say_submit("oak", &message);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert(!talk_about("gp", MESSAGE_linked, first));
}

Test(rights, a_safeguarding_concern_of_the_first_is_for_operators_too)
{
    struct message message;

    make_person(&message, 1, 1, NEED_FOOD);
    message_set_string(&message, FIELD_safeguarding_code, "878111000000109");
    int64_t first = talk_say_submit("gp", &message);
    cr_assert(are_linked(submit("clinic", 1, 2, NEED_FOOD), first, LINK_SAME_PERSON));
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

Test(rights, who_cannot_consent_is_told_about_in_their_best_interests)
{
    struct message message;

    make_person(&message, 1, 1, NEED_BEFRIENDING);
    message_set_number(&message, FIELD_consent_to_share, CONSENT_BEST_INTERESTS);
    talk_say_submit("gp", &message);
    submit("clinic", 1, 2, NEED_FOOD);
    cr_assert_eq(count_letters(MESSAGE_linked), 2);
}

Test(rights, of_a_case_whose_consent_has_ended_nobody_is_told)
{
    struct message message;

    make_person(&message, 1, 1, NEED_BEFRIENDING);
    message_set_number(&message, FIELD_consent_expires_on, talk_now / TALK_DAY + 2);
    int64_t first = talk_say_submit("gp", &message);
    talk_answer("oak", MESSAGE_accept, first, 1);
    for (int day = 0; day < 4; day++)
        talk_wait(TALK_DAY);
    cr_assert(talk_referral(first).consent_ended);
    talk_now -= 4 * TALK_DAY; /* a clock that goes back does not renew it */
    talk_restart(network);
    hello_all();
    cr_assert(are_linked(submit("clinic", 1, 2, NEED_FOOD), first, LINK_SAME_PERSON));
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

/* ---- one hash, several persons ---- */

/* A number of the test range, with its check digit; false: there is none with these digits. */
static bool write_nhs_number(uint32_t digits, char number[11])
{
    int sum = 0;

    snprintf(number, 11, "999%06u", digits % 1000000);
    for (int i = 0; i < 9; i++)
        sum += (10 - i) * (number[i] - '0');
    number[9] = (char)('0' + (11 - sum % 11) % 11);
    number[10] = 0;
    return number[9] <= '9';
}

struct hashed {
    uint64_t hash;
    uint32_t digits;
};

static int by_lower_half(const void *a, const void *b)
{
    uint32_t left = (uint32_t)((const struct hashed *)a)->hash, right = (uint32_t)((const struct hashed *)b)->hash;

    return left < right ? -1 : left > right;
}

/* Two persons whose hashes have the half in common that memory holds. */
static void find_pair(char pair[2][11])
{
    enum { COUNT = 600000 };
    static struct hashed all[COUNT];
    struct message message;
    uint64_t persons[2];
    uint32_t count = 0;

    message_init(&message, MESSAGE_submit);
    for (uint32_t digits = 0; digits < COUNT; digits++)
        if (write_nhs_number(digits, pair[0])) {
            message_set_string(&message, FIELD_nhs_number, pair[0]);
            person_hash(talk_seal, &message, persons);
            all[count++] = (struct hashed){persons[0], digits};
        }
    qsort(all, count, sizeof all[0], by_lower_half);
    for (uint32_t i = 1; i < count; i++)
        if ((uint32_t)all[i].hash == (uint32_t)all[i - 1].hash) {
            write_nhs_number(all[i - 1].digits, pair[0]);
            write_nhs_number(all[i].digits, pair[1]);
            return;
        }
    cr_assert(false, "no two of them");
}

/* Of the second it is known only by a practice where they live. */
Test(rights, persons_whose_hashes_have_a_half_in_common_are_not_taken_for_one)
{
    char pair[2][11];
    struct message message;

    find_pair(pair);
    for (unsigned i = 0; i < 3; i++) {
        make_person(&message, 1 + i, 1 + i, NEED_BEFRIENDING);
        message_set_string(&message, FIELD_nhs_number, pair[i % 2]);
        message_set_string(&message, FIELD_gp_practice_ods, "Y99999");
        if (i >= 2)
            message_unset(&message, FIELD_postcode);
        cr_assert_eq(talk_referral(talk_say_submit("gp", &message)).links_count, i == 2, "%u", i);
    }
}

Test(rights, a_safeguarding_concern_is_for_operators)
{
    struct message message;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    make_person(&message, 1, 2, NEED_FOOD);
    message_set_string(&message, FIELD_safeguarding_code, "878111000000109");
    int64_t second = talk_say_submit("clinic", &message);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

/* Confirms whatever the party has been sent. */
static void confirm_all(const char *party)
{
    talk_hello(party);
    int64_t last = 0;
    for (size_t i = 0; i < messages_count; i++)
        if (messages[i].direction == PUSH && talk_count(party, messages[i].type)) {
            size_t count = talk_count(party, messages[i].type);
            int64_t number = message_number(talk_heard(party, messages[i].type, count - 1), FIELD_mailbox_number);
            last = number > last ? number : last;
        }
    if (last)
        talk_confirm(party, last);
}

/* The help was given, and its outcome is confirmed. */
static void close(const char *hub, const char *sender, int64_t referral)
{
    talk_answer(hub, MESSAGE_accept, referral, 1);
    talk_answer(hub, MESSAGE_complete, referral, 1);
    confirm_all(sender);
    cr_assert_eq(talk_referral(referral).business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
}

Test(rights, what_has_been_closed_is_not_linked)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    close("oak", "gp", first);
    cr_assert_eq(talk_referral(submit("clinic", 1, 2, NEED_FOOD)).links_count, 0);
}

Test(rights, links_are_as_many_as_a_referral_holds)
{
    int64_t numbers[8];

    for (unsigned i = 0; i < 8; i++)
        numbers[i] = submit(i % 2 ? "gp" : "clinic", 1, 10 + i, NEED_FOOD);
    for (unsigned i = 0; i < 8; i++) {
        struct referral referral = talk_referral(numbers[i]);
        cr_assert_leq(referral.links_count, LINKS_MAX);
        for (uint8_t j = 0; j < referral.links_count; j++)
            cr_assert(are_linked((int64_t)referral.links[j].number, numbers[i], LINK_SAME_PERSON), "each knows both");
    }
    cr_assert_eq(talk_referral(numbers[0]).links_count, LINKS_MAX);
    cr_assert_geq(talk_referral(numbers[7]).links_count, 1, "the newest is found by some");
}

Test(rights, of_two_circles_of_a_person_as_many_are_linked_as_a_referral_holds)
{
    struct message message;

    for (unsigned i = 0; i < 6; i++) {
        make_person(&message, 1, 10 + i, NEED_FOOD);
        if (i % 2) {
            message_unset(&message, FIELD_nhs_number);
            message_set_number(&message, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
            message_set_string(&message, FIELD_local_person_id, "C-17");
        } else {
            message_set_string(&message, FIELD_family_name, "Married-Name");
        }
        talk_say_submit("clinic", &message);
    }
    int64_t newest = submit("gp", 1, 20, NEED_FOOD);
    cr_assert_eq(talk_referral(newest).links_count, LINKS_MAX);
}

Test(rights, of_many_referrals_of_a_person_the_first_are_looked_at)
{
    for (unsigned i = 0; i < 20; i++)
        cr_assert_gt(submit(i % 2 ? "gp" : "clinic", 1, 10 + i, NEED_FOOD), 0);
    cr_assert_eq(talk_totals().stored, 20);
}

Test(rights, the_person_is_recognised_after_a_restart)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_restart(network);
    hello_all();
    cr_assert(are_linked(submit("clinic", 1, 2, NEED_FOOD), first, LINK_SAME_PERSON));
    cr_assert(talk_about("gp", MESSAGE_linked, first));
    talk_restart(network);
    hello_all();
    talk_hello("gp");
    cr_assert(talk_about("gp", MESSAGE_linked, first), "not confirmed, so it is told again");
}

Test(rights, a_link_stands_in_both_histories)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);
    struct entry entry;

    cr_assert(talk_entry(EVENT_LINKED, &entry, NULL));
    cr_assert_eq(entry.referral, (uint64_t)second);
    cr_assert_eq(entry.linked, (uint64_t)first);
    cr_assert_eq(entry.link, LINK_SAME_PERSON);
    cr_assert_eq(talk_referral(second).history, entry.sequence);
    cr_assert_eq(talk_referral(first).history, entry.sequence - 1);
}

/* ---- a hub refers on ---- */

/* A need that the hub found in its case: the same story. */
static void make_onward(struct message *message, int64_t origin, unsigned seed)
{
    talk_person(message, seed, (const enum need[]){NEED_HOME_CARE, 0});
    message_set_number(message, FIELD_onward_from, origin);
    message_set_uuid(message, FIELD_correlation_id, talk_referral(origin).correlation_id);
}

Test(rights, a_hub_refers_its_case_on_and_the_first_sender_is_told)
{
    int64_t origin = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    talk_answer("oak", MESSAGE_accept, origin, 1);
    make_onward(&message, origin, 2);
    int64_t onward = talk_say_submit("oak", &message);
    cr_assert(are_linked(origin, onward, LINK_ONWARD));
    cr_assert(are_linked(onward, origin, LINK_ORIGIN));
    const struct message *told = talk_about("gp", MESSAGE_linked, origin);
    cr_assert_eq(message_number(told, FIELD_link), LINK_ONWARD);
    cr_assert_eq(message_number(told, FIELD_linked_id), onward);
    cr_assert_eq(talk_about("asc", MESSAGE_offer, onward) != NULL, true);
    talk_answer("asc", MESSAGE_accept, onward, 1);
    told = talk_about("asc", MESSAGE_linked, onward);
    cr_assert_eq(message_number(told, FIELD_link), LINK_ORIGIN);
    cr_assert(talk_text_is(told, FIELD_hub_id, "oak"));
    told = talk_about("gp", MESSAGE_linked, origin);
    cr_assert(talk_text_is(told, FIELD_hub_id, "asc"));
}

Test(rights, the_same_person_referred_on_is_linked_once)
{
    int64_t origin = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    talk_answer("oak", MESSAGE_accept, origin, 1);
    make_onward(&message, origin, 1);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[16]){5});
    int64_t onward = talk_say_submit("oak", &message);
    cr_assert_eq(talk_referral(onward).links_count, 1);
    cr_assert_eq(talk_referral(onward).links[0].link, LINK_ORIGIN);
}

Test(rights, nobody_refers_on_what_is_not_theirs)
{
    int64_t origin = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    make_onward(&message, origin, 2);
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NOT_FOUND, "it has not accepted");
    cr_assert(talk_text_is(talk_heard("oak", MESSAGE_refused, 0), FIELD_field, "onward_from"));
    talk_answer("oak", MESSAGE_accept, origin, 1);
    talk_say("elm", &message);
    cr_assert_eq(talk_refused("elm"), REFUSAL_NOT_FOUND);
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NOT_FOUND, "its sender has no case");
    message_set_uuid(&message, FIELD_correlation_id, (const uint8_t[16]){6});
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NOT_FOUND, "another story");
    message_set_number(&message, FIELD_onward_from, 999);
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NOT_FOUND);
    cr_assert_eq(talk_totals().stored, 1);
}

/* ---- who is shown a person ---- */

static enum refusal about(const char *party, enum message_type type, int64_t referral, const char *note)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_note, note);
    talk_say(party, &message);
    return talk_refused(party);
}

Test(rights, who_is_shown_a_person_stands_in_the_history)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct referral before = talk_referral(referral);
    struct entry entry;

    cr_assert_eq(about(TALK_OPERATOR, MESSAGE_reveal, referral, "the son called"), REFUSAL_NONE);
    cr_assert(talk_entry(EVENT_REVEALED, &entry, NULL));
    cr_assert_eq(entry.referral, (uint64_t)referral);
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, TALK_OPERATOR));
    cr_assert_eq(entry.letters_count, 0, "nobody is told");
    cr_assert_eq(talk_referral(referral).history, entry.sequence);
    cr_assert_eq(talk_referral(referral).state, before.state);
    cr_assert_eq(talk_referral(referral).deadline, before.deadline);
    cr_assert_eq(about(PRIVACY, MESSAGE_reveal, referral, "a subject access request"), REFUSAL_NONE);
    cr_assert(talk_entry(EVENT_REVEALED, &entry, NULL));
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, PRIVACY));
    cr_assert_eq(about(TALK_OPERATOR, MESSAGE_reveal, 999, "who?"), REFUSAL_NOT_FOUND);
}

Test(rights, the_same_reveal_twice_is_recorded_once)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    talk_begin_request(&message, MESSAGE_reveal);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_note, "the son called");
    talk_say(TALK_OPERATOR, &message);
    uint64_t sequence = talk_head().sequence;
    talk_restart(network);
    talk_say(TALK_OPERATOR, &message);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_done, 0), FIELD_duplicate), 1);
    cr_assert_eq(talk_head().sequence, sequence);
    message_set_string(&message, FIELD_note, "another reason");
    talk_say(TALK_OPERATOR, &message);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_CONFLICT);
}

/* ---- erasing ---- */

/* Everything that the store holds, opened as far as it can be: a text that grows. */
static struct heap {
    uint8_t *bytes;
    size_t length;
    size_t size;
} heap;

static void heap_add(const void *bytes, size_t length)
{
    while (heap.length + length > heap.size) {
        heap.size = heap.size ? 2 * heap.size : 1 << 20;
        heap.bytes = realloc(heap.bytes, heap.size);
        cr_assert(heap.bytes);
    }
    memcpy(heap.bytes + heap.length, bytes, length);
    heap.length += length;
}

static bool heap_has(const void *bytes, size_t length)
{
    return memmem(heap.bytes, heap.length, bytes, length) != NULL;
}

/* As it is, or in the bits in which a record holds it: all but the last byte, which holds part of what follows. */
static bool heap_has_text(struct text text)
{
    uint8_t bits[4096];
    size_t size = prose_size(text.bytes, text.length);

    if (heap_has(text.bytes, text.length))
        return true;
    cr_assert_leq(size, sizeof bits);
    prose_write(text.bytes, text.length, bits);
    return size > 6 && heap_has(bits, size - 1); /* fewer are anywhere by chance */
}

/* What can be read as a message, in whole texts. */
static void heap_add_message(const uint8_t *plain, size_t length)
{
    static uint8_t room[MESSAGE_BYTES_MAX], frame[MESSAGE_BYTES_MAX];
    static struct message message;

    if (record_read_message(plain, length, &message, room, sizeof room))
        heap_add(frame, encode(&message, frame, sizeof frame));
}

static void heap_add_plain(const uint8_t *plain, size_t length)
{
    heap_add(plain, length);
    heap_add_message(plain, length);
    if (length > SEAL_KEY_BYTES)
        heap_add_message(plain + SEAL_KEY_BYTES, length - SEAL_KEY_BYTES);
}

#define KEYS_MAX 100
static uint8_t keys[KEYS_MAX][SEAL_KEY_BYTES]; /* every key that stands in the store, whatever it is for */
static size_t keys_count;

/* Under the store's key, or any of the others, for any place and number that it could have been sealed for. */
static void open_and_add(enum table table, uint64_t key, const uint8_t *bytes, size_t length)
{
    static uint8_t plain[1 << 17];

    heap_add(bytes, length);
    if (length < SEAL_OVERHEAD)
        return;
    if (unseal_bytes(talk_seal, (int)table, key, bytes, length, plain))
        heap_add_plain(plain, length - SEAL_OVERHEAD);
    for (size_t i = 0; i < keys_count; i++)
        if (unseal_bytes_with(keys[i], (int)table, key, bytes, length, plain))
            heap_add_plain(plain, length - SEAL_OVERHEAD);
}

static void open_said(uint64_t sequence, const uint8_t *sealed, size_t length)
{
    static uint8_t plain[1 << 17];
    struct entry entry;
    const void *said = NULL;
    size_t said_length = 0;

    cr_assert(unseal_bytes(talk_seal, TABLE_HISTORY, sequence, sealed, length, plain));
    cr_assert(record_read_entry(plain, length - SEAL_OVERHEAD, &entry, &said, &said_length));
    if (said)
        open_and_add(TABLE_HISTORY, sequence, said, said_length);
}

/* Each row of each table: as it stands, and opened with whatever key there is. */
static void walk(void (*look)(enum table, uint64_t key, const uint8_t *bytes, size_t length))
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;
    size_t length = 0;

    for (int table = 0; table < TABLE_COUNT; table++) {
        uint64_t key = 0;
        while (store_seek(talk_store, transaction, (enum table)table, false, &key, &bytes, &length) == STORE_OK) {
            look((enum table)table, key, bytes, length);
            if (key++ == UINT64_MAX)
                break;
        }
    }
    store_abort(talk_store, &transaction);
}

static void find_key(enum table table, uint64_t key, const uint8_t *bytes, size_t length)
{
    static uint8_t plain[1 << 17];

    if (table == TABLE_CONTENT && keys_count < KEYS_MAX &&
        unseal_bytes(talk_seal, TABLE_CONTENT, key, bytes, length, plain))
        memcpy(keys[keys_count++], plain, SEAL_KEY_BYTES);
}

static void look_into(enum table table, uint64_t key, const uint8_t *bytes, size_t length)
{
    open_and_add(table, key, bytes, length);
    if (table == TABLE_HISTORY)
        open_said(key, bytes, length);
}

static void read_whole_store(void)
{
    keys_count = 0;
    heap.length = 0;
    walk(find_key);
    walk(look_into);
}

#define NEEDLES_MAX 100
static struct text needles[NEEDLES_MAX];
static size_t needles_count;

static void add_needle(struct text text)
{
    cr_assert_lt(needles_count, NEEDLES_MAX);
    if (text.length >= 4)
        needles[needles_count++] = text;
}

/* Every text that the message says about the person, but for what is a code of the network's. */
static void add_texts(const struct message *message)
{
    for (int f = FIELD_referral_identifier; f <= FIELD_outcome_scores; f++) {
        if (!message_has(message, (enum field)f) || f == FIELD_neighbourhood_code || f == FIELD_referral_code ||
            f == FIELD_requested_service_id || f == FIELD_safeguarding_code || f == FIELD_language)
            continue;
        const struct value *value = message_value_of(message, (enum field)f);
        switch (fields[f].kind) {
        case KIND_TEXT:
        case KIND_PHONE:
        case KIND_EMAIL:
        case KIND_POSTCODE:
        case KIND_NHS_NUMBER:
            add_needle(value->text);
            break;
        case KIND_TEXTS:
            for (size_t i = 0; i < message_list_count(message, f); i++)
                add_needle(message_element(message, f, i)->text);
            break;
        case KIND_RECORDS:
            for (size_t i = 0; i < message_list_count(message, f); i++)
                for (size_t m = 0; m < records[fields[f].of].count; m++)
                    if (records[fields[f].of].members[m].kind == KIND_TEXT && message_member(message, f, i, m)->present)
                        add_needle(message_member(message, f, i, m)->text);
            break;
        default:
            break;
        }
    }
}

static size_t needles_found(void)
{
    size_t found = 0;

    read_whole_store();
    for (size_t i = 0; i < needles_count; i++)
        found += heap_has_text(needles[i]);
    return found;
}

/* As a record holds it. */
static bool heap_has_number(uint64_t number)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    return heap_has(bytes, sizeof bytes);
}

static void ask_about(struct message *message, int64_t referral)
{
    talk_begin_request(message, MESSAGE_enquire);
    message_set_string(message, FIELD_hub_id, "asc");
    message_set_number(message, FIELD_referral_id, referral);
    message_set_string(message, FIELD_family_name, "Asked-About");
    message_set_string(message, FIELD_given_name, "Somebody");
    message_set_number(message, FIELD_date_of_birth, -9000);
    message_set_string(message, FIELD_note, "is home care arranged for this person?");
    talk_say("oak", message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NONE);
}

static void answer_asked(struct message *message, int64_t enquiry)
{
    talk_begin_request(message, MESSAGE_answer_enquiry);
    message_set_number(message, FIELD_enquiry_id, enquiry);
    message_set_number(message, FIELD_known, KNOWN_YES);
    message_set_string(message, FIELD_contact, "ask for worker Placeholder");
    message_set_string(message, FIELD_note, "carers come twice a week");
    talk_say("asc", message);
    cr_assert_eq(talk_refused("asc"), REFUSAL_NONE);
}

static void make_about(struct message *message, enum message_type type, int64_t referral, const char *note)
{
    talk_begin_request(message, type);
    message_set_number(message, FIELD_referral_id, referral);
    message_set_string(message, FIELD_note, note);
}

/* Everything that can be said about a person in one referral is said; returns its number. */
static int64_t tell_everything(void)
{
    static struct message said[7];
    size_t count = 0;

    needles_count = 0;
    make_person(&said[count], 1, 1, NEED_BEFRIENDING);
    int64_t referral = talk_say_submit("gp", &said[count++]);
    talk_answer("oak", MESSAGE_accept, referral, 1);
    talk_answer("oak", MESSAGE_start, referral, 1);
    make_about(&said[count], MESSAGE_progress, referral, "sleeps badly since the fall");
    message_set_number(&said[count], FIELD_offer_number, 1);
    talk_say("oak", &said[count++]);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NONE);
    /* Behind it: what was said before an update can be read after it. */
    make_about(&said[count], MESSAGE_update, referral, "the daughter moved away");
    message_set_string(&said[count], FIELD_phone, "01632960777");
    message_set_string(&said[count], FIELD_what_matters, "to see the sea again");
    talk_say("gp", &said[count++]);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NONE);
    ask_about(&said[count++], referral);
    answer_asked(&said[count++], message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id));
    make_about(&said[count], MESSAGE_reveal, referral, "the neighbour complained about noise");
    talk_say(TALK_OPERATOR, &said[count++]);
    make_about(&said[count], MESSAGE_complete, referral, "joined the walking group");
    message_set_number(&said[count], FIELD_offer_number, 1);
    message_set_number(&said[count], FIELD_outcome, OUTCOME_GOT_HELP);
    talk_say("oak", &said[count++]);
    for (size_t i = 0; i < count; i++) {
        add_texts(&said[i]);
        if (message_has(&said[i], FIELD_note))
            add_needle(message_text(&said[i], FIELD_note));
        if (message_has(&said[i], FIELD_contact))
            add_needle(message_text(&said[i], FIELD_contact));
    }
    confirm_all("gp");
    return referral;
}

Test(rights, after_an_erasure_nothing_about_the_person_can_be_read_from_any_row_of_the_store)
{
    int64_t referral = tell_everything();
    uint64_t persons[2];

    memcpy(persons, talk_referral(referral).persons, sizeof persons);
    cr_assert(persons[0] && persons[1]);
    /* What an update has replaced cannot be read even before. */
    size_t before = needles_found();
    cr_assert_geq(before, needles_count - 2, "%zu of %zu are stored, or this test looks in vain", before,
                  needles_count);
    cr_assert_geq(needles_count, 25);
    cr_assert(heap_has_number(persons[0]) && heap_has_number(persons[1]));
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for by the person"), REFUSAL_NONE);
    for (int start = 0; start < 2; start++) {
        read_whole_store();
        for (size_t i = 0; i < needles_count; i++)
            cr_assert(!heap_has_text(needles[i]), "\"%.*s\" can be read", (int)needles[i].length, needles[i].bytes);
        cr_assert(!heap_has_number(persons[0]) && !heap_has_number(persons[1]));
        cr_assert_eq(keys_count, 0);
        talk_restart(network);
    }
    free(heap.bytes);
    heap = (struct heap){0};
}

Test(rights, other_persons_can_be_read_after_an_erasure)
{
    int64_t erased = talk_submit(1, NEED_BEFRIENDING);
    int64_t other = talk_submit(2, NEED_BEFRIENDING);

    close("oak", "gp", erased);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, erased, "asked for"), REFUSAL_NONE);
    talk_answer("oak", MESSAGE_accept, other, 1);
    cr_assert(talk_about("oak", MESSAGE_person, other));
}

Test(rights, what_is_left_of_an_erased_referral_is_about_nobody)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct entry entry;

    close("oak", "gp", referral);
    struct referral before = talk_referral(referral);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    struct referral after = talk_referral(referral);
    cr_assert(after.erased);
    cr_assert_eq(after.state, before.state);
    cr_assert_eq(after.business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert_eq(after.profile.needs, before.profile.needs, "what was needed is still counted");
    cr_assert_str_eq(after.neighbourhood_code, "north");
    cr_assert_eq(after.profile.age, 0);
    cr_assert_eq(after.profile.gender, 0);
    cr_assert_eq(after.profile.risks, 0);
    cr_assert_eq(after.profile.adjustments, 0);
    cr_assert(!position_known(after.profile.position));
    cr_assert_eq(after.offers_count, 1);
    cr_assert(talk_entry(EVENT_ERASED, &entry, NULL));
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, PRIVACY));
    cr_assert_eq(after.history, entry.sequence);
    cr_assert_eq(talk_totals().stored, 1);
    cr_assert_eq(talk_totals().closed, 1);
    cr_assert_eq(talk_totals().damaged, 0);
    talk_restart(network);
    cr_assert_eq(talk_totals().damaged, 0);
    cr_assert_eq(talk_totals().closed, 1);
}

Test(rights, an_erased_referral_leads_to_no_other_of_the_person)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    int64_t second = submit("clinic", 1, 2, NEED_FOOD);

    close("oak", "gp", first);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, first, "asked for"), REFUSAL_NONE);
    cr_assert_eq(talk_referral(first).links_count, 0);
    talk_answer("elm", MESSAGE_accept, second, 1);
    cr_assert_eq(count_letters(MESSAGE_linked), 0);
}

Test(rights, everybody_who_knew_the_person_is_told)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    talk_answer("oak", MESSAGE_accept, referral, 1);
    ask_about(&message, referral);
    int64_t enquiry = message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id);
    talk_answer("oak", MESSAGE_complete, referral, 1);
    confirm_all("gp");
    cr_assert_eq(talk_totals().enquiries_open, 1);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    cr_assert(talk_about("gp", MESSAGE_erased, referral));
    cr_assert(talk_about("oak", MESSAGE_erased, referral));
    cr_assert_eq(message_number(talk_heard("asc", MESSAGE_erased, 0), FIELD_enquiry_id), enquiry);
    cr_assert(!message_has(talk_heard("asc", MESSAGE_erased, 0), FIELD_referral_id));
    cr_assert_eq(talk_count("elm", MESSAGE_erased), 0);
    cr_assert_eq(talk_count("clinic", MESSAGE_erased), 0);
    cr_assert_eq(talk_totals().enquiries_open, 0);
    talk_begin_request(&message, MESSAGE_answer_enquiry);
    message_set_number(&message, FIELD_enquiry_id, enquiry);
    message_set_number(&message, FIELD_known, KNOWN_NO);
    talk_say("asc", &message);
    cr_assert_eq(talk_refused("asc"), REFUSAL_ERASED);
    talk_wait(40 * TALK_DAY);
    cr_assert_eq(talk_count("oak", MESSAGE_enquiry_answered), 0);
}

Test(rights, only_what_is_closed_can_be_erased_and_only_once)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_STILL_OPEN);
    talk_answer("oak", MESSAGE_accept, referral, 1);
    cr_assert(talk_about("oak", MESSAGE_person, referral), "nothing was erased");
    talk_answer("oak", MESSAGE_complete, referral, 1);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_STILL_OPEN, "it is not confirmed");
    confirm_all("gp");
    make_about(&message, MESSAGE_erase, referral, "asked for");
    talk_say(PRIVACY, &message);
    cr_assert_eq(message_number(talk_heard(PRIVACY, MESSAGE_done, 0), FIELD_duplicate), 0);
    uint64_t sequence = talk_head().sequence;
    talk_restart(network);
    talk_say(PRIVACY, &message);
    cr_assert_eq(message_number(talk_heard(PRIVACY, MESSAGE_done, 0), FIELD_duplicate), 1);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "once more"), REFUSAL_ERASED);
    cr_assert_eq(about(PRIVACY, MESSAGE_reveal, referral, "who was it?"), REFUSAL_ERASED);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, 999, "asked for"), REFUSAL_NOT_FOUND);
    cr_assert_eq(talk_head().sequence, sequence);
}

Test(rights, the_reason_outlives_the_person)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);

    close("oak", "gp", referral);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "letter of 3 November"), REFUSAL_NONE);
    read_whole_store();
    cr_assert(heap_has("letter of 3 November", 20));
    free(heap.bytes);
    heap = (struct heap){0};
}

Test(rights, what_is_still_owed_goes_out_without_the_person)
{
    int64_t referral;

    talk_restart(network);
    talk_hello("gp");
    referral = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, referral, 1); /* it only asks: nobody takes its mailbox */
    talk_answer("oak", MESSAGE_complete, referral, 1);
    confirm_all("gp");
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    for (int start = 0; start < 2; start++) {
        talk_hello("oak");
        cr_assert_eq(talk_count("oak", MESSAGE_offer) + talk_count("oak", MESSAGE_person), 0);
        cr_assert_eq(talk_count("oak", MESSAGE_withdrawn), 2);
        cr_assert_eq(talk_count("oak", MESSAGE_erased), 1);
        cr_assert_eq(message_number(talk_heard("oak", MESSAGE_erased, 0), FIELD_mailbox_number), 3, "without gaps");
        talk_restart(network);
    }
}

Test(rights, what_waits_for_room_in_a_window_goes_out_without_the_person)
{
    int64_t referral;

    talk_options.window = 1;
    talk_restart(network);
    hello_all();
    talk_submit(2, NEED_BEFRIENDING); /* its offer takes the room that there is */
    referral = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, referral, 1);
    talk_answer("oak", MESSAGE_complete, referral, 1);
    for (int64_t number = 1; talk_referral(referral).business_status != BUSINESS_CLOSED_ACKNOWLEDGED; number++)
        talk_confirm("gp", number);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    for (int64_t number = 1; number < 3; number++) {
        talk_confirm("oak", number);
        cr_assert_eq(talk_count("oak", MESSAGE_withdrawn), 1);
        cr_assert_eq(message_number(talk_heard("oak", MESSAGE_withdrawn, 0), FIELD_mailbox_number), number + 1);
    }
}

Test(rights, a_question_about_the_person_that_is_still_owed_goes_out_as_erased)
{
    struct message message;
    int64_t referral, enquiry;

    talk_restart(network);
    talk_hello("gp");
    referral = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, referral, 1);
    ask_about(&message, referral);
    enquiry = message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id);
    talk_answer("oak", MESSAGE_complete, referral, 1);
    confirm_all("gp");
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    talk_hello("asc");
    cr_assert_eq(talk_count("asc", MESSAGE_enquiry), 0);
    cr_assert_eq(talk_count("asc", MESSAGE_erased), 2);
    for (int64_t i = 0; i < 2; i++) {
        const struct message *told = talk_heard("asc", MESSAGE_erased, (size_t)i);
        cr_assert_eq(message_number(told, FIELD_enquiry_id), enquiry);
        cr_assert_eq(message_number(told, FIELD_mailbox_number), i + 1);
    }
}

Test(rights, an_erasure_leaves_the_enquiries_of_others)
{
    struct message message;
    int64_t erased = talk_submit(1, NEED_BEFRIENDING);
    int64_t other = talk_submit(2, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, other, 1);
    ask_about(&message, other);
    int64_t enquiry = message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id);
    close("oak", "gp", erased);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, erased, "asked for"), REFUSAL_NONE);
    answer_asked(&message, enquiry);
    cr_assert_eq(talk_count("oak", MESSAGE_enquiry_answered), 1);
}

/* The daemon dies in the commit of this; the next start finds it stored, or does not. */
static void die_saying(const char *party, enum role role, const struct message *message, bool stored)
{
    static struct spoken spoken;
    struct decoder *decoder = decoder_open();
    struct fault fault;

    cr_assert(speak(&spoken, decoder, 1, role, party, message, &fault));
    talk_faults.next_commit = stored ? MEMORY_FAULT_UNKNOWN_STORED : MEMORY_FAULT_UNKNOWN_LOST;
    outbox_clear(&talk_outbox);
    cr_assert_eq(turn_run(talk_turn, talk_now, &spoken.request, 1, &talk_outbox), STORE_UNKNOWN);
    talk_restart(network);
    hello_all();
    decoder_close(&decoder);
}

Test(rights, whoever_dies_while_erasing_has_erased_all_or_nothing)
{
    int64_t referral = tell_everything();
    struct message message;

    size_t before = needles_found();
    make_about(&message, MESSAGE_erase, referral, "asked for");
    die_saying(PRIVACY, ROLE_PRIVACY_OFFICER, &message, false);
    cr_assert_eq(needles_found(), before);
    cr_assert(!talk_referral(referral).erased);
    die_saying(PRIVACY, ROLE_PRIVACY_OFFICER, &message, true);
    cr_assert_eq(needles_found(), 0);
    cr_assert(talk_referral(referral).erased);
    talk_say(PRIVACY, &message);
    cr_assert_eq(message_number(talk_heard(PRIVACY, MESSAGE_done, 0), FIELD_duplicate), 1);
    free(heap.bytes);
    heap = (struct heap){0};
}

Test(rights, whoever_dies_while_linking_has_linked_both_or_neither)
{
    int64_t first = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    make_person(&message, 1, 2, NEED_FOOD);
    die_saying("clinic", ROLE_SENDER, &message, false);
    cr_assert_eq(talk_referral(first).links_count, 0);
    die_saying("clinic", ROLE_SENDER, &message, true);
    int64_t second = talk_say_submit("clinic", &message);
    cr_assert_eq(message_number(talk_heard("clinic", MESSAGE_committed, 0), FIELD_duplicate), 1);
    cr_assert(are_linked(first, second, LINK_SAME_PERSON));
    cr_assert(are_linked(second, first, LINK_SAME_PERSON));
    talk_hello("gp");
    cr_assert_eq(talk_count("gp", MESSAGE_linked), 1);
}

Test(rights, an_erased_submit_that_is_repeated_is_not_done_again)
{
    struct message message;

    make_person(&message, 1, 1, NEED_BEFRIENDING);
    int64_t referral = talk_say_submit("gp", &message);
    close("oak", "gp", referral);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    cr_assert_eq(talk_say_submit("gp", &message), referral);
    cr_assert_eq(message_number(talk_heard("gp", MESSAGE_committed, 0), FIELD_duplicate), 1);
    cr_assert_eq(talk_referral(submit("clinic", 1, 2, NEED_FOOD)).links_count, 0, "nobody knows them any more");
}

Test(rights, nobody_refers_on_or_asks_for_whom_was_erased)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    close("oak", "gp", referral);
    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    make_onward(&message, referral, 2);
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_ERASED);
    talk_begin_request(&message, MESSAGE_enquire);
    message_set_string(&message, FIELD_hub_id, "asc");
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_ERASED);
}

static uint8_t chain[SEAL_HASH_BYTES];
static uint64_t entries;

static void add_to_chain(enum table table, uint64_t key, const uint8_t *bytes, size_t length)
{
    static uint8_t plain[1 << 17];

    if (table != TABLE_HISTORY)
        return;
    cr_assert_eq(key, ++entries);
    cr_assert(unseal_bytes(talk_seal, TABLE_HISTORY, key, bytes, length, plain));
    seal_chain(chain, plain, length - SEAL_OVERHEAD, chain);
}

Test(rights, the_history_verifies_after_an_erasure)
{
    int64_t referral = tell_everything();

    cr_assert_eq(about(PRIVACY, MESSAGE_erase, referral, "asked for"), REFUSAL_NONE);
    memset(chain, 0, sizeof chain);
    entries = 0;
    walk(add_to_chain);
    struct head head = talk_head();
    cr_assert_eq(entries, head.sequence);
    cr_assert_eq(memcmp(chain, head.chain, sizeof chain), 0);
}
