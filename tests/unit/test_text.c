/* SPDX-License-Identifier: MIT
 * text: values of the wire as text, both ways. */
#include "clients/record_json.h"
#include "clients/text.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static struct message message;
static char buffer[2 * MESSAGE_BYTES_MAX], text[512], why[256];

static bool read_text(const char *name, const char *value)
{
    snprintf(text, sizeof text, "%s", value);
    return text_read(&message, text_find_field(name), text, why, sizeof why);
}

static void expect_same(const char *name, const char *value)
{
    message_init(&message, MESSAGE_submit);
    cr_assert(read_text(name, value), "%s: %s", name, why);
    text_write(&message, text_find_field(name), buffer, sizeof buffer);
    cr_assert_str_eq(buffer, value);
}

Test(text, every_form_is_read_and_written_the_same)
{
    expect_same("priority", "urgent");
    expect_same("interpreter_needed", "true");
    expect_same("travel_limit_minutes", "45");
    expect_same("referral_id", "R1042-76");
    expect_same("date_of_birth", "1946-05-09");
    expect_same("sent_at", "2026-11-22T14:02:31.000Z");
    expect_same("contact_permissions", "phone,email");
    expect_same("contact_permissions", "");
    expect_same("address_lines", "Flat 2\\, 1 Example Street,Plymouth");
    expect_same("needs", "befriending:since the move\\: alone\\, shy,housing");
    expect_same("availability", "monday:540:720,friday:0:1440");
    expect_same("baseline_scores", "ONS4:7 6 8 3::2026-11-20,SWEMWBS::21:2026-11-20");
    expect_same("further_information", "Social context / Household:lives alone\\\\with a cat");
}

Test(text, the_parts_of_a_referral_are_read_and_written_the_same)
{
    expect_same("parts", "food housing:accepted:hub-accepted:::oak:Oak\\, the hub:food:2,medicines:on-hold:waitlisted:"
                         "all-full::::::4:12");
    expect_same("places_to_go", "library:Central Library:advice:1 Example Street:01632960001:Mon 09\\:00-17\\:00:350");
    cr_assert_eq(message_member(&message, FIELD_places_to_go, 0, MEMBER_place_distance_m)->number, 350);
    cr_assert_not(read_text("parts", "food secretly:accepted:hub-accepted"));
    cr_assert_null(strstr(why, "secretly"), "%s", why);
}

Test(text, the_first_need_is_the_primary_one)
{
    message_init(&message, MESSAGE_submit);
    cr_assert(read_text("needs", "housing,befriending"));
    cr_assert_eq(message_primary_need(&message), NEED_HOUSING);
    cr_assert_not(message_member(&message, FIELD_needs, 1, MEMBER_is_primary)->number);
}

Test(text, what_does_not_have_the_form_is_named_and_not_repeated)
{
    static const char *const wrong[][2] = {{"priority", "secretly"},
                                           {"interpreter_needed", "secretly"},
                                           {"travel_limit_minutes", "12secretly"},
                                           {"date_of_birth", "1946-02-30"},
                                           {"sent_at", "2026-11-22T14:02:31"},
                                           {"request_id", "secretly"},
                                           {"referral_id", "R1042-85"},
                                           {"needs", "secretly"},
                                           {"needs", "housing:a:b"},
                                           {"availability", "monday:540"},
                                           {"baseline_scores", "ONS4:7 secretly::2026-11-20"}};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        message_init(&message, MESSAGE_submit);
        cr_assert_not(read_text(wrong[i][0], wrong[i][1]), "%s", wrong[i][1]);
        cr_assert(strstr(why, wrong[i][0]), "%s", why);
        cr_assert_eq(strcmp(wrong[i][0], "needs") == 0, strstr(why, "a code of the list need") != NULL, "%s", why);
        cr_assert_null(strstr(why, "secretly"), "%s", why);
        cr_assert_not(message_has(&message, text_find_field(wrong[i][0])));
    }
}

Test(text, a_whole_referral_survives_the_way_through_text)
{
    static unsigned char before[MESSAGE_BYTES_MAX], after[MESSAGE_BYTES_MAX];
    static struct message submit;
    struct record_texts texts = {{0}};

    for (unsigned seed = 0; seed < 200; seed++) {
        person_submit(&submit, seed, PEOPLE_POSTCODE);
        for (int field = 0; field < FIELD_COUNT; field++)
            if (message_has(&submit, (enum field)field)) {
                text_write(&submit, (enum field)field, buffer, sizeof buffer);
                record_texts_set(&texts, (enum field)field, buffer);
            }
        message_init(&message, MESSAGE_submit);
        cr_assert(record_texts_fill(&texts, &message, why, sizeof why), "%s", why);
        for (int field = 0; field < FIELD_COUNT; field++)
            if (message_has(&submit, (enum field)field)) {
                size_t length = text_write(&submit, (enum field)field, (char *)before, sizeof before);

                cr_assert_eq(text_write(&message, (enum field)field, (char *)after, sizeof after), length);
                cr_assert_eq(memcmp(before, after, length), 0, "%s", fields[field].name);
            }
        record_texts_clear(&texts);
    }
}

static bool read_json(const char *json, struct record_texts *texts)
{
    char path[] = "/tmp/text-XXXXXX";
    int file = mkstemp(path);
    bool is_read;

    cr_assert_eq(write(file, json, strlen(json)), (ssize_t)strlen(json));
    close(file);
    is_read = record_json_read(path, texts, why, sizeof why) == EX_OK;
    unlink(path);
    return is_read;
}

Test(text, json_has_the_names_of_the_wire)
{
    struct record_texts texts = {{0}};

    cr_assert(read_json("{\"type\": \"submit\", \"given_name\": \"Alex: a, b\", \"travel_limit_minutes\": 30,"
                        " \"no_fixed_abode\": false, \"address_lines\": [\"Flat 2, 1 Example Street\", \"Plymouth\"],"
                        " \"needs\": [{\"code\": \"housing\"}, {\"code\": \"debt-advice\", \"is_primary\": true,"
                        " \"detail\": \"a:b\"}], \"baseline_scores\": [{\"measure\": \"ONS4\", \"items\": [7, 6, 8, 3],"
                        " \"taken_on\": \"2026-11-20\"}]}",
                        &texts),
              "%s", why);
    cr_assert_str_eq(texts.of[FIELD_given_name], "Alex: a, b");
    cr_assert_str_eq(texts.of[FIELD_address_lines], "Flat 2\\, 1 Example Street,Plymouth");
    cr_assert_str_eq(texts.of[FIELD_needs], "debt-advice:a\\:b,housing");
    cr_assert_str_eq(texts.of[FIELD_baseline_scores], "ONS4:7 6 8 3::2026-11-20");
    cr_assert_str_eq(texts.of[FIELD_no_fixed_abode], "false");
    record_texts_clear(&texts);
}

Test(text, json_that_is_wrong_is_refused_without_repeating_it)
{
    static const char *const wrong[] = {"",
                                        "[]",
                                        "{\"given_name\": secretly}",
                                        "{\"given_nam\": \"secretly\"}",
                                        "{\"given_name\": [\"secretly\"]}",
                                        "{\"needs\": [{\"secret\": \"secretly\"}]}",
                                        "{\"needs\": [\"secretly\"]}",
                                        "{\"given_name\": null}"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct record_texts texts = {{0}};

        cr_assert_not(read_json(wrong[i], &texts), "%s", wrong[i]);
        cr_assert_null(strstr(why, "secretly"), "%s", why);
        record_texts_clear(&texts);
    }
}

Test(text, a_file_that_is_not_there_is_told_from_one_that_is_wrong_which_is_named)
{
    struct record_texts texts = {{0}};

    cr_assert_eq(record_json_read("/nowhere.json", &texts, why, sizeof why), EX_NOINPUT);
    cr_assert_str_eq(why, "cannot open /nowhere.json: No such file or directory");
    cr_assert_not(read_json("{\"given_nam\": \"Alex\"}", &texts));
    cr_assert(strstr(why, ": there is no field \"given_nam\"") && why[0] == '/', "%s", why);
    cr_assert_eq(record_json_read("/dev/null", &texts, why, sizeof why), EX_DATAERR);
}

Test(text, lines_of_name_and_value_are_read_too)
{
    struct record_texts texts = {{0}};

    cr_assert(read_json("# invented\n\ngiven_name=Alex = Lex\nneeds=housing\n", &texts), "%s", why);
    cr_assert_str_eq(texts.of[FIELD_given_name], "Alex = Lex");
    cr_assert_str_eq(texts.of[FIELD_needs], "housing");
    cr_assert_not(read_json("given_name=Alex\ngiven_nam=secretly\n", &texts));
    cr_assert(strstr(why, ":2: "), "%s", why);
    cr_assert_null(strstr(why, "secretly"), "%s", why);
    record_texts_clear(&texts);
}
