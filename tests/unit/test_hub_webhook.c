/* SPDX-License-Identifier: MIT
 * What an answer of HTTP comes to, and what a webhook may be. The posts themselves: tests/system/test_hub_tools.py. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/hub_webhook.h"

static struct webhook_result result;
static struct answer answer;

static void build_push(struct message *push, enum message_type type)
{
    message_init(push, type);
    message_set_number(push, FIELD_mailbox_number, 5);
    message_set_number(push, type == MESSAGE_enquiry ? FIELD_enquiry_id : FIELD_referral_id, 42);
    if (type != MESSAGE_enquiry)
        message_set_number(push, FIELD_offer_number, 3);
}

static enum verdict judge(enum message_type type, int status, const char *body)
{
    struct message push;

    build_push(&push, type);
    memset(&result, 0, sizeof result);
    result.status = status;
    result.body_length = strlen(body);
    memcpy(result.body, body, result.body_length + 1);
    return webhook_judge(&push, &result, &answer);
}

struct row {
    int status;
    enum verdict verdict;
};

static struct row rows[] = {
    {0, VERDICT_LATER},     {200, VERDICT_STORED},  {201, VERDICT_STORED},  {204, VERDICT_STORED},
    {301, VERDICT_UNKNOWN}, {307, VERDICT_UNKNOWN}, {400, VERDICT_UNKNOWN}, {404, VERDICT_UNKNOWN},
    {408, VERDICT_LATER},   {410, VERDICT_GONE},    {425, VERDICT_LATER},   {429, VERDICT_LATER},
    {500, VERDICT_UNKNOWN}, {502, VERDICT_LATER},   {503, VERDICT_LATER},   {504, VERDICT_LATER},
    {100, VERDICT_UNKNOWN},
};

ParameterizedTestParameters(hub_webhook, the_status_says_what_becomes_of_a_push)
{
    return cr_make_param_array(struct row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct row *row, hub_webhook, the_status_says_what_becomes_of_a_push)
{
    cr_assert_eq(judge(MESSAGE_offer, row->status, "{\"state\":\"accepted\"}"),
                 row->verdict == VERDICT_STORED ? VERDICT_ANSWER : row->verdict, "%d", row->status);
    cr_assert_eq(judge(MESSAGE_offer, row->status, ""), row->verdict, "%d", row->status);
}

Test(hub_webhook, the_body_may_answer)
{
    cr_assert_eq(judge(MESSAGE_offer, 200, "{\"type\":\"reject\",\"status_reason\":\"22\"}"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_reject);
    cr_assert_eq(judge(MESSAGE_enquiry, 200, "{\"type\":\"answer_enquiry\",\"known\":\"not-known\"}"), VERDICT_ANSWER);
    cr_assert_str_eq(answer.texts.of[FIELD_enquiry_id], "R42-69");
    cr_assert_eq(judge(MESSAGE_person, 200, "{\"state\":\"in-progress\"}"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_start);
}

Test(hub_webhook, what_does_not_call_itself_an_answer_is_none)
{
    static const char *const others[] = {"ok", "{\"ok\":true}", "[\"type\"]", "<html>", "{\"type\""};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(judge(MESSAGE_offer, 200, others[i]), VERDICT_STORED, "%s", others[i]);
    cr_assert_eq(judge(MESSAGE_offer, 200, "{\"state\":\"happy\"}"), VERDICT_UNKNOWN, "not lost in silence");
    cr_assert(result.words[0] != '\0');
}

Test(hub_webhook, a_push_has_one_name_for_ever_and_no_other_has_it)
{
    char id[WEBHOOK_ID_BYTES], other[WEBHOOK_ID_BYTES];
    struct message push;

    build_push(&push, MESSAGE_offer);
    webhook_id(id, "oak.hub", &push);
    cr_assert_str_eq(id, "msg_oak~hub_5_R42-69_offer");
    webhook_id(other, "elm", &push);
    cr_assert_str_neq(id, other, "two hubs may post to one address");
    message_set_number(&push, FIELD_mailbox_number, 6);
    webhook_id(other, "oak.hub", &push);
    cr_assert_str_neq(id, other);
}

static bool opens(const char *url, const char *secret_file)
{
    struct webhook_options options = {.url = url, .secret_file = secret_file, .limit_ms = 1000};
    struct webhook *webhook;
    char why[512] = "";
    bool is_open = webhook_open(&webhook, &options, why, sizeof why);

    cr_assert(is_open || why[0] != '\0');
    webhook_close(&webhook);
    return is_open;
}

static void write_secret(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
    chmod(path, mode);
}

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"

Test(hub_webhook, a_person_goes_nowhere_unencrypted_but_to_this_machine)
{
    static const char *const good[] = {"https://hub.example/cases", "http://localhost:8080/", "http://127.0.0.1/",
                                       "http://[::1]:80/"};
    static const char *const bad[] = {"http://hub.example/",       "http://127.hub.example/",
                                      "http://localhost.example/", "https://me:word@hub.example/",
                                      "ftp://localhost/",          "hub.example",
                                      "file:///etc/passwd",        ""};
    char path[] = "/tmp/hub-webhook-XXXXXX";

    close(mkstemp(path));
    write_secret(path, SECRET, 0600);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert(opens(good[i], path), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(opens(bad[i], path), "%s", bad[i]);
    unlink(path);
}

Test(hub_webhook, a_secret_is_long_enough_and_its_owners_alone)
{
    char path[] = "/tmp/hub-webhook-XXXXXX";

    close(mkstemp(path));
    write_secret(path, SECRET SECRET, 0600);
    cr_assert(opens("https://localhost/", path), "one follows the other");
    write_secret(path, SECRET, 0640);
    cr_assert_not(opens("https://localhost/", path));
    write_secret(path, "whsec_MfKQ9r8G\n", 0600);
    cr_assert_not(opens("https://localhost/", path), "too short");
    write_secret(path, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 0600);
    cr_assert_not(opens("https://localhost/", path), "not marked as a secret");
    write_secret(path, "", 0600);
    cr_assert_not(opens("https://localhost/", path));
    unlink(path);
    cr_assert_not(opens("https://localhost/", path));
}
