/* SPDX-License-Identifier: MIT
 * The commands of referralctl that change something about referrals, look at a person, and prove that all is well,
 * against a peer in this program. */
#include "clients/ctl.h"
#include "clients/look.h"
#include "tests/peer.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <sysexits.h>

#include "tests/client_line.h"

#define ASKED_MAX 16
#define HEAD PEER_AUDIT_HEAD

/* What the peer knows, and what it was told. */
static struct {
    enum refusal refusal; /* of every change */
    int64_t refused;      /* only of this referral; 0: of all */
    int silent;           /* requests that get no answer */
    int64_t offers[2];    /* numbers of the offers of a referral, in parts when there are two */
    int findings, erasable;
    int64_t first_bad;
    int matches; /* -1: not said */
    int64_t referrals[ASKED_MAX];
    enum message_type types[ASKED_MAX];
    int asked;
    char note[128], hub[64], service[64], head[80];
    int64_t offer, need, priority, reason, sequence;
    bool has_reveal;
    uint8_t id[UUID_BYTES];
} state;

static struct peer *peer;

static void take_string(const struct message *message, enum field field, char *to, size_t size)
{
    struct text text = message_text(message, field);

    snprintf(to, size, "%.*s", (int)text.length, text.length ? text.bytes : "");
}

static void end_answer(const struct message *question, int64_t count)
{
    struct message end;

    peer_answer(&end, MESSAGE_end, question);
    message_set_number(&end, FIELD_count, count);
    peer_send(peer, &end);
}

static void note_request(const struct message *request)
{
    cr_assert_lt(state.asked, ASKED_MAX);
    state.types[state.asked] = request->type;
    state.referrals[state.asked++] = message_number(request, FIELD_referral_id);
    memcpy(state.id, message_uuid(request, FIELD_request_id), UUID_BYTES);
    take_string(request, FIELD_note, state.note, sizeof state.note);
    take_string(request, FIELD_hub_id, state.hub, sizeof state.hub);
    take_string(request, FIELD_service_id, state.service, sizeof state.service);
    state.offer = message_number(request, FIELD_offer_number);
    state.need = message_number(request, FIELD_need);
    state.priority = message_number(request, FIELD_priority);
    state.reason = message_number(request, FIELD_status_reason);
}

static void answer_change(const struct message *request)
{
    int64_t referral = message_number(request, FIELD_referral_id);
    struct message done;

    note_request(request);
    if (state.silent-- > 0)
        return;
    if (state.refusal && (state.refused == 0 || state.refused == referral)) {
        peer_refuse(peer, request, state.refusal, "");
        return;
    }
    peer_answer(&done, MESSAGE_done, request);
    message_set_number(&done, FIELD_referral_id, referral);
    message_set_number(&done, FIELD_state, STATE_ON_HOLD);
    message_set_number(&done, FIELD_business_status, BUSINESS_HELD);
    message_set_number(&done, FIELD_duplicate, false);
    message_set_number(&done, FIELD_at, PEER_AT);
    peer_send(peer, &done);
}

static void set_part(struct value *part, int64_t offer)
{
    part[MEMBER_part_state] = (struct value){.present = true, .number = STATE_RECEIVED};
    part[MEMBER_part_business_status] = (struct value){.present = true, .number = BUSINESS_OFFERED};
    part[MEMBER_part_offer_number] = (struct value){.present = offer > 0, .number = offer};
}

/* The referral with, when it is revealed, the person. */
static void make_referral(struct message *referral, const struct message *question)
{
    static const uint8_t correlation[UUID_BYTES] = {1};

    peer_answer(referral, MESSAGE_referral, question);
    message_set_number(referral, FIELD_referral_id, 1042);
    message_set_uuid(referral, FIELD_correlation_id, correlation);
    message_set_string(referral, FIELD_sender_id, "surgery-12");
    message_set_number(referral, FIELD_priority, PRIORITY_ROUTINE);
    message_set_number(referral, FIELD_state, STATE_RECEIVED);
    message_set_number(referral, FIELD_business_status, BUSINESS_OFFERED);
    message_set_number(referral, FIELD_submitted_at, PEER_AT);
    message_set_number(referral, FIELD_at, PEER_AT);
    message_set_number(referral, FIELD_deadline, PEER_AT + 3600000);
    message_set_string(referral, FIELD_deadline_owner, "oak");
    message_set_number(referral, FIELD_deadline_stage, STAGE_ANSWER);
    message_set_string(referral, FIELD_family_name, "Invented");
}

static void answer_status(const struct message *status)
{
    struct message referral;

    note_request(status);
    state.has_reveal = message_number(status, FIELD_reveal);
    make_referral(&referral, status);
    if (state.offers[0] && !state.offers[1])
        message_set_number(&referral, FIELD_offer_number, state.offers[0]);
    if (state.offers[1]) {
        struct value *parts = message_set_list(&referral, FIELD_parts, 2);

        for (int i = 0; i < 2; i++, parts += PART_OF_REFERRAL_MEMBER_COUNT) {
            *message_set_member_list(&referral, &parts[MEMBER_part_needs], 1) =
                (struct value){.present = true, .number = NEED_FOOD + i};
            set_part(parts, state.offers[i]);
        }
    }
    peer_send(peer, &referral);
    end_answer(status, 1);
}

static void make_happened(struct message *happened, const struct message *question)
{
    peer_answer(happened, MESSAGE_happened, question);
    message_set_number(happened, FIELD_sequence, 5);
    message_set_number(happened, FIELD_referral_id, 1042);
    message_set_number(happened, FIELD_event, EVENT_HELD);
    message_set_string(happened, FIELD_actor, "uid-7");
    message_set_number(happened, FIELD_at, PEER_AT);
    message_set_number(happened, FIELD_state, STATE_ON_HOLD);
    message_set_number(happened, FIELD_business_status, BUSINESS_HELD);
    message_set_number(happened, FIELD_network_version, 1);
}

static void answer_history(const struct message *history)
{
    struct message happened;

    make_happened(&happened, history);
    peer_send(peer, &happened);
    end_answer(history, 1);
}

static void answer_list(const struct message *question)
{
    struct message referral;

    make_referral(&referral, question);
    peer_send(peer, &referral);
    end_answer(question, 1);
}

static void answer_mailboxes(const struct message *question)
{
    for (int i = 0; i < 2; i++) {
        struct message mailbox;

        peer_answer(&mailbox, MESSAGE_mailbox, question);
        message_set_string(&mailbox, FIELD_party, i ? "oak" : "surgery-12");
        message_set_number(&mailbox, FIELD_connections, i);
        message_set_number(&mailbox, FIELD_mailbox_number, 9);
        message_set_number(&mailbox, FIELD_unconfirmed, 3 * i);
        if (i)
            message_set_number(&mailbox, FIELD_oldest_unconfirmed_at, PEER_AT);
        peer_send(peer, &mailbox);
    }
    end_answer(question, 2);
}

static void answer_who_saw(const struct message *question)
{
    struct message seen;

    peer_answer(&seen, MESSAGE_seen, question);
    message_set_number(&seen, FIELD_referral_id, message_number(question, FIELD_referral_id));
    message_set_string(&seen, FIELD_actor, "oak");
    message_set_string(&seen, FIELD_told, "person");
    message_set_number(&seen, FIELD_at, PEER_AT);
    message_set_number(&seen, FIELD_sequence, 5);
    peer_send(peer, &seen);
    end_answer(question, 1);
}

static void answer_store_check(const struct message *question)
{
    for (int i = 0; i < state.findings; i++) {
        struct message finding;

        peer_answer(&finding, MESSAGE_finding, question);
        message_set_number(&finding, FIELD_referral_id, 1042 + i);
        message_set_string(&finding, FIELD_fault, "is open and has no deadline");
        peer_send(peer, &finding);
    }
    end_answer(question, state.findings);
}

static void answer_verify(const struct message *verify)
{
    struct message verified;

    state.sequence = message_number(verify, FIELD_audit_sequence);
    take_string(verify, FIELD_audit_head, state.head, sizeof state.head);
    peer_answer(&verified, MESSAGE_verified, verify);
    message_set_number(&verified, FIELD_entries, 77);
    message_set_number(&verified, FIELD_audit_sequence, 77);
    message_set_string(&verified, FIELD_audit_head, HEAD);
    if (state.matches >= 0)
        message_set_number(&verified, FIELD_matches, state.matches);
    if (state.first_bad)
        message_set_number(&verified, FIELD_first_bad, state.first_bad);
    peer_send(peer, &verified);
}

static void answer_retention(const struct message *question)
{
    for (int i = 0; i < state.erasable; i++) {
        struct message erasable;

        peer_answer(&erasable, MESSAGE_erasable, question);
        message_set_number(&erasable, FIELD_referral_id, 1001 + i);
        message_set_string(&erasable, FIELD_sender_id, "surgery-12");
        message_set_number(&erasable, FIELD_state, STATE_COMPLETED);
        message_set_number(&erasable, FIELD_submitted_at, PEER_AT);
        message_set_number(&erasable, FIELD_ended_at, PEER_AT);
        peer_send(peer, &erasable);
    }
    end_answer(question, state.erasable);
}

/* Whoever asks for a person, by the fields of the question. */
static void answer_find(const struct message *question)
{
    take_string(question, FIELD_family_name, state.note, sizeof state.note);
    take_string(question, FIELD_nhs_number, state.head, sizeof state.head);
    answer_list(question);
}

static void answer_export(const struct message *question)
{
    static struct message exported, happened;

    note_request(question);
    person_submit(&exported, 7, PEOPLE_POSTCODE);
    exported.type = MESSAGE_exported;
    message_set_uuid(&exported, FIELD_request_id, message_uuid(question, FIELD_request_id));
    message_set_number(&exported, FIELD_referral_id, message_number(question, FIELD_referral_id));
    message_set_string(&exported, FIELD_sender_id, "surgery-12");
    message_set_number(&exported, FIELD_submitted_at, PEER_AT);
    message_set_string(&exported, FIELD_family_name, "Invented");
    peer_send(peer, &exported);
    make_happened(&happened, question);
    message_set_string(&happened, FIELD_note, "agreed with the family");
    peer_send(peer, &happened);
    end_answer(question, 2);
}

static void answer(struct peer *which, const struct message *message)
{
    static const struct {
        enum message_type type;
        void (*answer)(const struct message *);
    } answers[] = {{MESSAGE_hold, answer_change},       {MESSAGE_release, answer_change},
                   {MESSAGE_place, answer_change},      {MESSAGE_reoffer, answer_change},
                   {MESSAGE_prioritise, answer_change}, {MESSAGE_annotate, answer_change},
                   {MESSAGE_turn_away, answer_change},  {MESSAGE_cancel, answer_change},
                   {MESSAGE_reveal, answer_change},     {MESSAGE_erase, answer_change},
                   {MESSAGE_status, answer_status},     {MESSAGE_history, answer_history},
                   {MESSAGE_list, answer_list},         {MESSAGE_mailboxes, answer_mailboxes},
                   {MESSAGE_who_saw, answer_who_saw},   {MESSAGE_store_check, answer_store_check},
                   {MESSAGE_verify, answer_verify},     {MESSAGE_retention, answer_retention},
                   {MESSAGE_find_person, answer_find},  {MESSAGE_export, answer_export}};

    if (message->type == MESSAGE_hello)
        peer_welcome(which, message, 0);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].type == message->type)
            answers[i].answer(message);
}

static void open_peer(void)
{
    char address[160];

    cr_redirect_stdout();
    cr_redirect_stderr();
    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    memset(&state, 0, sizeof state);
    state.matches = -1;
    peer = peer_open(answer);
    snprintf(address, sizeof address, "ipc://%s/socket", peer->directory);
    peer_bind(peer, address, false);
}

static void close_peer(void)
{
    peer_close(peer);
}

TestSuite(ctl_change, .init = open_peer, .fini = close_peer);

static int run_within(const char *timeout, const char *line)
{
    static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_OPERATOR, {0}};
    static const struct option_spec list_options[] = {LOOK_LIST_OPTIONS, LOOK_LIST_OPTIONS_OF_OPERATOR, {0}};
    static const struct command commands[] = {
        {"hold", "", "", ctl_change_options, 1, 9, ctl_change},
        {"release", "", "", ctl_change_options, 1, 9, ctl_change},
        {"annotate", "", "", ctl_change_options, 1, 9, ctl_change},
        {"erase", "", "", ctl_change_options, 1, 9, ctl_change},
        {"prioritise", "", "", ctl_prioritise_options, 1, 9, ctl_change},
        {"cancel", "", "", ctl_cancel_options, 1, 9, ctl_change},
        {"turn-away", "", "", ctl_turn_away_options, 1, 9, ctl_change},
        {"place", "", "", ctl_place_options, 3, 3, ctl_place},
        {"reoffer", "", "", ctl_change_options, 1, 2, ctl_reoffer},
        {"show", "", "", ctl_show_options, 1, 1, ctl_show},
        {"list", "", "", list_options, 0, 0, look_list},
        {"mailbox list", "", "", ctl_mailbox_options, 0, 0, ctl_mailbox_list},
        {"who-saw", "", "", NULL, 1, 1, ctl_who_saw},
        {"store check", "", "", NULL, 0, 0, ctl_store_check},
        {"audit verify", "", "", ctl_verify_options, 0, 0, ctl_audit_verify},
        {"person find", "", "", ctl_find_options, 0, 0, ctl_person_find},
        {"person export", "", "", ctl_export_options, 1, 9, ctl_person_export},
        {"retention list", "", "", NULL, 0, 0, ctl_retention_list},
        {"retention approve", "", "", ctl_approve_options, 0, 9, ctl_retention_approve},
        {0}};
    static const struct program program = {"referralctl", "", program_options, commands};
    char whole[LINE_BYTES];

    snprintf(whole, sizeof whole, "referralctl -S %s/socket --timeout %s %s", peer->directory, timeout, line);
    return line_run(&program, whole);
}

static int run(const char *line)
{
    return run_within("20s", line);
}

static int asked(enum message_type type)
{
    return atomic_load(&peer->count[type]);
}

/* What stands on standard input. */
static void write_input(const char *text)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    clearerr(stdin);
}

Test(ctl_change, nothing_is_changed_without_a_reason)
{
    static const char *const lines[] = {"hold R1042-76",
                                        "release R1042-76",
                                        "annotate R1042-76",
                                        "erase R1042-76",
                                        "reoffer R1042-76 1",
                                        "prioritise R1042-76 --to urgent",
                                        "cancel R1042-76 --code no-longer-needed",
                                        "turn-away R1042-76 --code 40",
                                        "place R1042-76 oak food",
                                        "show R1042-76 --reveal",
                                        "person export R1042-76",
                                        "retention approve --all"};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(run(lines[i]), EX_USAGE, "%s", lines[i]);
    cr_assert_eq(state.asked, 0);
    expect_err("give the reason; it is kept\n");
}

Test(ctl_change, each_command_is_its_message_with_the_reason_as_its_note)
{
    static const struct {
        const char *line;
        enum message_type type;
    } cases[] = {{"hold R1042-76 --reason asked_by_the_family", MESSAGE_hold},
                 {"release R1042-76 --reason asked_by_the_family", MESSAGE_release},
                 {"annotate R1042-76 --reason asked_by_the_family", MESSAGE_annotate},
                 {"erase R1042-76 --reason asked_by_the_family", MESSAGE_erase}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        state.note[0] = '\0';
        cr_assert_eq(run(cases[i].line), EX_OK, "%s", cases[i].line);
        cr_assert_eq(state.types[i], cases[i].type);
        cr_assert_eq(state.referrals[i], 1042);
        cr_assert_str_eq(state.note, "asked by the family");
    }
    expect_out("held-by-operator");
}

Test(ctl_change, a_code_is_mandatory_where_the_sender_is_told_why)
{
    cr_assert_eq(run("turn-away R1042-76 --reason x --code outside-network"), EX_OK);
    cr_assert_eq(state.reason, REASON_OUTSIDE);
    cr_assert_eq(run("cancel R1042-76 --reason x --code entered-in-error"), EX_OK);
    cr_assert_eq(state.reason, REASON_ENTERED_IN_ERROR);
    cr_assert_eq(run("prioritise R1042-76 --reason x --to urgent"), EX_OK);
    cr_assert_eq(state.priority, PRIORITY_URGENT);
    cr_assert_eq(run("turn-away R1042-76 --reason x"), EX_USAGE);
    cr_assert_eq(run("cancel R1042-76 --reason x --code because"), EX_USAGE);
    cr_assert_eq(run("prioritise R1042-76 --reason x"), EX_USAGE);
    cr_assert_eq(run("turn-away R1042-76 --reason x --code did-not-attend"), EX_USAGE);
    cr_assert_eq(state.asked, 3);
    const char *text = line_printed(cr_get_redirected_stderr());
    cr_assert(strstr(text, "  no-longer-needed ") && !strstr(text, "  did-not-attend "), "%s", text);
}

Test(ctl_change, several_referrals_are_several_requests_and_rows)
{
    json_t *document;

    cr_assert_eq(run("hold R1042-76 R1-95 --reason x -o json"), EX_OK);
    cr_assert_eq(state.referrals[0], 1042);
    cr_assert_eq(state.referrals[1], 1);
    cr_assert_gt(atomic_load(&peer->other_ids), 0, "each has a request_id of its own");
    document = json_loads(line_printed(cr_get_redirected_stdout()), 0, NULL);
    cr_assert_eq(json_array_size(json_object_get(document, "items")), 2);
    json_decref(document);
    expect_err("2 done, 0 refused, 0 not tried\n");
}

Test(ctl_change, one_that_is_refused_does_not_stop_the_others)
{
    state.refusal = REFUSAL_NOT_CURRENT;
    state.refused = 1042;
    cr_assert_eq(run("hold R1042-76 R1-95 --reason x"), 1);
    cr_assert_eq(state.asked, 2);
    const char *text = line_printed(cr_get_redirected_stderr());
    cr_assert(strstr(text, "hold: R1042-76: ") && strstr(text, "1 done, 1 refused, 0 not tried\n"), "%s", text);
}

Test(ctl_change, one_referral_ends_with_the_exit_code_of_its_refusal)
{
    static const struct {
        enum refusal refusal;
        int code;
    } cases[] = {{REFUSAL_NOT_CURRENT, 1},  {REFUSAL_NOT_FOUND, EX_NOUSER},
                 {REFUSAL_ROLE, EX_NOPERM}, {REFUSAL_REASON_FIRST, EX_NOPERM},
                 {REFUSAL_STILL_OPEN, 1},   {REFUSAL_ERASED, 1},
                 {REFUSAL_NO_PLACE, 1}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        state.refusal = cases[i].refusal;
        cr_assert_eq(run("hold R1042-76 --reason x"), cases[i].code, "%d", (int)cases[i].refusal);
    }
}

Test(ctl_change, ids_may_come_on_standard_input)
{
    write_input("R1042-76\nR1-95 ");
    cr_assert_eq(run("release - --reason x"), EX_OK);
    cr_assert_eq(state.asked, 2);
    cr_assert_eq(state.referrals[1], 1);
    cr_assert_eq(run("release - --reason x"), EX_USAGE);
    cr_assert_eq(run("release R1042-77 --reason x"), EX_USAGE);
    cr_assert_eq(state.asked, 2);
}

Test(ctl_change, what_got_no_answer_is_told_how_to_be_repeated_as_the_same_request)
{
    char id[UUID_TEXT_BYTES + 1], words[128];

    state.silent = 100;
    cr_assert_eq(run_within("200ms", "annotate R1042-76 --reason x"), EX_TEMPFAIL);
    uuid_format(state.id, id);
    snprintf(words, sizeof words, "try: the same again with --request-id %s\n", id);
    expect_err(words);
    state.silent = 0;
    snprintf(words, sizeof words, "annotate R1042-76 --reason x --request-id %s", id);
    cr_assert_eq(run(words), EX_OK);
    snprintf(words, sizeof words, "%s", id);
    uuid_format(state.id, id);
    cr_assert_str_eq(id, words);
}

Test(ctl_change, an_endpoint_that_is_given_stands_for_the_socket)
{
    cr_assert_eq(run("hold R1042-76 --reason x --endpoint tcp://127.0.0.1:1"), EX_CONFIG);
    cr_assert_eq(state.asked, 0);
    expect_err("connections to tcp://127.0.0.1:1 are encrypted");
}

Test(ctl_change, placing_by_hand_names_hub_and_service)
{
    cr_assert_eq(run("place R1042-76 oak lunch --need food --reason nearer_to_the_daughter"), EX_OK);
    cr_assert_str_eq(state.hub, "oak");
    cr_assert_str_eq(state.service, "lunch");
    cr_assert_eq(state.need, NEED_FOOD);
    cr_assert_eq(run("place R1042-76 oak lunch --need fod --reason x"), EX_USAGE);
}

Test(ctl_change, the_only_offer_need_not_be_numbered)
{
    state.offers[0] = 3;
    cr_assert_eq(run("reoffer R1042-76 --reason x"), EX_OK);
    cr_assert_eq(state.offer, 3);
    cr_assert_eq(run("reoffer R1042-76 2 --reason x"), EX_OK);
    cr_assert_eq(state.offer, 2);
    cr_assert_eq(asked(MESSAGE_status), 1);
    state.offers[1] = 4;
    cr_assert_eq(run("reoffer R1042-76 --reason x"), EX_USAGE);
    state.offers[0] = state.offers[1] = 0;
    cr_assert_eq(run("reoffer R1042-76 --reason x"), 1);
    cr_assert_eq(run("reoffer R1042-76 0 --reason x"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_reoffer), 2);
}

Test(ctl_change, a_person_is_shown_after_the_reason_was_recorded)
{
    cr_assert_eq(run("show R1042-76"), EX_OK);
    cr_assert_not(state.has_reveal);
    cr_assert_eq(asked(MESSAGE_reveal), 0);
    cr_assert_eq(run("show R1042-76 --reveal --reason called_by_the_son"), EX_OK);
    cr_assert(state.has_reveal);
    cr_assert_eq(state.types[1], MESSAGE_reveal);
    cr_assert_eq(state.types[2], MESSAGE_status);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "family_name: ***") && strstr(text, "family_name: Invented"), "%s", text);
}

Test(ctl_change, a_person_is_not_shown_when_the_reason_was_refused)
{
    state.refusal = REFUSAL_NOT_FOUND;
    cr_assert_eq(run("show R1042-76 --reveal --reason x"), EX_NOUSER);
    cr_assert_eq(asked(MESSAGE_status), 0);
}

Test(ctl_change, lists_show_the_next_deadline_and_who_owns_it)
{
    cr_assert_eq(run("list -o csv"), EX_OK);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, ",deadline,deadline_owner,deadline_stage\r\n") && strstr(text, ",oak,answer\r\n"), "%s",
              text);
}

Test(ctl_change, mailboxes_that_wait_can_be_picked_out)
{
    cr_assert_eq(run("mailbox list -o csv"), EX_OK);
    cr_assert_eq(run("mailbox list --unconfirmed -o csv"), EX_OK);
    expect_out("party,connections,unconfirmed,oldest_unconfirmed_at,confirmed_at,mailbox_number\r\n"
               "surgery-12,0,0,,,9\r\n"
               "oak,1,3,2026-11-18T11:06:40.000Z,,9\r\n"
               "party,connections,unconfirmed,oldest_unconfirmed_at,confirmed_at,mailbox_number\r\n"
               "oak,1,3,2026-11-18T11:06:40.000Z,,9\r\n");
}

Test(ctl_change, who_saw_a_person_is_a_table)
{
    cr_assert_eq(run("who-saw R1042-76 -o csv"), EX_OK);
    expect_out("2026-11-18T11:06:40.000Z,oak,person,5\r\n");
}

Test(ctl_change, findings_of_the_store_are_an_exit_code)
{
    cr_assert_eq(run("store check"), EX_OK);
    state.findings = 2;
    cr_assert_eq(run("store check"), 1);
    expect_out("is open and has no deadline");
    expect_err("0 findings\n2 findings\n");
}

Test(ctl_change, a_verified_history_tells_its_head_to_be_noted)
{
    cr_assert_eq(run("audit verify"), EX_OK);
    cr_assert_eq(state.sequence, 0);
    expect_out("entries   77 verified\nhead      77:" HEAD "\n");
}

Test(ctl_change, an_anchor_is_asked_about_and_one_that_does_not_hold_is_an_exit_code)
{
    state.matches = 1;
    cr_assert_eq(run("audit verify --anchor 12:" HEAD), EX_OK);
    cr_assert_eq(state.sequence, 12);
    cr_assert_str_eq(state.head, HEAD);
    state.matches = 0;
    cr_assert_eq(run("audit verify --anchor 12:" HEAD), 1);
    expect_out("anchor    DOES NOT HOLD");
}

Test(ctl_change, a_bad_entry_is_named_and_an_exit_code)
{
    state.first_bad = 41;
    cr_assert_eq(run("audit verify"), 1);
    cr_assert_eq(run("audit verify -o jsonl"), 1);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "bad       entry 41 is the first") && strstr(text, "\"first_bad\":41"), "%s", text);
}

Test(ctl_change, what_is_no_anchor_is_not_asked_about)
{
    static const char *const lines[] = {"audit verify --anchor 12", "audit verify --anchor x:" HEAD,
                                        "audit verify --anchor 12:" HEAD "0", "audit verify --anchor -1:" HEAD,
                                        "audit verify --anchor 12:00"};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(run(lines[i]), EX_USAGE, "%s", lines[i]);
    cr_assert_eq(asked(MESSAGE_verify), 0);
}

Test(ctl_change, a_person_is_found_by_number_or_name)
{
    cr_assert_eq(run("person find --nhs-number 9990000018"), EX_OK);
    cr_assert_str_eq(state.head, "9990000018");
    cr_assert_eq(run("person find --family-name Invented --given-name A --date-of-birth 1946-05-09"), EX_OK);
    cr_assert_str_eq(state.note, "Invented");
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "R1042-76") && !strstr(text, "Invented"), "%s", text);
}

Test(ctl_change, who_is_looked_for_need_not_stand_in_the_list_of_processes)
{
    write_input("family_name=Invented\ngiven_name=A\ndate_of_birth=1946-05-09\n");
    cr_assert_eq(run("person find --file -"), EX_OK);
    cr_assert_str_eq(state.note, "Invented");
    write_input("family_name=Invented\ncares_for=nobody\n");
    cr_assert_eq(run("person find --file -"), EX_DATAERR);
    cr_assert_eq(run("person find --file /nowhere.json"), EX_NOINPUT);
    cr_assert_eq(asked(MESSAGE_find_person), 1);
    expect_err("persons are not found by cares_for");
}

Test(ctl_change, an_export_comes_after_its_reason_and_is_whole)
{
    json_t *document, *items;

    cr_assert_eq(run("person export R1042-76 R1-95 --reason asked_by_the_person -o json"), EX_OK);
    cr_assert_eq(state.types[0], MESSAGE_reveal);
    cr_assert_eq(state.types[1], MESSAGE_export);
    cr_assert_eq(state.referrals[3], 1);
    document = json_loads(line_printed(cr_get_redirected_stdout()), 0, NULL);
    items = json_object_get(document, "items");
    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "referral.person-export/1");
    cr_assert_eq(json_array_size(items), 4);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(items, 0), "family_name")), "Invented");
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(items, 1), "note")), "agreed with the family");
    json_decref(document);
}

Test(ctl_change, an_export_for_people_and_for_spreadsheets_shows_the_person)
{
    cr_assert_eq(run("person export R1042-76 --reason x"), EX_OK);
    cr_assert_eq(run("person export R1042-76 --reason x -o csv"), EX_OK);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "family_name: Invented\n") && strstr(text, "agreed with the family"), "%s", text);
    cr_assert(strstr(text, ",family_name,given_name,") && strstr(text, ",Invented,"), "%s", text);
}

Test(ctl_change, an_export_that_is_not_allowed_shows_nothing)
{
    state.refusal = REFUSAL_ROLE;
    cr_assert_eq(run("person export R1042-76 --reason x"), EX_NOPERM);
    cr_assert_eq(asked(MESSAGE_export), 0);
}

Test(ctl_change, what_retention_proposes_is_erased_when_a_person_agrees)
{
    state.erasable = 7;
    cr_assert_eq(run("retention approve --all --reason eight_years --yes"), EX_OK);
    cr_assert_eq(asked(MESSAGE_erase), 7);
    cr_assert_eq(state.referrals[6], 1007);
    cr_assert_str_eq(state.note, "eight years");
    expect_err("erase for ever who the person of 7 referrals is:\n  R1001-05 R1002-02 R1003-96 R1004-93 R1005-90 and 2 "
               "more\n7 done, 0 refused, 0 not tried\n");
}

Test(ctl_change, where_nobody_can_be_asked_nothing_is_erased)
{
    state.erasable = 2;
    write_input("2\n");
    cr_assert_eq(run("retention approve --all --reason x"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_erase), 0);
    expect_err("try: the same with --yes");
}

/* What somebody types at a terminal. */
static void type(const char *text)
{
    int ours = posix_openpt(O_RDWR | O_NOCTTY), theirs;

    cr_assert(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
    theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
    cr_assert_geq(theirs, 0);
    cr_assert_eq(write(ours, text, strlen(text)), (ssize_t)strlen(text));
    dup2(theirs, STDIN_FILENO);
    clearerr(stdin);
}

Test(ctl_change, who_sits_at_a_terminal_types_how_many_are_erased)
{
    state.erasable = 2;
    type("yes\n");
    cr_assert_eq(run("retention approve --all --reason x"), 1);
    type("3\n");
    cr_assert_eq(run("retention approve --all --reason x"), 1);
    cr_assert_eq(asked(MESSAGE_erase), 0);
    type("2\n");
    cr_assert_eq(run("retention approve --all --reason x"), EX_OK);
    cr_assert_eq(asked(MESSAGE_erase), 2);
    expect_err("Type 2 to go on: referralctl: retention approve: nothing was erased\n");
}

Test(ctl_change, only_what_is_proposed_can_be_approved)
{
    state.erasable = 2;
    cr_assert_eq(run("retention approve R1001-05 R1042-76 --reason x --yes"), 1);
    cr_assert_eq(asked(MESSAGE_erase), 0);
    cr_assert_eq(run("retention approve R1002-02 --reason x --yes"), EX_OK);
    cr_assert_eq(asked(MESSAGE_erase), 1);
    cr_assert_eq(state.referrals[0], 1002);
    expect_err("R1042-76 is not proposed for erasure; nothing was erased");
}

Test(ctl_change, a_list_that_has_changed_meanwhile_is_not_erased)
{
    state.erasable = 3;
    cr_assert_eq(run("retention approve --all --expect 2 --reason x --yes"), EX_TEMPFAIL);
    cr_assert_eq(asked(MESSAGE_erase), 0);
    cr_assert_eq(run("retention approve --all --expect 3 --reason x --yes"), EX_OK);
    cr_assert_eq(asked(MESSAGE_erase), 3);
}

Test(ctl_change, nothing_proposed_is_nothing_to_do)
{
    cr_assert_eq(run("retention list"), EX_OK);
    cr_assert_eq(run("retention approve --all --reason x --yes"), EX_OK);
    cr_assert_eq(run("retention approve --reason x"), EX_USAGE);
    cr_assert_eq(run("retention approve R1001-05 --all --reason x"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_erase), 0);
    expect_err("0 proposed for erasure\nnothing is proposed for erasure\n");
}
