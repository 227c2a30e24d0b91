/* SPDX-License-Identifier: MIT
 * The forms of single values, and the rules between the fields of a request. */
#include "proto/check.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
#define NOW_MS (PEOPLE_AUTHORED_MS + 2 * MINUTE_MS)
#define TEXT(string) ((struct text){string, sizeof(string) - 1})

static struct text text_of(const char *string)
{
    return (struct text){string, (uint32_t)strlen(string)};
}

/* Small and seeded, so that a failure can be run again. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(check, an_nhs_number_has_ten_digits_and_the_right_last_one)
{
    char normal[11];

    cr_assert(check_nhs_number(TEXT("9990000018"), normal));
    cr_assert(check_nhs_number(TEXT("999 000 0018"), normal));
    cr_assert_str_eq(normal, "9990000018");
    for (unsigned check = 0; check < 10; check++) {
        char number[13];

        snprintf(number, sizeof number, "999 123 456%u", check % 10);
        cr_assert_not(check_nhs_number(text_of(number), normal), "the arithmetic gives 10: no such number exists");
    }
    cr_assert_not(check_nhs_number(TEXT(""), normal));
    cr_assert_not(check_nhs_number(TEXT("99900000"), normal));
    cr_assert_not(check_nhs_number(TEXT("99 9000 0018"), normal), "spaces stand as 3-3-4");
    cr_assert_not(check_nhs_number(TEXT("999-000-0018"), normal));
    cr_assert_not(check_nhs_number(TEXT("0000000000"), normal));
}

Test(check, an_nhs_number_is_brought_into_normal_form)
{
    struct message person;
    char spaced[16];
    char normal[11];

    person_submit(&person, 7, PEOPLE_POSTCODE);
    snprintf(spaced, sizeof spaced, "%.3s %.3s %.4s", person.nhs_number, person.nhs_number + 3, person.nhs_number + 6);
    cr_assert(check_nhs_number(text_of(spaced), normal));
    cr_assert_str_eq(normal, person.nhs_number);
}

Test(check, any_one_wrong_digit_of_an_nhs_number_is_noticed)
{
    for (unsigned seed = 0; seed < 200; seed++) {
        struct message person;

        person_submit(&person, seed, PEOPLE_POSTCODE);
        for (size_t i = 0; i < 10; i++) {
            char wrong[11];
            char normal[11];

            memcpy(wrong, person.nhs_number, sizeof wrong);
            wrong[i] = wrong[i] == '9' ? '0' : wrong[i] + 1;
            cr_assert_not(check_nhs_number(text_of(wrong), normal));
        }
    }
}

Test(check, a_postcode_is_brought_into_normal_form)
{
    static const char *const forms[][2] = {{"pl11ae", "PL1 1AE"}, {"PL1 1AE", "PL1 1AE"},   {"m1 1aa", "M1 1AA"},
                                           {"M601NW", "M60 1NW"}, {"CR2 6XH", "CR2 6XH"},   {"dn551pt", "DN55 1PT"},
                                           {"W1A1HQ", "W1A 1HQ"}, {"ec1a 1bb", "EC1A 1BB"}, {"gir0aa", "GIR 0AA"}};
    char normal[10];

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cr_assert(check_postcode(text_of(forms[i][0]), normal), "%s", forms[i][0]);
        cr_assert_str_eq(normal, forms[i][1]);
    }
}

Test(check, what_is_no_postcode_is_refused)
{
    static const char *const others[] = {"",        "PL1",      "PL1  1AE",  "P L11AE", "PL1 1CE", "QL1 1AE",
                                         "PL1 AAE", "PLY1 1AE", "PL111 1AE", "11 1AE",  "PL1-1AE", "PL1 1A\xc3",
                                         "P1 1A",   "  1AE",    "PL 1AE",    "AI1 1AE", "PL11AEAN"};
    char normal[10];

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(check_postcode(text_of(others[i]), normal), "%s", others[i]);
    cr_assert_not(check_postcode((struct text){"PL1\0001AE", 7}, normal));
}

Test(check, simple_forms)
{
    cr_assert(check_id(TEXT("hub-1.west_2")));
    cr_assert_not(check_id(TEXT("")));
    cr_assert_not(check_id(TEXT("two words")));
    cr_assert(check_phone(TEXT("+441632960001")));
    cr_assert_not(check_phone(TEXT("")));
    cr_assert_not(check_phone(TEXT("+")));
    cr_assert_not(check_phone(TEXT("01632 960001")));
    cr_assert_not(check_phone(TEXT("4+4")));
    cr_assert(check_email(TEXT("a.b+c@example.org")));
    cr_assert_not(check_email(TEXT("a.b.example.org")));
    cr_assert_not(check_email(TEXT("@example.org")));
    cr_assert_not(check_email(TEXT("a@")));
    cr_assert_not(check_email(TEXT("a@b@c")));
    cr_assert_not(check_email(TEXT("a@b..c")));
    cr_assert_not(check_email(TEXT("a@.c")));
    cr_assert_not(check_email(TEXT("a@c.")));
    cr_assert_not(check_email(TEXT("a b@example.org")));
    cr_assert_not(check_email(TEXT("a\x7f"
                                   "b@example.org")));
    cr_assert_not(check_email(TEXT("")));
    cr_assert(check_ods(TEXT("Y99999")));
    cr_assert_not(check_ods(TEXT("y99999")));
    cr_assert(check_digits(TEXT("0123456789")));
    cr_assert_not(check_digits(TEXT("12a")));
}

Test(check, a_mailbox_has_at_most_64_characters)
{
    char address[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@example.org";

    cr_assert_not(check_email(text_of(address)), "it has 65");
    cr_assert(check_email(text_of(address + 1)));
}

Test(check, characters_are_counted_not_bytes)
{
    size_t characters;

    cr_assert(check_utf8(TEXT("Zoë \xe2\x82\xac \xf0\x9f\x98\x80 plain text that is long"), false, &characters));
    cr_assert_eq(characters, 31);
    cr_assert(check_utf8(TEXT(""), false, &characters));
    cr_assert_eq(characters, 0);
}

Test(check, what_is_not_utf8_is_refused_wherever_it_stands)
{
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xff",
                                      "\xe2\x82",
                                      "\xc3(",
                                      "\x1b[31m",
                                      "\x7f",
                                      "\xc2\x80",
                                      "\xc2\x9f",
                                      "\r",
                                      "\x01",
                                      "\xf5\x80\x80\x80"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t before = 0; before < 20; before++) {
            char bytes[64];
            size_t characters;
            int length = snprintf(bytes, sizeof bytes, "%.*s%s", (int)before, "abcdefghijklmnopqrstuvwxyz", bad[i]);

            cr_assert_not(check_utf8((struct text){bytes, (uint32_t)length}, true, &characters), "%zu", i);
            length = snprintf(bytes, sizeof bytes, "%s%.*s", bad[i], (int)before, "abcdefghijklmnopqrstuvwxyz");
            cr_assert_not(check_utf8((struct text){bytes, (uint32_t)length}, true, &characters), "%zu", i);
        }
    }
}

Test(check, lines_are_allowed_only_where_the_field_may_have_them)
{
    size_t characters;

    cr_assert(check_utf8(TEXT("one\n\ttwo"), true, &characters));
    cr_assert_not(check_utf8(TEXT("one\ntwo"), false, &characters));
    cr_assert_not(check_utf8(TEXT("one\0two"), true, &characters));
}

Test(check, a_uuid_is_read_in_any_case_and_written_in_lower_case)
{
    uint8_t uuid[UUID_BYTES];
    char out[UUID_TEXT_BYTES + 1];

    cr_assert(uuid_parse(TEXT("01234567-89AB-cdef-0123-456789abcDEF"), uuid));
    uuid_format(uuid, out);
    cr_assert_str_eq(out, "01234567-89ab-cdef-0123-456789abcdef");
    cr_assert_not(uuid_parse(TEXT("01234567-89AB-cdef-0123-456789abcDE"), uuid));
    cr_assert_not(uuid_parse(TEXT("01234567-89AB-cdef-0123-456789abcDEG"), uuid));
    cr_assert_not(uuid_parse(TEXT("01234567089AB-cdef-0123-456789abcDEF"), uuid));
    cr_assert_not(uuid_parse(TEXT("0123456-789AB-cdef-0123-456789abcDEF"), uuid));
}

Test(check, a_referral_id_comes_back_and_any_one_wrong_digit_is_noticed)
{
    uint64_t state = 20261122;

    for (int i = 0; i < 2000; i++) {
        uint64_t number = (next_random(&state) >> (1 + i % 60)) | 1;
        char id[REFERRAL_ID_BYTES_MAX];
        uint64_t again;

        referral_id_format(number, id);
        cr_assert(referral_id_parse(text_of(id), &again), "%s", id);
        cr_assert_eq(again, number);
        for (size_t k = 1; id[k] != '\0'; k++) {
            char right = id[k];

            if (right == '-')
                continue;
            id[k] = right == '9' ? '0' : right + 1;
            cr_assert_not(referral_id_parse(text_of(id), &again), "%s", id);
            id[k] = right;
        }
    }
}

Test(check, what_is_no_referral_id_is_refused)
{
    static const char *const others[] = {"",
                                         "R",
                                         "R-01",
                                         "1-95",
                                         "R0-98",
                                         "R01-95",
                                         "R1-94",
                                         "R1-9",
                                         "R1-9x",
                                         "r1-95",
                                         "R1-095",
                                         "R-1-95",
                                         "R1--95",
                                         "R1 -95",
                                         "R9999999999999999999-00",
                                         "R99999999999999999999-00"};
    uint64_t number;

    cr_assert(referral_id_parse(TEXT("R1-95"), &number), "1 x 100 + 95 is 1 modulo 97");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(referral_id_parse(text_of(others[i]), &number), "%s", others[i]);
    for (unsigned check = 0; check < 100; check++) {
        char id[32];

        snprintf(id, sizeof id, "R9223372036854775808-%02u", check);
        cr_assert_not(referral_id_parse(text_of(id), &number), "beyond int64");
    }
}

Test(check, dates_that_do_not_exist_are_refused)
{
    static const char *const others[] = {"2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01",
                                         "2026-00-01", "2026-01-00", "1899-12-31", "26-01-01",
                                         "2026-1-1",   "2026/01/01", "",           "2026-01-01 "};
    int64_t days;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(date_parse(text_of(others[i]), &days), "%s", others[i]);
    cr_assert(date_parse(TEXT("2000-02-29"), &days));
    cr_assert(date_parse(TEXT("1970-01-01"), &days) && days == 0);
    cr_assert(date_parse(TEXT("9999-12-31"), &days));
}

Test(check, times_that_do_not_exist_or_have_no_offset_are_refused)
{
    static const char *const others[] = {"2026-11-22T14:02:31",
                                         "2026-11-22T14:02Z",
                                         "2026-11-22 14:02:31Z",
                                         "2026-11-22T24:00:00Z",
                                         "2026-11-22T14:60:00Z",
                                         "2026-11-22T14:02:61Z",
                                         "2026-11-22T14:02:31.Z",
                                         "2026-11-22T14:02:31.1234567890Z",
                                         "2026-11-22T14:02:31+0100",
                                         "2026-11-22T14:02:31 01:00",
                                         "2026-11-22T14:02:31+0a:00",
                                         "2026-11-22T14:02:31+01-00",
                                         "2026-11-22T14:02:31+01:0a",
                                         "2026-11-22T14:02:31+15:00",
                                         "2026-11-22T14:02:31+01:60",
                                         "2026-11-22T14:02:31ZZ",
                                         "2026-11-22T14:02:60Z",
                                         "2026-02-30T14:02:31Z",
                                         "1900-01-01T00:00:00+01:00",
                                         "9999-12-31T23:59:59-01:00",
                                         "2026-11-22T14:02:31.123",
                                         "2026-11-22T14:02:31z",
                                         "2026-11-22",
                                         ""};
    int64_t ms;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(datetime_parse(text_of(others[i]), &ms), "%s", others[i]);
}

Test(check, the_same_moment_is_read_from_every_offset_and_fraction)
{
    static const char *const same[] = {"2026-11-22T14:02:31.500Z",      "2026-11-22T14:02:31.5Z",
                                       "2026-11-22T15:02:31.50+01:00",  "2026-11-22T08:32:31.500-05:30",
                                       "2026-11-23T04:02:31.5+14:00",   "2026-11-22T14:02:31.500987Z",
                                       "2026-11-22T14:02:31.500000000Z"};
    char out[25];
    int64_t ms;

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        cr_assert(datetime_parse(text_of(same[i]), &ms), "%s", same[i]);
        datetime_format(ms, out);
        cr_assert_str_eq(out, "2026-11-22T14:02:31.500Z");
    }
}

Test(check, a_leap_second_counts_as_the_second_before)
{
    char out[25];
    int64_t ms;

    cr_assert(datetime_parse(TEXT("2016-12-31T23:59:60Z"), &ms));
    datetime_format(ms, out);
    cr_assert_str_eq(out, "2016-12-31T23:59:59.000Z");
    cr_assert(datetime_parse(TEXT("2017-01-01T00:59:60.250+01:00"), &ms));
}

Test(check, random_moments_agree_with_the_c_library)
{
    const int64_t first = INT64_C(-2208988800); /* 1900-01-01 */
    const int64_t last = INT64_C(253402300799); /* 9999-12-31T23:59:59 */
    uint64_t state = 19460509;

    for (int i = 0; i < 200000; i++) {
        time_t seconds = first + (int64_t)(next_random(&state) % (uint64_t)(last - first + 1));
        int milliseconds = (int)(next_random(&state) % 1000);
        char ours[25];
        char theirs[80];
        struct tm tm;
        int64_t ms;
        int64_t days;

        gmtime_r(&seconds, &tm);
        snprintf(theirs, sizeof theirs, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, milliseconds);
        datetime_format(seconds * INT64_C(1000) + milliseconds, ours);
        cr_assert_str_eq(ours, theirs);
        cr_assert(datetime_parse(text_of(theirs), &ms));
        cr_assert_eq(ms, seconds * INT64_C(1000) + milliseconds);
        theirs[10] = '\0';
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        cr_assert(date_parse(text_of(theirs), &days));
        cr_assert_eq(days * 86400, timegm(&tm));
        date_format(days, ours);
        cr_assert_str_eq(ours, theirs);
    }
}

Test(check, every_written_date_exists_exactly_when_the_c_library_keeps_it)
{
    for (int year = 1900; year < 2110; year++) {
        for (int month = 0; month <= 13; month++) {
            for (int day = 0; day <= 32; day++) {
                struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
                char text[16];
                int64_t days;
                bool exists;

                timegm(&tm);
                exists = tm.tm_year == year - 1900 && tm.tm_mon == month - 1 && tm.tm_mday == day;
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                cr_assert_eq(date_parse(text_of(text), &days), exists, "%s", text);
            }
        }
    }
}

/* Rules between fields. */

static struct message submit;
static struct fault fault;

static void fill_submit(void)
{
    person_submit(&submit, 3, PEOPLE_POSTCODE);
}

TestSuite(rules, .init = fill_submit);

static void clear(enum field field)
{
    message_unset(&submit, field);
}

static void assert_refused(enum refusal refusal, const char *field)
{
    cr_assert_not(check_request(&submit, NOW_MS, &fault));
    cr_assert_eq(fault.refusal, refusal, "REF-%04d instead of REF-%04d, %s", fault.refusal, refusal, fault.field);
    cr_assert_str_eq(fault.field, field);
}

static void assert_accepted(void)
{
    cr_assert(check_request(&submit, NOW_MS, &fault), "REF-%04d %s", fault.refusal, fault.field);
    cr_assert_eq(fault.refusal, REFUSAL_NONE);
}

static struct value *member(enum field field, size_t i, size_t m)
{
    return &submit.values[message_value_of(&submit, field)->list.first + i * records[fields[field].of].count + m];
}

Test(rules, the_invented_people_keep_every_rule)
{
    for (unsigned seed = 0; seed < 20000; seed++) {
        person_submit(&submit, seed, PEOPLE_POSTCODE);
        cr_assert(check_request(&submit, NOW_MS, &fault), "seed %u: %s", seed, fault.field);
    }
}

Test(rules, withheld_consent_is_told_before_anything_else)
{
    message_set_number(&submit, FIELD_consent_to_share, CONSENT_WITHHELD);
    clear(FIELD_postcode);
    assert_refused(REFUSAL_CONSENT_WITHHELD, "consent_to_share");
}

Test(rules, the_referrer_can_be_reached_one_way_or_the_other)
{
    clear(FIELD_referrer_phone);
    assert_accepted();
    clear(FIELD_referrer_email);
    assert_refused(REFUSAL_REQUIRED, "referrer_phone");
}

Test(rules, an_nhs_number_or_the_reason_why_there_is_none)
{
    message_set_number(&submit, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
    assert_refused(REFUSAL_INVARIANT, "nhs_number_absent_reason");
    clear(FIELD_nhs_number);
    assert_refused(REFUSAL_REQUIRED, "local_person_id");
    message_set_string(&submit, FIELD_local_person_id, "L-1");
    assert_accepted();
    clear(FIELD_nhs_number_absent_reason);
    assert_refused(REFUSAL_REQUIRED, "nhs_number");
}

/* Without the message back to the practice, so that nothing else asks for the practice. */
static void tell_nobody(void)
{
    struct value *back = message_set_list(&submit, FIELD_consent_message_back, 1);

    back[0] = (struct value){.present = true, .number = BACK_NONE};
}

Test(rules, who_has_a_home_has_an_address_and_a_postcode_or_a_practice_that_stands_in_for_it)
{
    tell_nobody();
    clear(FIELD_gp_practice_ods);
    assert_accepted();
    clear(FIELD_postcode);
    assert_refused(REFUSAL_REQUIRED, "postcode");
    message_set_string(&submit, FIELD_gp_practice_ods, "Y99999");
    assert_accepted();
    clear(FIELD_address_lines);
    assert_refused(REFUSAL_REQUIRED, "address_lines");
    message_set_string(&submit, FIELD_postcode, "PL1 1AE");
    assert_refused(REFUSAL_REQUIRED, "address_lines");
}

Test(rules, who_has_no_fixed_abode_has_a_neighbourhood_or_a_hub_of_contact)
{
    clear(FIELD_address_lines);
    clear(FIELD_postcode);
    message_set_number(&submit, FIELD_no_fixed_abode, true);
    assert_refused(REFUSAL_REQUIRED, "neighbourhood_code");
    message_set_string(&submit, FIELD_neighbourhood_code, "E02003130");
    assert_accepted();
    clear(FIELD_neighbourhood_code);
    message_set_string(&submit, FIELD_contact_hub_id, "shekinah");
    assert_accepted();
}

Test(rules, consent_in_doubt_is_taken)
{
    message_set_number(&submit, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    assert_accepted();
}

Test(rules, exactly_one_need_is_primary)
{
    person_submit(&submit, 2, PEOPLE_POSTCODE);
    cr_assert_eq(message_list_count(&submit, FIELD_needs), 3);
    assert_accepted();
    cr_assert_eq(message_primary_need(&submit), (enum need)member(FIELD_needs, 0, MEMBER_code)->number);
    member(FIELD_needs, 0, MEMBER_is_primary)->number = false;
    assert_refused(REFUSAL_INVARIANT, "needs");
    cr_assert_eq(message_primary_need(&submit), 0);
    member(FIELD_needs, 1, MEMBER_is_primary)->number = true;
    assert_accepted();
    member(FIELD_needs, 2, MEMBER_is_primary)->number = true;
    assert_refused(REFUSAL_INVARIANT, "needs[2].is_primary");
}

Test(rules, a_single_need_is_the_primary_one)
{
    cr_assert_eq(message_list_count(&submit, FIELD_needs), 1);
    member(FIELD_needs, 0, MEMBER_is_primary)->present = false;
    assert_accepted();
    cr_assert_neq(message_primary_need(&submit), 0);
}

Test(rules, no_need_stands_twice)
{
    person_submit(&submit, 2, PEOPLE_POSTCODE);
    member(FIELD_needs, 2, MEMBER_code)->number = member(FIELD_needs, 0, MEMBER_code)->number;
    assert_refused(REFUSAL_INVARIANT, "needs[2].code");
}

Test(rules, a_message_back_to_none_stands_alone_and_one_to_the_gp_names_the_practice)
{
    struct value *back;

    clear(FIELD_gp_practice_ods);
    assert_refused(REFUSAL_REQUIRED, "gp_practice_ods");
    back = message_set_list(&submit, FIELD_consent_message_back, 2);
    back[0] = (struct value){.present = true, .number = BACK_REFERRER};
    back[1] = (struct value){.present = true, .number = BACK_NONE};
    assert_refused(REFUSAL_INVARIANT, "consent_message_back");
    back = message_set_list(&submit, FIELD_consent_message_back, 1);
    back[0] = (struct value){.present = true, .number = BACK_NONE};
    assert_accepted();
}

Test(rules, times_stand_in_their_order)
{
    message_set_number(&submit, FIELD_sent_at, NOW_MS + 5 * MINUTE_MS);
    assert_accepted();
    message_set_number(&submit, FIELD_sent_at, NOW_MS + 5 * MINUTE_MS + 1);
    assert_refused(REFUSAL_OUT_OF_RANGE, "sent_at");
    message_set_number(&submit, FIELD_sent_at, message_number(&submit, FIELD_authored_on));
    assert_accepted();
    message_set_number(&submit, FIELD_sent_at, message_number(&submit, FIELD_authored_on) - 1);
    assert_refused(REFUSAL_INVARIANT, "authored_on");
    fill_submit();
    message_set_number(&submit, FIELD_respond_by, message_number(&submit, FIELD_authored_on));
    assert_refused(REFUSAL_INVARIANT, "respond_by");
    message_set_number(&submit, FIELD_respond_by, message_number(&submit, FIELD_authored_on) + 1);
    assert_accepted();
    clear(FIELD_respond_by);
    assert_accepted();
    fill_submit();
    message_set_number(&submit, FIELD_consent_recorded_at, NOW_MS + 5 * MINUTE_MS + 1);
    assert_refused(REFUSAL_OUT_OF_RANGE, "consent_recorded_at");
}

Test(rules, nobody_is_born_tomorrow)
{
    message_set_number(&submit, FIELD_date_of_birth, NOW_MS / DAY_MS);
    assert_accepted();
    message_set_number(&submit, FIELD_date_of_birth, NOW_MS / DAY_MS + 1);
    assert_refused(REFUSAL_OUT_OF_RANGE, "date_of_birth");
}

Test(rules, a_span_of_time_has_a_length)
{
    member(FIELD_availability, 0, MEMBER_span_closes_at)->number = 540;
    assert_refused(REFUSAL_INVARIANT, "availability[0].closes_at");
}

Test(rules, a_score_has_items_or_a_total_that_fit_its_measure)
{
    struct value *items = member(FIELD_baseline_scores, 0, MEMBER_score_items);
    struct value *total = member(FIELD_baseline_scores, 1, MEMBER_score_total);

    submit.values[items->list.first + 3].number = 11;
    assert_refused(REFUSAL_OUT_OF_RANGE, "baseline_scores[0].items");
    submit.values[items->list.first + 3].number = 10;
    assert_accepted();
    items->list.count = 3;
    assert_refused(REFUSAL_INVARIANT, "baseline_scores[0].items");
    items->list.count = 4;
    *member(FIELD_baseline_scores, 0, MEMBER_score_total) = (struct value){.present = true, .number = 12};
    assert_refused(REFUSAL_INVARIANT, "baseline_scores[0].total");
    items->present = false;
    assert_accepted();
    total->number = 6;
    assert_refused(REFUSAL_OUT_OF_RANGE, "baseline_scores[1].total");
    total->number = 35;
    assert_accepted();
    total->number = 36;
    assert_refused(REFUSAL_OUT_OF_RANGE, "baseline_scores[1].total");
    total->present = false;
    assert_refused(REFUSAL_REQUIRED, "baseline_scores[1].items");
    struct value *answers = message_set_member_list(&submit, member(FIELD_baseline_scores, 1, MEMBER_score_items), 7);
    for (int i = 0; i < 7; i++)
        answers[i] = (struct value){.present = true, .number = 1};
    assert_accepted();
    answers[6].number = 0;
    assert_refused(REFUSAL_OUT_OF_RANGE, "baseline_scores[1].items");
    member(FIELD_baseline_scores, 1, MEMBER_score_items)->present = false;
    total->present = true;
    total->number = 7;
    member(FIELD_baseline_scores, 1, MEMBER_score_taken_on)->number = NOW_MS / DAY_MS + 1;
    assert_refused(REFUSAL_OUT_OF_RANGE, "baseline_scores[1].taken_on");
}

Test(rules, the_scores_of_an_outcome_fit_their_measure_too)
{
    static const enum message_type with_scores[] = {MESSAGE_complete, MESSAGE_fail, MESSAGE_progress};

    for (size_t t = 0; t < sizeof with_scores / sizeof with_scores[0]; t++) {
        struct value *score;

        message_init(&submit, with_scores[t]);
        message_set_number(&submit, FIELD_status_reason, REASON_NOT_CONTACTABLE);
        score = message_set_list(&submit, FIELD_outcome_scores, 1);
        score[MEMBER_outcome_moment] = (struct value){.present = true, .number = MOMENT_AFTER};
        score[MEMBER_outcome_measure] = (struct value){.present = true, .number = MEASURE_WEMWBS};
        score[MEMBER_outcome_taken_on] = (struct value){.present = true, .number = NOW_MS / DAY_MS};
        assert_refused(REFUSAL_REQUIRED, "outcome_scores[0].items");
        score[MEMBER_outcome_total] = (struct value){.present = true, .number = 70};
        assert_accepted();
        score[MEMBER_outcome_total].number = 13;
        assert_refused(REFUSAL_OUT_OF_RANGE, "outcome_scores[0].total");
        score[MEMBER_outcome_total].number = 14;
        score[MEMBER_outcome_taken_on].number++;
        assert_refused(REFUSAL_OUT_OF_RANGE, "outcome_scores[0].taken_on");
    }
}

Test(rules, an_update_brings_something_new)
{
    message_init(&submit, MESSAGE_update);
    message_set_number(&submit, FIELD_referral_id, 1);
    message_set_uuid(&submit, FIELD_request_id, (const uint8_t[UUID_BYTES]){1});
    assert_refused(REFUSAL_REQUIRED, "note");
    message_set_string(&submit, FIELD_phone, "01632960001");
    assert_accepted();
    clear(FIELD_phone);
    message_set_string(&submit, FIELD_note, "Is in hospital until Monday.");
    assert_accepted();
}

Test(rules, an_update_records_consent_as_a_whole_or_not_at_all)
{
    message_init(&submit, MESSAGE_update);
    message_set_number(&submit, FIELD_consent_expires_on, 30000);
    assert_refused(REFUSAL_REQUIRED, "consent_to_share");
    message_set_number(&submit, FIELD_consent_to_share, CONSENT_GIVEN);
    assert_refused(REFUSAL_REQUIRED, "consent_recorded_at");
    message_set_number(&submit, FIELD_consent_recorded_at, NOW_MS);
    assert_refused(REFUSAL_REQUIRED, "consent_recorded_by");
    message_set_string(&submit, FIELD_consent_recorded_by, "Test Worker");
    assert_accepted();
    clear(FIELD_consent_expires_on);
    assert_accepted();
    message_set_number(&submit, FIELD_consent_recorded_at, NOW_MS + 5 * MINUTE_MS + 1);
    assert_refused(REFUSAL_OUT_OF_RANGE, "consent_recorded_at");
    message_set_number(&submit, FIELD_consent_to_share, CONSENT_WITHHELD);
    assert_refused(REFUSAL_CONSENT_WITHHELD, "consent_to_share");
    clear(FIELD_consent_to_share);
    assert_refused(REFUSAL_REQUIRED, "consent_to_share");
}

Test(rules, a_person_is_named_by_number_or_by_name_and_birth)
{
    static const enum message_type asks[] = {MESSAGE_enquire, MESSAGE_find_person};

    for (size_t t = 0; t < 2; t++) {
        message_init(&submit, asks[t]);
        message_set_string(&submit, FIELD_note, "why");
        assert_refused(REFUSAL_REQUIRED, "family_name");
        message_set_string(&submit, FIELD_nhs_number, "9990000018");
        assert_accepted();
        message_set_string(&submit, FIELD_family_name, "Invented");
        assert_refused(REFUSAL_REQUIRED, "given_name");
        message_set_string(&submit, FIELD_given_name, "Person");
        assert_refused(REFUSAL_REQUIRED, "date_of_birth");
        message_set_number(&submit, FIELD_date_of_birth, 0);
        assert_accepted();
        clear(FIELD_nhs_number);
        assert_accepted();
        clear(FIELD_family_name);
        assert_refused(REFUSAL_REQUIRED, "family_name");
    }
}

Test(rules, who_enquires_has_a_case_or_a_reason)
{
    message_init(&submit, MESSAGE_enquire);
    message_set_string(&submit, FIELD_nhs_number, "9990000018");
    assert_refused(REFUSAL_REQUIRED, "note");
    message_set_number(&submit, FIELD_referral_id, 1);
    assert_accepted();
    message_set_string(&submit, FIELD_note, "why");
    assert_accepted();
    clear(FIELD_referral_id);
    assert_accepted();
}

Test(rules, who_cannot_say_names_a_contact)
{
    message_init(&submit, MESSAGE_answer_enquiry);
    message_set_number(&submit, FIELD_known, KNOWN_NO);
    assert_accepted();
    message_set_number(&submit, FIELD_known, KNOWN_CANNOT_SAY);
    assert_refused(REFUSAL_REQUIRED, "contact");
    message_set_string(&submit, FIELD_contact, "Duty desk, 01632 960001");
    assert_accepted();
}

Test(rules, a_head_of_the_history_stands_with_its_number)
{
    message_init(&submit, MESSAGE_verify);
    assert_accepted();
    message_set_number(&submit, FIELD_audit_sequence, 0);
    assert_refused(REFUSAL_REQUIRED, "audit_head");
    message_set_string(&submit, FIELD_audit_head, "00");
    assert_accepted();
    clear(FIELD_audit_sequence);
    assert_refused(REFUSAL_REQUIRED, "audit_sequence");
}

Test(rules, only_the_version_that_is_spoken_is_agreed)
{
    message_init(&submit, MESSAGE_hello);
    message_set_number(&submit, FIELD_protocol_version, 2);
    assert_refused(REFUSAL_VERSION, "protocol_version");
    message_set_number(&submit, FIELD_protocol_version, 1);
    assert_accepted();
}

Test(rules, each_message_takes_its_own_reasons)
{
    static const char reject_takes[] = "21 22 23 24 26 27 31 32 40 41 42 99";
    static const char fail_takes[] = "FC did-not-attend 24 26 27 40 99 no-longer-needed";
    static const char cancel_takes[] = "no-longer-needed entered-in-error 24 26 99";
    static const char hand_back_takes[] = "21 22 23 26 32 40 41 42 99";
    static const char turn_away_takes[] = "outside-network no-hub 23 24 40 99";
    static const struct {
        enum message_type type;
        const char *takes;
    } cases[] = {{MESSAGE_reject, reject_takes},
                 {MESSAGE_fail, fail_takes},
                 {MESSAGE_cancel, cancel_takes},
                 {MESSAGE_hand_back, hand_back_takes},
                 {MESSAGE_turn_away, turn_away_takes}};

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (size_t i = 0; i < lists[LIST_status_reason].count; i++) {
            const struct code_spec *code = &lists[LIST_status_reason].codes[i];

            message_init(&submit, cases[c].type);
            message_set_number(&submit, FIELD_status_reason, code->number);
            message_set_string(&submit, FIELD_note, "why");
            if (strstr(cases[c].takes, code->text))
                assert_accepted();
            else
                assert_refused(REFUSAL_NOT_A_CODE, "status_reason");
        }
        message_init(&submit, cases[c].type);
        if (cases[c].type == MESSAGE_turn_away)
            continue; /* its note is always mandatory, which the codec sees to */
        message_set_number(&submit, FIELD_status_reason, REASON_OTHER);
        assert_refused(REFUSAL_REQUIRED, "note");
    }
}

Test(rules, a_profile_has_one_primary_need_and_may_be_nowhere)
{
    struct value *needs;

    message_init(&submit, MESSAGE_profile);
    needs = message_set_list(&submit, FIELD_needs, 2);
    needs[MEMBER_code] = (struct value){.present = true, .number = NEED_FOOD};
    needs[NEED_OF_PERSON_MEMBER_COUNT + MEMBER_code] = (struct value){.present = true, .number = NEED_HOUSING};
    assert_refused(REFUSAL_INVARIANT, "needs");
    needs[MEMBER_is_primary] = (struct value){.present = true, .number = true};
    assert_accepted();
    needs[NEED_OF_PERSON_MEMBER_COUNT + MEMBER_code].number = NEED_FOOD;
    assert_refused(REFUSAL_INVARIANT, "needs[1].code");
}

Test(rules, a_draft_is_a_piece_of_a_file_or_a_version_that_is_stored)
{
    message_init(&submit, MESSAGE_draft);
    assert_refused(REFUSAL_REQUIRED, "draft_text");
    message_set_number(&submit, FIELD_first_byte, 0);
    message_set_number(&submit, FIELD_is_last, true);
    assert_refused(REFUSAL_REQUIRED, "draft_text");
    message_set_string(&submit, FIELD_draft_text, "network: {");
    assert_accepted();
    clear(FIELD_first_byte);
    assert_refused(REFUSAL_REQUIRED, "first_byte");
    message_set_number(&submit, FIELD_network_version, 4);
    assert_refused(REFUSAL_INVARIANT, "draft_text");
    clear(FIELD_draft_text);
    assert_refused(REFUSAL_INVARIANT, "is_last");
    clear(FIELD_is_last);
    assert_accepted();
    message_set_number(&submit, FIELD_first_byte, 0);
    assert_refused(REFUSAL_INVARIANT, "first_byte");
}

Test(rules, an_emergency_ends_in_the_future_or_now)
{
    message_init(&submit, MESSAGE_emergency);
    assert_accepted();
    message_set_number(&submit, FIELD_until, NOW_MS);
    assert_refused(REFUSAL_OUT_OF_RANGE, "until");
    message_set_number(&submit, FIELD_until, NOW_MS + 1);
    assert_accepted();
}

Test(rules, a_message_without_rules_is_accepted)
{
    message_init(&submit, MESSAGE_confirm);
    assert_accepted();
}
