/* SPDX-License-Identifier: MIT
 * The commands of referralctl that look at a network file, put it in force and report, against a peer in this program.
 */
#include "clients/ctl.h"
#include "clients/ctl_draft.h"
#include "tests/peer.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sysexits.h>
#include <time.h>

#include "tests/client_line.h"

/* What the peer knows, and what it was told. */
static struct {
    int faults, old_holes, new_holes;
    enum refusal apply_refusal;
    char draft[DRAFT_BYTES_MAX + 1];
    size_t draft_length, pieces;
    bool is_last;
    int64_t version, holes_allowed, until, since, age, travel;
    enum need needs[2];
    char note[64], neighbourhood[64];
} peer_state;

static struct peer *peer;

static void take_string(const struct message *message, enum field field, char *to, size_t size)
{
    struct text text = message_text(message, field);

    snprintf(to, size, "%.*s", (int)text.length, text.bytes);
}

static void answer_draft(struct peer *peer, const struct message *draft)
{
    struct text text = message_text(draft, FIELD_draft_text);
    struct message drafted;

    if (message_has(draft, FIELD_network_version)) {
        peer_state.version = message_number(draft, FIELD_network_version);
    } else if (message_number(draft, FIELD_first_byte) != (int64_t)peer_state.draft_length) {
        peer_refuse(peer, draft, REFUSAL_FAULTY, "first_byte");
        return;
    }
    memcpy(peer_state.draft + peer_state.draft_length, text.bytes, text.length);
    peer_state.draft_length += text.length;
    peer_state.pieces++;
    peer_state.is_last = message_number(draft, FIELD_is_last);
    peer_answer(&drafted, MESSAGE_drafted, draft);
    message_set_number(&drafted, FIELD_draft, 5);
    message_set_number(&drafted, FIELD_bytes, (int64_t)peer_state.draft_length);
    peer_send(peer, &drafted);
}

static void end_answer(struct peer *peer, const struct message *question, int64_t count)
{
    struct message end;

    peer_answer(&end, MESSAGE_end, question);
    message_set_number(&end, FIELD_count, count);
    peer_send(peer, &end);
}

static void answer_check(struct peer *peer, const struct message *check)
{
    for (int i = 0; i < peer_state.faults; i++) {
        struct message fault;

        peer_answer(&fault, MESSAGE_fault, check);
        if (i > 0)
            message_set_number(&fault, FIELD_line, 10 + i);
        message_set_string(&fault, FIELD_fault, "hub \"oak\" is there twice");
        peer_send(peer, &fault);
    }
    end_answer(peer, check, peer_state.faults);
}

static void answer_coverage(struct peer *peer, const struct message *coverage)
{
    int count = peer_state.old_holes + peer_state.new_holes;

    for (int i = 0; i < count; i++) {
        struct message hole;

        peer_answer(&hole, MESSAGE_hole, coverage);
        message_set_string(&hole, FIELD_neighbourhood_code, i < peer_state.old_holes ? "E01" : "E02");
        message_set_string(&hole, FIELD_neighbourhood_name, "North");
        message_set_number(&hole, FIELD_need, NEED_FOOD);
        message_set_string(&hole, FIELD_age_band, "65-79");
        message_set_number(&hole, FIELD_cause, CAUSE_NOT_ELIGIBLE);
        message_set_number(&hole, FIELD_is_new, i >= peer_state.old_holes);
        peer_send(peer, &hole);
    }
    end_answer(peer, coverage, count);
}

static void answer_apply(struct peer *peer, const struct message *apply)
{
    take_string(apply, FIELD_note, peer_state.note, sizeof peer_state.note);
    peer_state.holes_allowed = message_number(apply, FIELD_holes_allowed);
    if (peer_state.apply_refusal)
        peer_refuse(peer, apply, peer_state.apply_refusal, "");
    else
        peer_done(peer, apply);
}

static void answer_versions(struct peer *peer, const struct message *versions)
{
    for (int i = 0; i < 2; i++) {
        struct message network;

        peer_answer(&network, MESSAGE_network, versions);
        message_set_number(&network, FIELD_network_version, 8 - i);
        message_set_number(&network, FIELD_at, PEER_AT);
        message_set_number(&network, FIELD_chosen, i == 0);
        peer_send(peer, &network);
    }
    end_answer(peer, versions, 2);
}

static void answer_emergency(struct peer *peer, const struct message *emergency)
{
    take_string(emergency, FIELD_note, peer_state.note, sizeof peer_state.note);
    peer_state.until = message_number(emergency, FIELD_until);
    peer_done(peer, emergency);
}

static void answer_fifths(struct peer *peer, const struct message *equity)
{
    static const int64_t rows[][2] = {{1, 40}, {5, 10}, {0, 3}};

    peer_state.since = message_number(equity, FIELD_since);
    for (int i = 0; i < 3; i++) {
        struct message fifth;

        peer_answer(&fifth, MESSAGE_fifth, equity);
        if (rows[i][0])
            message_set_number(&fifth, FIELD_fifth, rows[i][0]);
        if (rows[i][0])
            message_set_number(&fifth, FIELD_population, 10000);
        message_set_number(&fifth, FIELD_referrals, rows[i][1]);
        message_set_number(&fifth, FIELD_accepted, rows[i][1] / 2);
        message_set_number(&fifth, FIELD_waited, 1);
        message_set_number(&fifth, FIELD_rejected, 0);
        peer_send(peer, &fifth);
    }
    end_answer(peer, equity, 3);
}

static void answer_profile(struct peer *peer, const struct message *profile)
{
    struct message message;

    for (size_t i = 0; i < 2 && i < message_list_count(profile, FIELD_needs); i++)
        peer_state.needs[i] = (enum need)message_member(profile, FIELD_needs, i, MEMBER_code)->number;
    peer_state.age = message_number(profile, FIELD_age);
    peer_state.travel = message_number(profile, FIELD_travel_limit_minutes);
    take_string(profile, FIELD_neighbourhood_code, peer_state.neighbourhood, sizeof peer_state.neighbourhood);
    peer_answer(&message, MESSAGE_decision, profile);
    message_set_number(&message, FIELD_at, PEER_AT);
    message_set_number(&message, FIELD_priority, PRIORITY_ROUTINE);
    message_copy(&message, profile, FIELD_needs);
    message_set_number(&message, FIELD_locality, LOCALITY_SECTOR);
    message_set_number(&message, FIELD_network_version, 8);
    message_set_number(&message, FIELD_emergency_until, PEER_AT);
    message_set_number(&message, FIELD_comparison, COMPARISON_RING);
    message_set_string(&message, FIELD_hub_id, "oak");
    message_set_number(&message, FIELD_replayed, true);
    peer_send(peer, &message);
    peer_answer(&message, MESSAGE_considered, profile);
    message_set_string(&message, FIELD_hub_id, "oak");
    message_set_string(&message, FIELD_hub_name, "Oak Hub");
    message_set_number(&message, FIELD_need, NEED_FOOD);
    message_set_number(&message, FIELD_rule, RULE_NONE_FAILED);
    message_set_number(&message, FIELD_chosen, true);
    peer_send(peer, &message);
    end_answer(peer, profile, 2);
}

static void answer_simulate(struct peer *peer, const struct message *simulate)
{
    struct message row;

    peer_state.since = message_number(simulate, FIELD_since);
    peer_answer(&row, MESSAGE_simulated, simulate);
    message_set_number(&row, FIELD_subject, SUBJECT_NETWORK);
    for (enum field field = FIELD_referrals; field <= FIELD_unmet_now; field++)
        message_set_number(&row, field, 77);
    message_set_number(&row, FIELD_moved, 3);
    peer_send(peer, &row);
    end_answer(peer, simulate, 1);
}

static void answer_diff(struct peer *peer, const struct message *diff)
{
    struct message row;

    peer_answer(&row, MESSAGE_difference, diff);
    message_set_number(&row, FIELD_subject, SUBJECT_SERVICE);
    message_set_string(&row, FIELD_item, "oak/food");
    message_set_number(&row, FIELD_change, CHANGE_CHANGED);
    message_set_string(&row, FIELD_setting, "places");
    message_set_string(&row, FIELD_before, "30");
    message_set_string(&row, FIELD_after, "45");
    message_set_number(&row, FIELD_affected, 6);
    peer_send(peer, &row);
    end_answer(peer, diff, 1);
}

static void answer(struct peer *peer, const struct message *message)
{
    static const struct {
        enum message_type type;
        void (*answer)(struct peer *, const struct message *);
    } answers[] = {{MESSAGE_draft, answer_draft},       {MESSAGE_check, answer_check},
                   {MESSAGE_coverage, answer_coverage}, {MESSAGE_apply, answer_apply},
                   {MESSAGE_versions, answer_versions}, {MESSAGE_emergency, answer_emergency},
                   {MESSAGE_equity, answer_fifths},     {MESSAGE_profile, answer_profile},
                   {MESSAGE_simulate, answer_simulate}, {MESSAGE_diff, answer_diff}};

    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].type == message->type)
            answers[i].answer(peer, message);
}

static char file[128];

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    cr_assert(out);
    fputs(text, out);
    fclose(out);
}

static void open_peer(void)
{
    char address[160];

    cr_redirect_stdout();
    cr_redirect_stderr();
    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    memset(&peer_state, 0, sizeof peer_state);
    peer = peer_open(answer);
    snprintf(address, sizeof address, "ipc://%s/socket", peer->directory);
    snprintf(file, sizeof file, "%s/network.conf", peer->directory);
    peer_bind(peer, address, false);
    write_file("network: {};\n");
}

static void close_peer(void)
{
    unlink(file);
    peer_close(peer);
}

TestSuite(ctl, .init = open_peer, .fini = close_peer);

/* A line of words, @ standing for the file, _ for a blank. */
static int run(const char *line)
{
    static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_OPERATOR, {0}};
    static const struct command commands[] = {
        {"explain-profile", "", "", ctl_profile_options, 0, 0, ctl_explain_profile},
        {"routing check", "", "", NULL, 1, 1, ctl_routing_check},
        {"routing diff", "", "", NULL, 1, 1, ctl_routing_diff},
        {"routing coverage", "", "", NULL, 0, 1, ctl_routing_coverage},
        {"routing simulate", "", "", ctl_simulate_options, 1, 1, ctl_routing_simulate},
        {"routing apply", "", "", ctl_apply_options, 0, 1, ctl_routing_apply},
        {"routing versions", "", "", NULL, 0, 0, ctl_routing_versions},
        {"emergency on", "", "", ctl_emergency_on_options, 0, 0, ctl_emergency},
        {"emergency off", "", "", ctl_emergency_off_options, 0, 0, ctl_emergency},
        {"report equity", "", "", ctl_report_options, 0, 0, ctl_report_equity},
        {0}};
    static const struct program program = {"referralctl", "", program_options, commands};
    const char *at = strchr(line, '@');
    char whole[LINE_BYTES];

    snprintf(whole, sizeof whole, "referralctl -S %s/socket --timeout 20s %.*s%s%s", peer->directory,
             at ? (int)(at - line) : (int)strlen(line), line, at ? file : "", at ? at + 1 : "");
    return line_run(&program, whole);
}

static int asked(enum message_type type)
{
    return atomic_load(&peer->count[type]);
}

Test(ctl, a_file_without_faults_is_said_to_have_none_and_is_not_applied)
{
    cr_assert_eq(run("routing check @"), EX_OK);
    cr_assert_str_eq(peer_state.draft, "network: {};\n");
    cr_assert(peer_state.is_last);
    cr_assert_eq(asked(MESSAGE_apply), 0);
    expect_err("network.conf: no faults\n");
}

Test(ctl, faults_are_told_with_file_and_line_and_nothing_else_is_asked)
{
    static const char *const lines[] = {"routing check @", "routing diff @", "routing coverage @", "routing simulate @",
                                        "routing apply @ --reason x"};
    char words[400];

    peer_state.faults = 2;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        peer_state.draft_length = 0;
        cr_assert_eq(run(lines[i]), EX_DATAERR, "%s", lines[i]);
    }
    snprintf(words, sizeof words, "%s: hub \"oak\" is there twice\n%s:11: hub \"oak\" is there twice\n", file, file);
    expect_out(words);
    expect_err("network.conf: 2 faults; nothing was changed\n");
    cr_assert_eq(asked(MESSAGE_diff) + asked(MESSAGE_coverage) + asked(MESSAGE_simulate) + asked(MESSAGE_apply), 0);
}

Test(ctl, a_large_file_is_sent_in_pieces_that_cut_no_character)
{
    static char text[200001];

    for (size_t i = 0; i + 1 < sizeof text; i += 4)
        memcpy(text + i, i % 80 == 76 ? "xyz\n" : "\xf0\x9f\x8c\xb3", 4);
    text[0] = 'a'; /* one of the characters would stand across the end of each piece */
    memmove(text + 1, text + 4, sizeof text - 4);
    write_file(text);
    cr_assert_eq(run("routing check @"), EX_OK);
    cr_assert_eq(peer_state.draft_length, strlen(text));
    cr_assert_eq(memcmp(peer_state.draft, text, strlen(text)), 0);
    cr_assert_eq(peer_state.pieces, 7);
}

Test(ctl, a_piece_ends_where_a_character_does)
{
    static char text[DRAFT_PIECE_BYTES + 10];

    memset(text, 'x', sizeof text);
    cr_assert_eq(draft_piece(text, sizeof text), DRAFT_PIECE_BYTES);
    cr_assert_eq(draft_piece(text, 5), 5);
    cr_assert_eq(draft_piece(text, 0), 0);
    memcpy(text + DRAFT_PIECE_BYTES - 2, "\xe2\x82\xac", 3);
    cr_assert_eq(draft_piece(text, sizeof text), DRAFT_PIECE_BYTES - 2);
}

Test(ctl, lines_of_other_systems_arrive_as_ours)
{
    write_file("network: {\r\n};\r\n");
    cr_assert_eq(run("routing check @"), EX_OK);
    cr_assert_str_eq(peer_state.draft, "network: {\n};\n");
}

Test(ctl, what_is_no_text_is_told_with_its_line_before_anything_is_sent)
{
    write_file("network: {\n  name = \"\x1b[31m\";\n};\n");
    cr_assert_eq(run("routing check @"), EX_NOINPUT);
    write_file("");
    cr_assert_eq(run("routing check @"), EX_NOINPUT);
    cr_assert_eq(run("routing check /nowhere/at/all"), EX_NOINPUT);
    cr_assert_eq(asked(MESSAGE_draft), 0);
    const char *text = line_printed(cr_get_redirected_stderr());
    cr_assert(strstr(text, "network.conf:2: not text in UTF-8") && strstr(text, "network.conf is empty") &&
                  strstr(text, "cannot read /nowhere/at/all: No such file"),
              "%s", text);
}

Test(ctl, differences_are_a_table)
{
    cr_assert_eq(run("routing diff @"), EX_OK);
    expect_out("oak/food");
}

Test(ctl, the_network_in_force_has_its_coverage_told_without_a_file)
{
    peer_state.old_holes = 2;
    cr_assert_eq(run("routing coverage"), EX_OK);
    cr_assert_eq(asked(MESSAGE_draft), 0);
    expect_out("65-79");
    expect_err("2 holes\n");
}

Test(ctl, a_simulation_looks_at_what_was_submitted_since_a_day)
{
    time_t now = time(NULL);

    cr_assert_eq(run("routing simulate @ --since 2026-09-01"), EX_OK);
    cr_assert_eq(peer_state.since, 20697);
    peer_state.draft_length = 0;
    cr_assert_eq(run("routing simulate @ --since 30d"), EX_OK);
    cr_assert(peer_state.since == now / 86400 - 30 || peer_state.since == time(NULL) / 86400 - 30);
    peer_state.draft_length = 0;
    cr_assert_eq(run("routing simulate @ --since lately"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_simulate), 2);
    expect_out("77");
}

Test(ctl, a_file_is_applied_after_its_coverage_was_looked_at)
{
    peer_state.old_holes = 3;
    cr_assert_eq(run("routing apply @ --reason more_places"), EX_OK);
    cr_assert_str_eq(peer_state.note, "more places");
    cr_assert_eq(peer_state.holes_allowed, 0);
    cr_assert_eq(asked(MESSAGE_check), 1);
    cr_assert_eq(asked(MESSAGE_coverage), 1);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "network version 8 is in force\n"), "%s", text);
    cr_assert_null(strstr(text, "E01"), "old holes are not shown: %s", text);
    expect_err("3 holes, 0 of them new\n");
}

Test(ctl, new_holes_are_shown_and_refused_until_they_are_allowed)
{
    peer_state.old_holes = peer_state.new_holes = 1;
    cr_assert_eq(run("routing apply @ --reason x"), 1);
    cr_assert_eq(asked(MESSAGE_apply), 0);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "E02") && !strstr(text, "E01"), "%s", text);
    expect_err("--allow-holes");
    peer_state.draft_length = 0;
    cr_assert_eq(run("routing apply @ --reason x --allow-holes"), EX_OK);
    cr_assert_eq(peer_state.holes_allowed, 1);
}

Test(ctl, what_the_daemon_refuses_to_apply_is_told_with_what_to_do)
{
    peer_state.apply_refusal = REFUSAL_NOT_CHECKED;
    cr_assert_eq(run("routing apply @ --reason x"), 1);
    expect_err("REF-0307");
    peer_state.draft_length = 0;
    peer_state.apply_refusal = REFUSAL_FAULTY;
    cr_assert_eq(run("routing apply @ --reason x"), EX_DATAERR);
}

Test(ctl, an_old_version_comes_back_by_its_number)
{
    cr_assert_eq(run("routing apply --version 3 --reason it_was_better"), EX_OK);
    cr_assert_eq(peer_state.version, 3);
    cr_assert_eq(asked(MESSAGE_coverage), 1);
    expect_out("network version 8 is in force\n");
}

Test(ctl, applying_needs_one_source_and_a_reason)
{
    cr_assert_eq(run("routing apply @"), EX_USAGE);
    cr_assert_eq(run("routing apply --reason x"), EX_USAGE);
    cr_assert_eq(run("routing apply @ --version 3 --reason x"), EX_USAGE);
    cr_assert_eq(run("routing apply --version 0 --reason x"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_draft), 0);
}

Test(ctl, programs_get_one_document_for_all_steps)
{
    json_t *document, *items;

    peer_state.new_holes = 1;
    cr_assert_eq(run("routing apply @ --reason x --allow-holes -o json"), EX_OK);
    document = json_loads(line_printed(cr_get_redirected_stdout()), 0, NULL);
    items = json_object_get(document, "items");
    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "referral.routing-apply/1");
    cr_assert_eq(json_array_size(items), 2);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(items, 0), "type")), "hole");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(items, 1), "network_version")), 8);
    json_decref(document);
}

Test(ctl, spreadsheets_get_one_table)
{
    peer_state.old_holes = 1;
    cr_assert_eq(run("routing apply @ --reason x -o csv"), EX_OK);
    cr_assert_str_eq(line_printed(cr_get_redirected_stdout()),
                     "neighbourhood_code,neighbourhood_name,need,age_band,cause,is_new\r\n");
    peer_state.faults = 1;
    peer_state.draft_length = 0;
    cr_assert_eq(run("routing diff @ -o csv"), EX_DATAERR);
    expect_out("line,fault\r\n,\"hub \"\"oak\"\" is there twice\"\r\n");
}

Test(ctl, versions_are_a_table)
{
    cr_assert_eq(run("routing versions"), EX_OK);
    expect_out("network_version");
}

Test(ctl, an_emergency_has_an_end_and_a_reason)
{
    int64_t now = (int64_t)time(NULL) * 1000;

    cr_assert_eq(run("emergency on --reason flood"), EX_USAGE);
    cr_assert_eq(run("emergency on --until 12h"), EX_USAGE);
    cr_assert_eq(run("emergency on --until soon --reason flood"), EX_USAGE);
    cr_assert_eq(run("emergency on --until -1d --reason flood"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_emergency), 0);
    cr_assert_eq(run("emergency on --until 12h --reason flood_at_the_harbour"), EX_OK);
    cr_assert_str_eq(peer_state.note, "flood at the harbour");
    cr_assert(peer_state.until >= now + 43199000 && peer_state.until < now + 43300000);
    cr_assert_eq(run("emergency on --until 2026-11-25T18:00:00Z --reason flood"), EX_OK);
    cr_assert_eq(peer_state.until, INT64_C(1795629600000));
    cr_assert_eq(run("emergency off --reason over"), EX_OK);
    cr_assert_eq(peer_state.until, 0);
    expect_out("the emergency rules are on until 2026-11-25T18:00:00.000Z, then they end by themselves\n"
               "the emergency rules are off\n");
}

Test(ctl, equity_is_told_against_population)
{
    cr_assert_eq(run("report equity --since 2026-09-01"), EX_OK);
    cr_assert_eq(peer_state.since, 20697);
    expect_out("of all people           1:  50%  2:   0%  3:   0%  4:   0%  5:  50%\n"
               "of all referrals        1:  80%  2:   0%  3:   0%  4:   0%  5:  20%\n"
               "accepted of its own     1:  50%  2:   -   3:   -   4:   -   5:  50%\n");
}

Test(ctl, a_profile_is_asked_about_with_its_options)
{
    cr_assert_eq(
        run("explain-profile --need food,housing --age 70 --neighbourhood E02003130 --carer --travel-minutes 30"),
        EX_OK);
    cr_assert_eq(peer_state.needs[0], NEED_FOOD);
    cr_assert_eq(peer_state.needs[1], NEED_HOUSING);
    cr_assert_eq(peer_state.age, 70);
    cr_assert_eq(peer_state.travel, 30);
    cr_assert_str_eq(peer_state.neighbourhood, "E02003130");
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "profile  routine: food, housing\n") && strstr(text, "approximate: the postcode's sector") &&
                  strstr(text, "because   ring: the nearer ring") && strstr(text, "Oak Hub") &&
                  strstr(text, "the emergency rules were on"),
              "%s", text);
}

Test(ctl, columns_hold_hubs_only_and_a_document_the_decision_too)
{
    json_t *document;

    cr_assert_eq(run("explain-profile --need food --age 70 -o csv"), EX_OK);
    cr_assert_str_eq(line_printed(cr_get_redirected_stdout()),
                     "hub_id,hub_name,need,rule,needed,service_id,ring,distance_m,places_free,stale,rank,chosen\r\n"
                     "oak,Oak Hub,food,eligible,,,,,,,,true\r\n");
    cr_assert_eq(run("explain-profile --need food --age 70 -o json"), EX_OK);
    document = json_loads(line_printed(cr_get_redirected_stdout()), 0, NULL);
    cr_assert_eq(json_array_size(json_object_get(document, "items")), 2);
    json_decref(document);
}

Test(ctl, a_profile_needs_a_need_and_an_age)
{
    cr_assert_eq(run("explain-profile --need food"), EX_USAGE);
    cr_assert_eq(run("explain-profile --age 70"), EX_USAGE);
    cr_assert_eq(run("explain-profile --age 70 --need foood"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_profile), 0);
    expect_err("--need: needs does not have the form of its kind: it takes a code of the list need");
}
