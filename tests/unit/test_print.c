/* SPDX-License-Identifier: MIT
 * print: stable JSON, masked persons, no escape codes. */
#include "clients/exchange.h"
#include "clients/print.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const enum field columns[] = {FIELD_referral_id, FIELD_state, FIELD_needs, FIELD_family_name, FIELD_COUNT};

static void make_referral(struct message *referral)
{
    struct value *needs;

    message_init(referral, MESSAGE_referral);
    message_set_number(referral, FIELD_referral_id, 1042);
    message_set_number(referral, FIELD_state, STATE_ON_HOLD);
    message_set_number(referral, FIELD_submitted_at, INT64_C(1795000000000));
    message_set_string(referral, FIELD_family_name, "Invented\033[31m");
    needs = message_set_list(referral, FIELD_needs, 2);
    needs[MEMBER_code] = (struct value){.present = true, .number = NEED_HOUSING};
    needs[3 + MEMBER_code] = (struct value){.present = true, .number = NEED_BEFRIENDING};
    needs[3 + MEMBER_is_primary] = (struct value){.present = true, .number = true};
}

/* What was printed; to be freed. */
static char *print_rows(enum print_format format, int rows, bool reveal, const char *next)
{
    static struct message referral;
    char *text = NULL;
    size_t size = 0;
    FILE *out = tmpfile();
    struct printer *printer = print_open(format, "referral.list/1", columns, out);

    make_referral(&referral);
    for (int i = 0; i < rows; i++)
        print_row(printer, &referral, reveal);
    print_close(&printer, next);
    size = (size_t)ftell(out);
    rewind(out);
    text = calloc(1, size + 1);
    cr_assert_eq(fread(text, 1, size, out), size);
    fclose(out);
    return text;
}

Test(print, json_has_schema_items_and_next)
{
    char *text = print_rows(PRINT_JSON, 2, false, "R1040");
    json_t *document = json_loads(text, 0, NULL);
    json_t *items = json_object_get(document, "items"), *item = json_array_get(items, 0);

    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "referral.list/1");
    cr_assert_str_eq(json_string_value(json_object_get(document, "next")), "R1040");
    cr_assert_eq(json_array_size(items), 2);
    cr_assert_str_eq(json_string_value(json_object_get(item, "type")), "referral");
    cr_assert_str_eq(json_string_value(json_object_get(item, "state")), "on-hold");
    cr_assert(json_is_true(json_object_get(json_array_get(json_object_get(item, "needs"), 1), "is_primary")));
    json_decref(document);
    free(text);
}

Test(print, an_empty_list_is_a_whole_document)
{
    char *text = print_rows(PRINT_JSON, 0, false, NULL);
    json_t *document = json_loads(text, 0, NULL);

    cr_assert_eq(json_array_size(json_object_get(document, "items")), 0);
    cr_assert(json_is_array(json_object_get(document, "items")));
    cr_assert_null(json_object_get(document, "next"));
    json_decref(document);
    free(text);
}

Test(print, jsonl_is_one_object_a_line)
{
    char *text = print_rows(PRINT_JSONL, 3, false, NULL), *at = text;
    int lines = 0;

    for (char *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        json_t *object = json_loadb(at, (size_t)(end - at), 0, NULL);

        cr_assert(json_is_object(object));
        json_decref(object);
    }
    cr_assert_eq(lines, 3);
    cr_assert_eq(*at, '\0');
    free(text);
}

Test(print, no_format_writes_escape_codes_even_when_a_text_holds_one)
{
    static const enum print_format formats[] = {PRINT_TABLE, PRINT_JSON, PRINT_JSONL, PRINT_CSV};

    for (size_t i = 0; i < 4; i++) {
        char *text = print_rows(formats[i], 1, true, NULL);

        cr_assert(strstr(text, "Invented"), "%s", text);
        cr_assert_null(strchr(text, '\033'), "format %zu", i);
        free(text);
    }
}

Test(print, a_message_in_lines_has_no_escape_codes_either)
{
    static struct message referral;
    char text[1024] = "";
    FILE *out = tmpfile();

    make_referral(&referral);
    print_one(PRINT_TABLE, "referral.show/1", &referral, true, out);
    rewind(out);
    cr_assert_gt(fread(text, 1, sizeof text - 1, out), 0);
    fclose(out);
    cr_assert(strstr(text, "family_name: Invented"), "%s", text);
    cr_assert_null(strchr(text, '\033'));
}

/* Two parts, one of two needs. */
static void make_parts(struct message *referral)
{
    struct value *parts = message_set_list(referral, FIELD_parts, 2);

    for (int i = 0; i < 2; i++, parts += PART_OF_REFERRAL_MEMBER_COUNT) {
        struct value *needs = message_set_member_list(referral, &parts[MEMBER_part_needs], 2 - (size_t)i);

        for (int k = 0; k < 2 - i; k++)
            needs[k] = (struct value){.present = true, .number = NEED_HOUSING + i + k};
        parts[MEMBER_part_state] = (struct value){.present = true, .number = STATE_RECEIVED};
        parts[MEMBER_part_business_status] = (struct value){.present = true, .number = BUSINESS_OFFERED};
        parts[MEMBER_part_position] = (struct value){.present = true, .number = 7 + i};
    }
}

static char *print_whole(enum print_format format)
{
    static struct message referral;
    char *text = calloc(1, 4096);
    FILE *out = tmpfile();

    make_referral(&referral);
    make_parts(&referral);
    print_one(format, "referral.update/1", &referral, false, out);
    rewind(out);
    cr_assert_gt(fread(text, 1, 4095, out), 0);
    fclose(out);
    return text;
}

Test(print, the_parts_of_a_referral_are_objects_for_programs)
{
    char *text = print_whole(PRINT_JSON);
    json_t *document = json_loads(text, 0, NULL), *parts = json_object_get(document, "parts");
    json_t *needs = json_object_get(json_array_get(parts, 0), "needs");

    cr_assert_eq(json_array_size(parts), 2);
    cr_assert_eq(json_array_size(needs), 2);
    cr_assert_str_eq(json_string_value(json_array_get(needs, 1)), "benefits");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(parts, 1), "position")), 8);
    json_decref(document);
    free(text);
}

Test(print, the_parts_of_a_referral_are_lines_of_their_own_for_people)
{
    char *text = print_whole(PRINT_TABLE);

    cr_assert(strstr(text, "\nneeds: befriending,housing\n"), "%s", text);
    cr_assert(strstr(text, "\nparts:\n  - needs: housing benefits\n    state: received\n"), "%s", text);
    cr_assert(strstr(text, "\n  - needs: benefits\n"), "%s", text);
    cr_assert(strstr(text, "\n    position: 8\n"), "%s", text);
    free(text);
}

Test(print, a_person_is_masked_unless_revealed)
{
    static const enum print_format formats[] = {PRINT_TABLE, PRINT_JSON, PRINT_JSONL, PRINT_CSV};

    for (size_t i = 0; i < 4; i++) {
        char *text = print_rows(formats[i], 1, false, NULL);

        cr_assert_null(strstr(text, "Invented"), "format %zu", i);
        cr_assert(strstr(text, "***"), "format %zu", i);
        free(text);
    }
}

Test(print, a_table_has_the_names_of_the_wire_and_the_primary_need_first)
{
    char *text = print_rows(PRINT_TABLE, 1, false, NULL);

    cr_assert(strstr(text, "referral_id"), "%s", text);
    cr_assert(strstr(text, "befriending,housing"), "%s", text);
    free(text);
}

Test(print, no_field_about_the_person_of_a_whole_referral_gets_through)
{
    static struct message submit;
    static char buffer[4096];

    person_submit(&submit, 7, PEOPLE_POSTCODE);
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (fields[field].audience != AUDIENCE_CASE || !message_has(&submit, (enum field)field))
            continue;
        cr_assert_str_eq(print_value(&submit, (enum field)field, false, buffer, sizeof buffer), "***", "%s",
                         fields[field].name);
        cr_assert_str_neq(print_value(&submit, (enum field)field, true, buffer, sizeof buffer), "***");
    }
}

Test(print, csv_has_a_line_of_names_and_quotes_what_it_must)
{
    char *text = print_rows(PRINT_CSV, 2, false, NULL);

    cr_assert_str_eq(text, "referral_id,state,needs,family_name\r\nR1042-76,on-hold,\"befriending,housing\",***\r\n"
                           "R1042-76,on-hold,\"befriending,housing\",***\r\n");
    free(text);
}

Test(print, a_text_that_a_spreadsheet_would_compute_is_kept_a_text)
{
    static const enum field shown[] = {FIELD_item, FIELD_before, FIELD_after, FIELD_affected, FIELD_COUNT};
    struct message difference;
    char text[256] = "";
    FILE *out = tmpfile();
    struct printer *printer = print_open(PRINT_CSV, "referral.routing-diff/1", shown, out);

    message_init(&difference, MESSAGE_difference);
    message_set_string(&difference, FIELD_item, "=1+1");
    message_set_string(&difference, FIELD_before, "say \"no\"");
    message_set_number(&difference, FIELD_affected, 7);
    print_row(printer, &difference, false);
    print_close(&printer, NULL);
    rewind(out);
    cr_assert_gt(fread(text, 1, sizeof text - 1, out), 0);
    fclose(out);
    cr_assert_str_eq(text, "item,before,after,affected\r\n\"'=1+1\",\"say \"\"no\"\"\",,7\r\n");
}

static const struct print_column lines[] = {
    {"row", 4, true}, {"name", 8, false}, {"result", 8, false}, {"sentence", 0, false}, {0}};

static const char *print_two_lines(enum print_format format, char *text, size_t size)
{
    const char *first[] = {"7", "=J\xc3\xb6rg", "refused", "say \"no\"\033[31m"}, *second[] = {"12", "x", "stored", ""};
    FILE *out = tmpfile();
    struct printer *printer = print_open_lines(format, "referral.test/1", lines, out);

    print_line(printer, first);
    rewind(out);
    if (format != PRINT_JSON)
        cr_assert_gt(fread(text, 1, size, out), 0, "each line is told as it comes");
    fseek(out, 0, SEEK_END);
    print_line(printer, second);
    print_close(&printer, NULL);
    rewind(out);
    memset(text, 0, size);
    cr_assert_gt(fread(text, 1, size - 1, out), 0);
    fclose(out);
    return text;
}

Test(print, lines_are_padded_by_characters_and_have_no_escape_codes)
{
    char text[512];

    cr_assert_str_eq(print_two_lines(PRINT_TABLE, text, sizeof text),
                     " row  name      result    sentence\n"
                     "   7  =J\xc3\xb6rg     refused   say \"no\" [31m\n"
                     "  12  x         stored\n");
}

Test(print, lines_have_every_format)
{
    char text[512];
    json_t *document, *items;

    cr_assert_str_eq(
        print_two_lines(PRINT_CSV, text, sizeof text),
        "row,name,result,sentence\r\n7,\"'=J\xc3\xb6rg\",refused,\"say \"\"no\"\" [31m\"\r\n12,x,stored,\r\n");
    cr_assert_str_eq(print_two_lines(PRINT_JSONL, text, sizeof text),
                     "{\"row\":7,\"name\":\"=J\xc3\xb6rg\",\"result\":\"refused\",\"sentence\":\"say "
                     "\\\"no\\\"\\u001B[31m\"}\n{\"row\":12,\"name\":\"x\",\"result\":\"stored\"}\n");
    document = json_loads(print_two_lines(PRINT_JSON, text, sizeof text), 0, NULL);
    items = json_object_get(document, "items");
    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "referral.test/1");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(items, 1), "row")), 12);
    cr_assert_null(json_object_get(json_array_get(items, 1), "sentence"));
    json_decref(document);
}

Test(print, formats_are_known_by_name)
{
    enum print_format format = PRINT_TABLE;

    cr_assert(print_format_parse("jsonl", &format));
    cr_assert_eq(format, PRINT_JSONL);
    cr_assert_not(print_format_parse("xml", &format));
}

Test(print, every_result_has_its_exit_code)
{
    cr_assert_eq(exit_code(EXCHANGE_OK), 0);
    cr_assert_eq(exit_code(EXCHANGE_TIMEOUT), EX_TEMPFAIL);
    cr_assert_eq(exit_code(EXCHANGE_UNREACHABLE), EX_UNAVAILABLE);
    cr_assert_eq(exit_code(EXCHANGE_DENIED), EX_NOPERM);
    cr_assert_eq(exit_code(EXCHANGE_VERSION), EX_PROTOCOL);
    cr_assert_eq(exit_code(EXCHANGE_INVALID), EX_DATAERR);
    cr_assert_eq(exit_code(EXCHANGE_NOT_FOUND), EX_NOUSER);
    cr_assert_eq(exit_code(EXCHANGE_BUSY), EX_TEMPFAIL);
    cr_assert_eq(exit_code(EXCHANGE_MISUSE), EX_CONFIG);
    cr_assert_eq(exit_code(99), EX_SOFTWARE);
}
