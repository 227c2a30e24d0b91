/* SPDX-License-Identifier: MIT
 * `referral submit --batch`: rows of a CSV file become referrals once and for ever, whatever happens on the way,
 * against a peer in this program that keeps them as the daemon does. */
#include "clients/bulk.h"
#include "clients/sender.h"
#include "tests/peer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sysexits.h>

#include "tests/client_line.h"

#define REFERRALS_MAX 256
#define FILE_BYTES (1 << 20)
#define HEADER                                                                                                         \
    "referral_identifier,authored_on,family_name,given_name,date_of_birth,needs,address_lines,postcode,nhs_number\r\n"
#define DEFAULTS                                                                                                       \
    "priority=routine referral_source=gp@link@worker referrer_name=Rowan_Example referrer_role=Prescriber "            \
    "referrer_phone=01632960001 gender=X ethnic_category=Z contact_permissions=phone reason_for_referral=Company. "    \
    "consent_to_share=given consent_recorded_at=2026-11-20T10:00:00Z consent_recorded_by=Rowan "                       \
    "consent_message_back=referrer"

/* What the peer has stored, and how it behaves. */
static struct {
    uint8_t ids[REFERRALS_MAX][UUID_BYTES];
    int64_t authored[REFERRALS_MAX];
    char names[REFERRALS_MAX][64];
    int count;
    int busy;        /* submits that are told to come later */
    int silent;      /* submits that are stored and not answered */
    int refused;     /* the submit, counted from 1, that is refused */
    int interrupted; /* the submit after which somebody presses Ctrl-C */
    int submits;
    size_t together; /* answers wait until so many have come */
    struct message waiting[BULK_IN_FLIGHT_MAX];
    char addresses[BULK_IN_FLIGHT_MAX][256];
    size_t address_lengths[BULK_IN_FLIGHT_MAX];
    size_t waiting_count;
    const char *party;
} state;

static struct peer *peer;
static char file[128];

static void commit(const struct message *submit)
{
    const uint8_t *id = message_uuid(submit, FIELD_request_id);
    struct text name = message_text(submit, FIELD_family_name);
    struct message committed;
    int i = 0;

    while (i < state.count && memcmp(state.ids[i], id, UUID_BYTES) != 0)
        i++;
    if (i < state.count &&
        (strlen(state.names[i]) != name.length || strncmp(state.names[i], name.bytes, name.length) != 0)) {
        peer_refuse(peer, submit, REFUSAL_CONFLICT, "request_id");
        return;
    }
    peer_answer(&committed, MESSAGE_committed, submit);
    message_set_number(&committed, FIELD_duplicate, i < state.count);
    if (i == state.count) {
        cr_assert_lt(i, REFERRALS_MAX);
        memcpy(state.ids[i], id, UUID_BYTES);
        snprintf(state.names[i], sizeof state.names[i], "%.*s", (int)name.length, name.bytes);
        state.authored[i] = message_number(submit, FIELD_authored_on);
        state.count++;
    }
    if (state.silent-- > 0)
        return;
    message_set_uuid(&committed, FIELD_correlation_id, message_uuid(submit, FIELD_correlation_id));
    message_set_number(&committed, FIELD_referral_id, 1001 + i);
    message_set_number(&committed, FIELD_acknowledgement, ACK_CA);
    message_set_number(&committed, FIELD_state, STATE_REQUESTED);
    message_set_number(&committed, FIELD_business_status, BUSINESS_OFFERED);
    message_set_number(&committed, FIELD_at, PEER_AT);
    peer_send(peer, &committed);
}

/* Keeps the submit until enough of them wait, each from a connection of its own. */
static void gather(const struct message *submit)
{
    struct message empty;

    state.addresses[state.waiting_count][0] = '\0';
    memcpy(state.addresses[state.waiting_count], peer->address, peer->address_length);
    state.address_lengths[state.waiting_count] = peer->address_length;
    message_init(&empty, MESSAGE_submit);
    message_copy(&empty, submit, FIELD_request_id);
    message_copy(&empty, submit, FIELD_correlation_id);
    state.waiting[state.waiting_count++] = empty;
    if (state.waiting_count < state.together)
        return;
    for (size_t i = 0; i < state.waiting_count; i++) {
        memcpy(peer->address, state.addresses[i], state.address_lengths[i]);
        peer->address_length = state.address_lengths[i];
        message_set_string(&state.waiting[i], FIELD_family_name, "x");
        commit(&state.waiting[i]);
    }
    state.together = 0;
}

static void answer_submit(const struct message *submit)
{
    state.submits++;
    if (state.interrupted == state.submits)
        kill(getpid(), SIGINT);
    if (state.busy-- > 0)
        peer_refuse(peer, submit, REFUSAL_RATE, "");
    else if (state.submits == state.refused)
        peer_refuse(peer, submit, REFUSAL_OUT_OF_RANGE, "date_of_birth");
    else if (state.together > 0)
        gather(submit);
    else
        commit(submit);
}

static void answer(struct peer *which, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(which, message, 0);
    if (message->type == MESSAGE_submit)
        answer_submit(message);
}

static void open_peer(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    memset(&state, 0, sizeof state);
    peer = peer_open(answer);
    snprintf(file, sizeof file, "%s/people.csv", peer->directory);
    peer_bind(peer, NULL, true);
}

static void close_peer(void)
{
    unlink(file);
    peer_close(peer);
}

TestSuite(bulk, .init = open_peer, .fini = close_peer);

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    cr_assert(out);
    fputs(text, out);
    fclose(out);
}

/* Rows a-1 ... a-N after the header. */
static void write_rows(int count)
{
    static char text[FILE_BYTES];
    int length = snprintf(text, sizeof text, "%s", HEADER);

    for (int i = 1; i <= count; i++)
        length += snprintf(text + length, sizeof text - (size_t)length,
                           "a-%d,2026-11-01T09:00:00Z,Invented%d,Alex,1946-05-09,food,\"1 Example Street,Plymouth\","
                           "PL1 1AE,9990000018\r\n",
                           i, i);
    write_file(text);
}

/* The words, then the batch and what is the same in every row; @ stands for an underscore. */
static int run(const char *words)
{
    static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};
    static const struct command commands[] = {{"submit", "", "", sender_submit_options, 0, 64, sender_submit}, {0}};
    static const struct program program = {"referral", "", program_options, commands};
    char *arguments[48] = {NULL};
    char whole[LINE_BYTES];
    char *rest;
    int count = 0;

    snprintf(whole, sizeof whole, "referral -e %s -k %s -K %s submit --batch %s %s " DEFAULTS, peer->endpoint,
             peer->key_file, peer->server_key, file, words);
    for (char *word = strtok_r(whole, " ", &rest); word && count < 47; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        for (char *at = value; at && (at = strpbrk(at, "_@")); at++)
            *at = *at == '_' ? ' ' : '_';
        arguments[count++] = word;
    }
    return options_run(&program, count, arguments);
}

static const char *out(void)
{
    return line_printed(cr_get_redirected_stdout());
}

static const char *err(void)
{
    return line_printed(cr_get_redirected_stderr());
}

static int count_of(const char *text, const char *part)
{
    int count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

Test(bulk, every_row_is_stored_and_has_its_line_in_the_order_of_the_file)
{
    write_rows(20);
    cr_assert_eq(run("-o csv"), EX_OK);
    const char *text = out(), *at = text;

    cr_assert_eq(state.count, 20);
    cr_assert(strstr(text, "row,referral_identifier,result,referral_id,error,field,sentence\r\n2,a-1,stored,R10"), "%s",
              text);
    for (int i = 1; i <= 20; i++) {
        char line[64];

        snprintf(line, sizeof line, "\r\n%d,a-%d,stored,", i + 1, i);
        at = strstr(at, line);
        cr_assert(at, "row %d is missing or out of order: %s", i, text);
    }
    expect_err("20 rows: 20 stored, 0 stored before, 0 refused, 0 without an answer\n");
}

Test(bulk, running_it_again_stores_nothing_twice)
{
    write_rows(5);
    cr_assert_eq(run(""), EX_OK);
    cr_assert_eq(run("-o jsonl"), EX_OK);
    cr_assert_eq(state.count, 5);
    const char *text = out();
    cr_assert_eq(count_of(text, "\"result\":\"stored-before\""), 5, "%s", text);
    cr_assert(strstr(text, "{\"row\":2,\"referral_identifier\":\"a-1\""), "%s", text);
    expect_err("5 rows: 0 stored, 5 stored before, 0 refused, 0 without an answer\n");
}

Test(bulk, the_columns_and_the_place_of_the_file_do_not_make_another_request)
{
    write_file("referral_identifier,authored_on,family_name,given_name,date_of_birth,needs,no_fixed_abode\n"
               "a-1,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,true\n");
    cr_assert_eq(run(""), EX_OK);
    write_file("needs,family_name,referral_identifier,given_name,date_of_birth,authored_on,no_fixed_abode\n"
               "food,Invented,a-1,Alex,1946-05-09,2026-11-01T09:00:00Z,true\n");
    cr_assert_eq(run(""), EX_OK);
    cr_assert_eq(state.count, 1);
}

Test(bulk, a_changed_row_is_a_conflict_and_no_second_referral)
{
    write_rows(3);
    cr_assert_eq(run(""), EX_OK);
    write_file(HEADER "a-2,2026-11-01T09:00:00Z,Married,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n");
    cr_assert_eq(run("-o csv"), 1);
    cr_assert_eq(state.count, 3);
    const char *text = out();
    cr_assert(strstr(text,
                     "2,a-2,refused,,REF-0301,referral_identifier,\"It was stored before, and the network has other "
                     "content: send what is new with referral update.\"\r\n"),
              "%s", text);
}

Test(bulk, one_refused_row_does_not_stop_the_others)
{
    write_rows(6);
    state.refused = 3;
    cr_assert_eq(run("--in-flight 1 -o csv"), 1);
    cr_assert_eq(state.count, 5);
    const char *text = out();
    cr_assert(strstr(text, "4,a-3,refused,,REF-01") && strstr(text, ",date_of_birth,"), "%s", text);
    cr_assert(strstr(text, "7,a-6,stored,"), "%s", text);
}

Test(bulk, several_rows_are_in_flight)
{
    write_rows(8);
    state.together = 4;
    cr_assert_eq(run("--in-flight 4"), EX_OK);
    cr_assert_eq(state.count, 8);
}

Test(bulk, who_is_told_to_come_later_waits_and_comes)
{
    write_rows(10);
    state.busy = 15;
    cr_assert_eq(run(""), EX_OK);
    cr_assert_eq(state.count, 10);
}

Test(bulk, a_lost_answer_is_asked_for_again_as_the_same_request)
{
    write_rows(3);
    state.silent = 2;
    cr_assert_eq(run("--in-flight 3 --timeout 500ms -o csv"), EX_OK);
    cr_assert_eq(state.count, 3);
    cr_assert_eq(count_of(out(), ",stored-before,"), 2);
}

Test(bulk, when_patience_ends_the_rest_is_left_for_the_next_run)
{
    write_rows(30);
    state.silent = 1000;
    cr_assert_eq(run("--in-flight 2 --timeout 100ms --patience 0 -o csv"), EX_TEMPFAIL);
    cr_assert_leq(state.count, 4);
    cr_assert_gt(count_of(out(), ",unanswered,"), 0);
    expect_err("it has stopped before the end; the same command goes on, nothing is stored twice\n");
    state.silent = 0;
    cr_assert_eq(run(""), EX_OK);
    cr_assert_eq(state.count, 30);
}

Test(bulk, an_interrupted_batch_goes_on_where_it_was)
{
    write_rows(100);
    state.interrupted = 20;
    cr_assert_eq(run("--in-flight 4"), EX_TEMPFAIL);
    cr_assert(state.count >= 17 && state.count < 40, "%d", state.count);
    const char *text = err();
    cr_assert(strstr(text, "it has stopped before the end") && !strstr(text, "people.csv:"), "%s", text);
    cr_assert_eq(run("--in-flight 4 -o csv"), EX_OK);
    cr_assert_eq(state.count, 100);
    cr_assert_gt(count_of(out(), ",stored-before,"), 16);
}

Test(bulk, cells_may_hold_separators_quotes_and_lines)
{
    write_file("\xef\xbb\xbf"
               "referral_identifier,authored_on,family_name,given_name,date_of_birth,needs,reason_for_referral\r\n"
               "a-1,2026-11-01T09:00:00Z,\"O\"\"Invented, Jr\",Alex,1946-05-09,\"food,housing\",\"Two\nlines\"\r\n"
               "\r\n"
               "a-2,2026-11-01T09:00:00Z,Inv\xc3\xa9nted,Alex,1946-05-09,food,");
    cr_assert_eq(run("--in-flight 1"), EX_OK);
    cr_assert_str_eq(state.names[0], "O\"Invented, Jr");
    cr_assert_str_eq(state.names[1], "Inv\xc3\xa9nted");
}

Test(bulk, a_faulty_header_is_told_before_anything_is_sent)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"referral_identifier,famly_name\nx,y\n", "column 2 of the header is no field of submit. Did you mean"},
        {"Example,Alex\nx,y\n", "column 1 of the header is no field of submit"},
        {"family_name\ny\n", "the header has no referral_identifier"},
        {"referral_identifier,state\nx,y\n", "column 2 of the header is no field of submit"},
        {"referral_identifier,request_id\nx,y\n", "a batch makes request_id itself"},
        {"referral_identifier,referral_identifier\nx,y\n", "referral_identifier stands twice in the header"},
        {"", "is empty"},
    };
    char words[256];
    const char *text;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(cases[i].text);
        cr_assert_eq(run(""), EX_DATAERR, "%zu", i);
    }
    text = err();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(words, sizeof words, "people.csv: %s", cases[i].words);
        cr_assert(strstr(text, words), "%s is not in %s", words, text);
    }
    cr_assert_null(strstr(text, "Example"), "a file without a header begins with somebody's name");
    cr_assert_eq(state.submits, 0);
    unlink(file);
    cr_assert_eq(run(""), EX_NOINPUT);
}

Test(bulk, a_quotation_mark_out_of_place_ends_it_with_the_row)
{
    write_file(HEADER "a-1,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-2,2026-11-01T09:00:00Z,Inv\"ented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n");
    cr_assert_eq(run(""), EX_DATAERR);
    write_file(HEADER "a-1,2026-11-01T09:00:00Z,\"Invented,Alex\n");
    cr_assert_eq(run(""), EX_DATAERR);
    const char *text = err();
    cr_assert(strstr(text, "people.csv: row 3 is not CSV") && strstr(text, "people.csv: row 2 is not CSV"), "%s", text);
    cr_assert_leq(state.count, 1);
}

Test(bulk, what_is_wrong_with_a_row_is_told_without_its_content)
{
    write_file(HEADER "a-1,2026-11-01T09:00:00Z,Invented,Alex,1946-99-99,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-2,2026-11-01T09:00:00Z,Invented\r\n"
                      ",2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-4,,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-5,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-5,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-7,2026-11-01T09:00:00Z,Invented,,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n");
    cr_assert_eq(run("-o csv"), 1);
    const char *text = out();
    cr_assert_eq(state.count, 1);
    cr_assert(strstr(text, "2,a-1,refused,,,,date_of_birth does not have the form of its kind\r\n"), "%s", text);
    cr_assert(strstr(text, "3,a-2,refused,,,,The row has not as many cells as the header.\r\n"), "%s", text);
    cr_assert(strstr(text, "4,,refused,,,referral_identifier,"), "%s", text);
    cr_assert(strstr(text, "5,a-4,refused,,,authored_on,"), "%s", text);
    cr_assert(strstr(text, "7,a-5,refused,,,referral_identifier,Row 6 has the same.\r\n"), "%s", text);
    cr_assert(strstr(text, "8,a-7,refused,,,,submit needs the field given_name\r\n"), "%s", text);
    cr_assert_null(strstr(text, "Invented"));
}

Test(bulk, a_rehearsal_tells_what_is_wrong_and_sends_nothing)
{
    write_file(HEADER "a-1,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-2,2026-11-01T09:00:00Z,Invented,Alex,1946-05-09,food,1 Street,PL1 1AE,9990000019\r\n"
                      "a-3,2026-11-01T09:00:00Z,Invented,Alex,,food,1 Street,PL1 1AE,9990000018\r\n"
                      "a-4,2026-11-01T09:00:00Z,Invented,Alex,2036-05-09,food,1 Street,PL1 1AE,9990000018\r\n");
    cr_assert_eq(run("--dry-run -o csv"), 1);
    const char *text = out();
    cr_assert(strstr(text, "2,a-1,valid,,,,\r\n"), "%s", text);
    cr_assert(strstr(text, "3,a-2,refused,,REF-") && strstr(text, ",nhs_number,"), "%s", text);
    cr_assert(strstr(text, "4,a-3,refused,,,date_of_birth,"), "%s", text);
    cr_assert(strstr(text, "5,a-4,refused,,REF-"), "%s", text);
    cr_assert_eq(atomic_load(&peer->count[MESSAGE_hello]) + state.submits, 0);
    expect_err("4 rows: 1 can be sent, 3 not; nothing was sent\n");
}

Test(bulk, a_cell_comes_before_what_is_given_for_all_rows)
{
    write_file("referral_identifier,authored_on,family_name,given_name,date_of_birth,needs,no_fixed_abode\n"
               "a-1,2026-11-01T09:00:00Z,,Alex,1946-05-09,food,true\n"
               "a-2,2026-11-02T09:00:00Z,Own,Alex,1946-05-09,food,true\n");
    cr_assert_eq(run("--in-flight 1 --family-name Ours"), EX_OK);
    cr_assert_str_eq(state.names[0], "Ours");
    cr_assert_str_eq(state.names[1], "Own");
    cr_assert_eq(state.authored[1] - state.authored[0], 86400000);
}

Test(bulk, one_document_holds_all_rows_in_json)
{
    json_t *document;

    write_rows(3);
    cr_assert_eq(run("-o json"), EX_OK);
    document = json_loads(out(), 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "referral.submit-batch/1");
    cr_assert_eq(json_array_size(json_object_get(document, "items")), 3);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(json_object_get(document, "items"), 2), "row")), 4);
    json_decref(document);
}

Test(bulk, a_batch_is_refused_as_a_whole_when_the_key_is)
{
    write_rows(3);
    atomic_store(&peer->access, 400);
    cr_assert_eq(run("--timeout 3s"), EX_NOPERM);
    cr_assert_eq(state.submits, 0);
}

Test(bulk, its_options_need_a_batch_and_have_bounds)
{
    write_rows(1);
    cr_assert_eq(run("--in-flight 0"), EX_USAGE);
    cr_assert_eq(run("--in-flight 65"), EX_USAGE);
    cr_assert_eq(run("--patience -1"), EX_USAGE);
    cr_assert_eq(state.submits, 0);
}

Test(bulk, request_ids_depend_on_party_identifier_and_purpose_alone)
{
    uint8_t a[UUID_BYTES], b[UUID_BYTES], c[UUID_BYTES], d[UUID_BYTES], e[UUID_BYTES];
    char text[UUID_TEXT_BYTES + 1];

    bulk_uuid("request", "surgery-12", "a-1", a);
    bulk_uuid("request", "surgery-12", "a-1", b);
    bulk_uuid("request", "surgery-13", "a-1", c);
    bulk_uuid("correlation", "surgery-12", "a-1", d);
    bulk_uuid("request", "surgery-1", "2a-1", e);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_assert(memcmp(a, c, sizeof a) && memcmp(a, d, sizeof a) && memcmp(a, e, sizeof a));
    uuid_format(a, text);
    cr_assert_str_eq(text, "b509b74b-57ae-8a30-b52a-bfa869a9be38",
                     "what was stored by earlier versions of this program must stay the same request");
}
