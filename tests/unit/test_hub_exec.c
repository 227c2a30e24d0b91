/* SPDX-License-Identifier: MIT
 * What the exit status and the output of the hub's own command come to. Real commands, no network. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clients/hub_exec.h"
#include "clients/print.h"
#include "proto/check.h"
#include "tests/people.h"

#define LIMIT_MS 10000
#define REFERRAL 42

static struct exec_result result;
static struct answer answer;

static void build_push(struct message *push, enum message_type type)
{
    static struct message submit;

    person_submit(&submit, REFERRAL, PEOPLE_POSTCODE);
    message_init(push, type);
    message_copy(push, &submit, FIELD_priority);
    message_set_number(push, FIELD_mailbox_number, 5);
    message_set_number(push, FIELD_referral_id, REFERRAL);
    message_set_number(push, FIELD_offer_number, 3);
}

static enum verdict run_with(enum message_type type, const char *command, const char *json, int limit_ms)
{
    struct message push;

    build_push(&push, type);
    exec_run(command, &push, json, strlen(json), 2, limit_ms, &result);
    return exec_judge(&push, &result, &answer);
}

static enum verdict run_offer(const char *command)
{
    return run_with(MESSAGE_offer, command, "{}", LIMIT_MS);
}

static const char *told(enum field field)
{
    return answer.texts.of[field] ? answer.texts.of[field] : "";
}

struct row {
    int status;
    enum verdict verdict;
    enum message_type type;
    char reason[4];
};

static struct row rows[] = {
    {0, VERDICT_STORED, MESSAGE_NONE, ""},      {75, VERDICT_LATER, MESSAGE_NONE, ""},
    {69, VERDICT_ANSWER, MESSAGE_reject, "22"}, {77, VERDICT_ANSWER, MESSAGE_reject, "40"},
    {65, VERDICT_ANSWER, MESSAGE_reject, "99"}, {1, VERDICT_UNKNOWN, MESSAGE_NONE, ""},
    {64, VERDICT_UNKNOWN, MESSAGE_NONE, ""},    {127, VERDICT_UNKNOWN, MESSAGE_NONE, ""},
};

ParameterizedTestParameters(hub_exec, the_exit_status_says_what_becomes_of_an_offer)
{
    return cr_make_param_array(struct row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct row *row, hub_exec, the_exit_status_says_what_becomes_of_an_offer)
{
    char command[32];
    char why[ANSWER_WHY_BYTES];

    snprintf(command, sizeof command, "exit %d", row->status);
    cr_assert_eq(run_offer(command), row->verdict, "exit %d", row->status);
    cr_assert_eq(result.status, row->status);
    if (row->verdict != VERDICT_ANSWER)
        return;
    cr_assert_eq(answer.type, row->type);
    cr_assert_str_eq(told(FIELD_status_reason), row->reason);
    cr_assert_str_eq(told(FIELD_referral_id), "R42-69");
    cr_assert_str_eq(told(FIELD_offer_number), "3");
    cr_assert_neq(told(FIELD_request_id)[0], '\0');
    cr_assert(answer_is_whole(&answer, why), "%s", why);
}

Test(hub_exec, a_person_cannot_be_declined_by_exit_status)
{
    cr_assert_eq(run_with(MESSAGE_person, "exit 69", "{}", LIMIT_MS), VERDICT_UNKNOWN);
    cr_assert_eq(run_with(MESSAGE_withdrawn, "exit 77", "{}", LIMIT_MS), VERDICT_UNKNOWN);
    cr_assert_eq(run_with(MESSAGE_person, "exit 75", "{}", LIMIT_MS), VERDICT_LATER);
    cr_assert_eq(run_with(MESSAGE_person, "exit 0", "{}", LIMIT_MS), VERDICT_STORED);
}

Test(hub_exec, the_command_gets_the_json_and_what_it_is_about)
{
    run_offer("cat; echo \" $REFERRAL_ID $REFERRAL_OFFER $REFERRAL_TYPE $REFERRAL_PRIORITY $REFERRAL_TRY\"");
    char expected[128], id[REFERRAL_ID_BYTES_MAX];
    struct message push;

    build_push(&push, MESSAGE_offer);
    referral_id_format(REFERRAL, id);
    snprintf(expected, sizeof expected, "{} %s 3 offer %s 2\n", id,
             code_text(LIST_priority, (int)message_number(&push, FIELD_priority)));
    cr_assert_str_eq(result.output, expected);
}

Test(hub_exec, the_command_gets_the_services_of_an_offer_and_whether_its_figure_is_old)
{
    const char *command = "echo \"$REFERRAL_SERVICES|$REFERRAL_ASK_FIRST\"";
    struct message push;
    struct value *services;

    build_push(&push, MESSAGE_offer);
    message_set_string(&push, FIELD_service_id, "food");
    exec_run(command, &push, "{}", 2, 1, LIMIT_MS, &result);
    cr_assert_str_eq(result.output, "food|\n");
    services = message_set_list(&push, FIELD_service_ids, 2);
    services[0] = (struct value){.present = true, .text = {"food", 4}};
    services[1] = (struct value){.present = true, .text = {"housing", 7}};
    message_set_number(&push, FIELD_ask_first, true);
    exec_run(command, &push, "{}", 2, 1, LIMIT_MS, &result);
    cr_assert_str_eq(result.output, "food,housing|true\n");
}

Test(hub_exec, a_long_message_arrives_whole)
{
    static char json[300001];

    for (size_t i = 0; i + 10 < sizeof json; i += 10)
        snprintf(json + i, 11, "%09zu\n", i);
    run_with(MESSAGE_offer, "awk '$1 != (NR - 1) * 10 { exit 1 } END { if (NR != 30000) exit 1 }'", json, LIMIT_MS);
    cr_assert_eq(result.status, 0);
}

Test(hub_exec, a_command_that_does_not_read_is_not_wrong)
{
    static char json[300001];

    memset(json, 'x', sizeof json - 1);
    cr_assert_eq(run_with(MESSAGE_offer, "exit 0", json, LIMIT_MS), VERDICT_STORED);
}

Test(hub_exec, the_first_line_on_stderr_becomes_the_note)
{
    cr_assert_eq(run_offer("echo 'two on holiday' >&2; echo more >&2; exit 69"), VERDICT_ANSWER);
    cr_assert_str_eq(told(FIELD_note), "two on holiday");
    run_offer("printf a >&2; printf '%0.s\\303\\266' $(seq 300) >&2; exit 65");
    cr_assert_eq(strlen(told(FIELD_note)), 199, "200 bytes at most, and no letter is cut in half");
}

Test(hub_exec, a_command_may_answer_at_once)
{
    cr_assert_eq(run_offer("echo '{\"type\":\"accept\"}'"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_accept);
    cr_assert_str_eq(told(FIELD_offer_number), "3");
    cr_assert_eq(run_offer("echo '{\"state\":\"accepted\"}'"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_accept);
    cr_assert_eq(run_offer("echo '{\"type\":\"reject\",\"status_reason\":\"22\"}'"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_reject);
    cr_assert_str_eq(told(FIELD_status_reason), "22");
}

Test(hub_exec, an_answer_that_cannot_be_read_is_not_lost_in_silence)
{
    static const char *const wrong[] = {
        "hello",
        "{\"type\":\"reject\"}",
        "{\"type\":\"complete\",\"outcome\":\"got-help\"}",
        "{\"type\":\"accept\",\"referral_id\":\"R1-95\"}",
        "{\"type\":\"accept\",\"offer_number\":1}",
        "{\"type\":\"accept\",\"colour\":\"red\"}",
    };
    char command[160];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(command, sizeof command, "echo '%s'", wrong[i]);
        cr_assert_eq(run_offer(command), VERDICT_UNKNOWN, "%s", wrong[i]);
        cr_assert(result.words[0] != '\0');
    }
}

Test(hub_exec, a_signal_is_not_taken_for_an_exit_status)
{
    cr_assert_eq(run_offer("kill -9 $$"), VERDICT_UNKNOWN);
    cr_assert_eq(result.status, 128 + SIGKILL);
}

/* X: there is no such process. A zombie (Z) is dead as well; its new parent has not collected it yet. */
static char process_state(long pid)
{
    char path[64], state = 'X';
    FILE *in;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    in = fopen(path, "r");
    if (in && fscanf(in, "%*d %*s %c", &state) != 1)
        state = 'X';
    if (in)
        fclose(in);
    return state;
}

Test(hub_exec, the_time_limit_ends_the_command_and_its_children)
{
    char state = 'R';
    long child;

    cr_assert_eq(run_with(MESSAGE_offer, "sleep 1000 & echo $!; wait", "{}", 2000), VERDICT_UNKNOWN);
    cr_assert_eq(result.status, -1);
    child = atol(result.output);
    cr_assert_gt(child, 1);
    for (int i = 0; i < 2000 && state != 'X' && state != 'Z'; i++) {
        usleep(1000);
        state = process_state(child);
    }
    cr_assert(state == 'X' || state == 'Z', "%c", state);
}

Test(hub_exec, a_command_that_will_not_end_is_killed)
{
    cr_assert_eq(run_with(MESSAGE_offer, "trap '' TERM; sleep 1000", "{}", 300), VERDICT_UNKNOWN);
    cr_assert_eq(result.status, -1);
}

static int next_descriptor(void)
{
    int next = dup(STDERR_FILENO);

    close(next);
    return next;
}

Test(hub_exec, a_command_that_cannot_be_started_is_told_and_leaves_nothing_open)
{
    struct rlimit before;
    int next = next_descriptor();

    getrlimit(RLIMIT_NOFILE, &before);
    for (int more = 0; more < 6; more++) {
        const struct rlimit few = {(rlim_t)(next + more), before.rlim_max};

        setrlimit(RLIMIT_NOFILE, &few);
        enum verdict verdict = run_offer("exit 0");
        setrlimit(RLIMIT_NOFILE, &before);
        cr_assert_eq(verdict, VERDICT_UNKNOWN, "with %d descriptors left", more);
        cr_assert_eq(result.status, -2);
        cr_assert_eq(next_descriptor(), next);
    }
    cr_assert_eq(run_offer("exit 0"), VERDICT_STORED);
}

Test(hub_exec, a_child_that_holds_the_output_open_does_not_hold_the_agent)
{
    cr_assert_eq(run_offer("sleep 5 & exit 0"), VERDICT_STORED);
}

Test(hub_exec, more_output_than_is_wanted_is_dropped)
{
    run_offer("head -c 500000 /dev/zero | tr '\\0' 'a'; exit 75");
    cr_assert_eq(result.status, 75);
    cr_assert_eq(result.output_length, EXEC_OUTPUT_BYTES_MAX - 1);
}

Test(hub_exec, of_a_case_a_command_may_say_how_it_goes)
{
    const char *command = "echo '{\"type\":\"progress\",\"note\":\"met twice\",\"support_offered\":[\"befriending\"],"
                          "\"outcome_scores\":[{\"moment\":\"before\",\"measure\":\"ONS4\",\"items\":[3,4,3,8],"
                          "\"taken_on\":\"2026-09-01\"}]}'";

    cr_assert_eq(run_with(MESSAGE_person, command, "{}", LIMIT_MS), VERDICT_ANSWER, "%s", result.words);
    cr_assert_eq(answer.type, MESSAGE_progress);
    cr_assert_str_eq(told(FIELD_outcome_scores), "before:ONS4:3 4 3 8::2026-09-01");
    cr_assert_eq(run_offer(command), VERDICT_UNKNOWN, "what is not accepted does not go on");
    cr_assert_eq(run_with(MESSAGE_person, "echo '{\"type\":\"accept\"}'", "{}", LIMIT_MS), VERDICT_UNKNOWN);
}

static enum verdict run_enquiry(const char *command)
{
    struct message push;

    message_init(&push, MESSAGE_enquiry);
    message_set_number(&push, FIELD_enquiry_id, REFERRAL);
    exec_run(command, &push, "{}", 2, 1, LIMIT_MS, &result);
    return exec_judge(&push, &result, &answer);
}

Test(hub_exec, an_enquiry_is_answered_by_exit_status_or_at_once)
{
    cr_assert_eq(run_enquiry("exit 67"), VERDICT_ANSWER);
    cr_assert_eq(answer.type, MESSAGE_answer_enquiry);
    cr_assert_str_eq(told(FIELD_known), "not-known");
    cr_assert_str_eq(told(FIELD_enquiry_id), "R42-69");
    cr_assert_eq(run_enquiry("echo '{\"type\":\"answer_enquiry\",\"known\":\"known\"}'"), VERDICT_ANSWER);
    cr_assert_eq(run_enquiry("echo '{\"type\":\"answer_enquiry\",\"known\":\"cannot-say\"}'"), VERDICT_UNKNOWN,
                 "a contact is missing");
    cr_assert_eq(run_enquiry("echo '{\"type\":\"accept\"}'"), VERDICT_UNKNOWN);
    cr_assert_eq(run_offer("exit 67"), VERDICT_UNKNOWN);
    cr_assert_eq(run_enquiry("exit 0"), VERDICT_STORED);
}

Test(hub_exec, an_answer_reads_back_as_it_was_written)
{
    static struct answer before = {.type = MESSAGE_reject}, after;
    char json[EXEC_OUTPUT_BYTES_MAX], again[EXEC_OUTPUT_BYTES_MAX], why[ANSWER_WHY_BYTES];

    answer_set_referral(&before, FIELD_referral_id, 42);
    answer_set_number(&before, FIELD_offer_number, 2);
    answer_set_text(&before, FIELD_status_reason, "99");
    answer_set_text(&before, FIELD_note, "two\nlines, \"quoted\", C:\\temp");
    answer_new_request_id(&before);
    cr_assert(answer_format(&before, json, sizeof json));
    cr_assert_null(strchr(json, '\n'));
    cr_assert(answer_parse(json, strlen(json), &after, why), "%s", why);
    cr_assert_str_eq(after.texts.of[FIELD_note], before.texts.of[FIELD_note]);
    cr_assert_str_eq(after.texts.of[FIELD_request_id], before.texts.of[FIELD_request_id],
                     "else a repeat is a second answer");
    cr_assert(answer_format(&after, again, sizeof again));
    cr_assert_str_eq(again, json);
    cr_assert_not(answer_format(&after, again, 20), "it does not fit");
    answer_clear(&before);
    answer_clear(&after);
}

Test(hub_exec, what_an_answer_lacks_is_named_before_the_network_is_asked)
{
    static const struct {
        const char *json, *why;
    } rows_of_faults[] = {
        {"{\"type\":\"pause\",\"referral_id\":\"R42-69\"}", "note is missing"},
        {"{\"type\":\"hand_back\",\"referral_id\":\"R42-69\",\"status_reason\":\"99\"}", "note"},
        {"{\"type\":\"reject\",\"status_reason\":\"22\"}", "referral_id is missing"},
        {"{\"type\":\"enquire\",\"hub_id\":\"oak\",\"nhs_number\":\"9990000018\"}", "note"},
        {"{\"type\":\"complete\",\"referral_id\":\"R42-69\",\"outcome\":\"got-help\",\"outcome_scores\":[{\"moment\":"
         "\"after\",\"measure\":\"ONS4\",\"items\":[3,4,3,11],\"taken_on\":\"2026-09-01\"}]}",
         "outcome_scores"},
        {"{\"type\":\"accept\",\"referral_id\":\"R42-69\",\"outcome\":\"got-help\"}", "outcome does not belong"},
        {"{\"type\":\"hold\",\"referral_id\":\"R42-69\"}", "type"},
    };

    for (size_t i = 0; i < sizeof rows_of_faults / sizeof rows_of_faults[0]; i++) {
        static struct answer faulty;
        const char *json = rows_of_faults[i].json;
        char why[ANSWER_WHY_BYTES] = "";

        cr_assert_not(answer_parse(json, strlen(json), &faulty, why) && answer_is_whole(&faulty, why), "%s", json);
        cr_assert(strstr(why, rows_of_faults[i].why), "%s: %s", json, why);
        answer_clear(&faulty);
    }
}
