/* SPDX-License-Identifier: MIT
 * The hub's agent loses no push and repeats none, and lets nobody else read them. Pushes are built, not received. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/hub_answer.h"
#include "clients/hub_spool.h"
#include "clients/print.h"
#include "proto/check.h"
#include "tests/people.h"

static char directory[64];
static struct journal *journal;
static struct spool *spool;

static void reopen(void)
{
    spool_close(&spool);
    journal_close(&journal);
    cr_assert_eq(journal_open(&journal, directory), JOURNAL_OK);
    cr_assert(spool_open(&spool, directory, journal));
}

static void open_all(void)
{
    snprintf(directory, sizeof directory, "/tmp/hub-spool-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    reopen();
}

static void remove_tree(const char *path)
{
    DIR *list = opendir(path);
    const struct dirent *entry;
    char inner[512];

    while (list && (entry = readdir(list))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner))
            remove_tree(inner);
    }
    if (list)
        closedir(list);
    rmdir(path);
}

static void close_all(void)
{
    spool_close(&spool);
    journal_close(&journal);
    remove_tree(directory);
}

TestSuite(hub_spool, .init = open_all, .fini = close_all);

/* The push that tells the hub who the person is: all personal data there is. */
static void build_push(struct message *push, int64_t number, uint64_t referral)
{
    static struct message submit;
    const struct message_spec *spec = message_spec(MESSAGE_person);

    person_submit(&submit, (unsigned)referral, PEOPLE_POSTCODE);
    message_init(push, MESSAGE_person);
    for (size_t i = 0; i < spec->count; i++)
        if (message_has(&submit, spec->members[i].field))
            message_copy(push, &submit, spec->members[i].field);
    message_set_number(push, FIELD_mailbox_number, number);
    message_set_number(push, FIELD_referral_id, (int64_t)referral);
    message_set_number(push, FIELD_offer_number, 1);
    message_set_string(push, FIELD_service_id, "befriending");
    message_set_string(push, FIELD_sender_id, "surgery-1");
    message_set_number(push, FIELD_at, PEOPLE_AUTHORED_MS);
}

static char *render(const struct message *push, size_t *length)
{
    char *json = NULL;
    FILE *out = open_memstream(&json, length);

    print_one(PRINT_JSONL, "referral.push/1", push, true, out);
    fclose(out);
    return json;
}

static bool hand_over(int64_t number, uint64_t referral)
{
    struct message push;
    size_t length;
    char *json;
    bool ok;

    build_push(&push, number, referral);
    json = render(&push, &length);
    ok = spool_push(spool, journal, &push, json, length);
    free(json);
    return ok;
}

static bool has(int64_t number, uint64_t referral)
{
    struct message push;

    build_push(&push, number, referral);
    return journal_has(journal, &push);
}

static void path_in(char path[512], const char *place, const char *name)
{
    snprintf(path, 512, "%s/%s%s%s", directory, place, name[0] ? "/" : "", name);
}

static void write_text(const char *place, const char *name, const char *text, const char *how)
{
    char path[512];
    FILE *out;

    path_in(path, place, name);
    out = fopen(path, how);
    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

static bool exists(const char *place, const char *name)
{
    char path[512];

    path_in(path, place, name);
    return access(path, F_OK) == 0;
}

/* Counts files; the name of the last one goes to name when it is not NULL. */
static int count_files(const char *place, char *name)
{
    char path[512];
    DIR *list;
    const struct dirent *entry;
    int count = 0;

    path_in(path, place, "");
    list = opendir(path);
    cr_assert_not_null(list);
    while ((entry = readdir(list))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (name)
            strcpy(name, entry->d_name);
    }
    closedir(list);
    return count;
}

Test(hub_spool, a_push_appears_whole_in_new_and_nowhere_else)
{
    char path[512], name[256], read_back[8192] = "";
    struct message push;
    size_t length;
    char *json;
    FILE *in;

    cr_assert(hand_over(1, 7));
    cr_assert_eq(count_files("new", name), 1);
    cr_assert_eq(count_files("tmp", NULL), 0);
    path_in(path, "new", name);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    cr_assert_gt(fread(read_back, 1, sizeof read_back - 1, in), 0);
    fclose(in);
    build_push(&push, 1, 7);
    json = render(&push, &length);
    cr_assert_str_eq(read_back, json);
    cr_assert_not_null(strstr(json, "\"family_name\""));
    free(json);
}

Test(hub_spool, names_hold_mailbox_number_and_referral_id_only)
{
    char name[256];
    regex_t form;

    cr_assert_eq(regcomp(&form, "^[0-9]{16}\\.R[0-9]+-[0-9]{2}\\.json$", REG_EXTENDED | REG_NOSUB), 0);
    cr_assert(hand_over(12, 3456));
    cr_assert_eq(count_files("new", name), 1);
    cr_assert_eq(regexec(&form, name, 0, NULL, 0), 0, "%s", name);
    regfree(&form);
}

Test(hub_spool, only_the_owner_may_read)
{
    static const char *const places[] = {"tmp", "new", "kept", "outbox", "sent", "failed"};
    struct stat status;
    char path[512], name[256];

    umask(0);
    spool_close(&spool);
    journal_close(&journal);
    remove_tree(directory);
    cr_assert_eq(mkdir(directory, 0700), 0);
    reopen();
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        path_in(path, places[i], "");
        cr_assert_eq(stat(path, &status), 0);
        cr_assert_eq(status.st_mode & 0777, 0700, "%s", places[i]);
    }
    cr_assert(hand_over(1, 1));
    count_files("new", name);
    path_in(path, "new", name);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    path_in(path, "journal", "");
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
}

Test(hub_spool, a_restart_remembers_what_was_handed_over)
{
    cr_assert(hand_over(1, 7));
    cr_assert(hand_over(2, 8));
    reopen();
    cr_assert(has(1, 7));
    cr_assert(has(2, 8));
    cr_assert_not(has(3, 9));
    cr_assert_eq(journal_last(journal), 2);
}

/* The tool has taken the file away before the restart: it must not come again. */
Test(hub_spool, what_the_tool_has_taken_away_does_not_come_again)
{
    char path[512], name[256];

    cr_assert(hand_over(1, 7));
    count_files("new", name);
    path_in(path, "new", name);
    cr_assert_eq(unlink(path), 0);
    reopen();
    cr_assert(has(1, 7));
    cr_assert_eq(count_files("new", NULL), 0);
    cr_assert_eq(count_files("tmp", NULL), 0);
}

Test(hub_spool, stopped_after_the_journal_the_rename_is_done_at_the_next_start)
{
    char name[256], from[512], to[512];

    cr_assert(hand_over(1, 7));
    count_files("new", name);
    path_in(from, "new", name);
    path_in(to, "tmp", name);
    cr_assert_eq(rename(from, to), 0); /* as if the program had been stopped before its rename */
    reopen();
    cr_assert(has(1, 7));
    cr_assert(exists("new", name));
    cr_assert_eq(count_files("tmp", NULL), 0);
}

Test(hub_spool, stopped_before_the_journal_the_push_is_handed_over_anew)
{
    cr_assert(hand_over(1, 7));
    write_text("tmp", "0000000000000002.R8-00.json", "{\"half", "w");
    reopen();
    cr_assert_not(has(2, 8));
    cr_assert_eq(count_files("tmp", NULL), 0);
    cr_assert(hand_over(2, 8));
    cr_assert_eq(count_files("new", NULL), 2);
}

Test(hub_spool, half_a_line_at_the_end_of_the_journal_does_not_count)
{
    cr_assert(hand_over(1, 7));
    write_text("journal", "", "2 R8-99 person {\"type\":\"accept\",\"note\":\"longer than the next line\"", "a");
    reopen();
    cr_assert(has(1, 7));
    cr_assert_not(has(2, 8));
    cr_assert(hand_over(2, 8));
    reopen();
    cr_assert(has(2, 8));
}

Test(hub_spool, rubbish_in_the_journal_is_not_taken_for_one)
{
    struct journal *other;

    spool_close(&spool);
    journal_close(&journal);
    write_text("journal", "", "not a journal\n", "w");
    cr_assert_eq(journal_open(&other, directory), JOURNAL_DAMAGED);
    cr_assert_null(other);
}

Test(hub_spool, a_number_that_was_given_to_another_referral_is_another_push)
{
    cr_assert(hand_over(1, 7));
    cr_assert(hand_over(2, 8));
    cr_assert_not(has(1, 99));
    cr_assert_not(has(2, 7));
}

Test(hub_spool, two_programs_do_not_share_a_journal)
{
    struct journal *other;

    cr_assert_eq(journal_open(&other, directory), JOURNAL_LOCKED);
    cr_assert_null(other);
}

Test(hub_spool, a_journal_that_has_grown_is_shortened_and_keeps_the_newest)
{
    const int lines = 20000;
    char path[512], referral[REFERRAL_ID_BYTES_MAX];
    struct stat before, after;
    FILE *out;

    spool_close(&spool);
    journal_close(&journal);
    path_in(path, "journal", "");
    out = fopen(path, "w");
    cr_assert_not_null(out);
    for (int i = 1; i <= lines; i++) {
        referral_id_format((uint64_t)i, referral);
        fprintf(out, "%d %s person\n", i, referral);
    }
    fclose(out);
    stat(path, &before);
    reopen();
    stat(path, &after);
    cr_assert_lt(after.st_size, before.st_size / 4);
    cr_assert(has(lines, (uint64_t)lines));
    cr_assert_not(has(1, 1), "a low number alone says nothing: another program may have given it back");
    cr_assert(hand_over(lines + 1, (uint64_t)lines + 1));
    reopen();
    cr_assert(has(lines, (uint64_t)lines));
    cr_assert(has(lines + 1, (uint64_t)lines + 1));
    cr_assert_not(has(lines + 2, (uint64_t)lines + 2));
}

Test(hub_spool, an_answer_that_is_owed_survives_a_restart)
{
    struct message push;

    build_push(&push, 1, 7);
    cr_assert_eq(journal_add(journal, &push, "{\"type\":\"accept\",\"note\":\"on Monday\"}"), JOURNAL_OK);
    reopen();
    cr_assert_str_eq(journal_answer(journal), "{\"type\":\"accept\",\"note\":\"on Monday\"}");
    cr_assert(hand_over(2, 8));
    reopen();
    cr_assert_str_eq(journal_answer(journal), "");
}

Test(hub_spool, a_lower_number_that_comes_late_was_not_handed_over)
{
    cr_assert(hand_over(9, 7));
    cr_assert_not(has(8, 7));
    cr_assert(hand_over(8, 7));
    reopen();
    cr_assert(has(8, 7));
    cr_assert(has(9, 7));
}

Test(hub_spool, an_enquiry_is_known_by_its_own_number)
{
    struct message push, other;

    message_init(&push, MESSAGE_enquiry);
    message_set_number(&push, FIELD_mailbox_number, 4);
    message_set_number(&push, FIELD_enquiry_id, 17);
    cr_assert_eq(journal_add(journal, &push, NULL), JOURNAL_OK);
    reopen();
    cr_assert(journal_has(journal, &push));
    other = push;
    message_set_number(&other, FIELD_enquiry_id, 18);
    cr_assert_not(journal_has(journal, &other));
}

Test(hub_spool, the_head_of_the_history_is_kept)
{
    struct exchange_anchor kept, anchor = {.sequence = 48211};

    cr_assert_eq(journal_read_anchor(directory, &kept), JOURNAL_IO);
    memset(anchor.head, 'a', 64);
    cr_assert_eq(journal_keep_anchor(journal, &anchor), JOURNAL_OK);
    cr_assert_eq(journal_read_anchor(directory, &kept), JOURNAL_OK);
    cr_assert_eq(kept.sequence, 48211);
    cr_assert_str_eq(kept.head, anchor.head);
    write_text("anchor", "", "48211:short\n", "w");
    cr_assert_eq(journal_read_anchor(directory, &kept), JOURNAL_DAMAGED);
}

Test(hub_spool, what_the_command_does_not_take_is_kept_aside)
{
    struct message push;

    build_push(&push, 1, 7);
    cr_assert(spool_keep(spool, &push, "{}", 2));
    cr_assert_eq(count_files("kept", NULL), 1);
    cr_assert_eq(count_files("new", NULL), 0);
}

Test(hub_spool, answers_are_taken_in_the_order_of_names_and_dot_files_are_left)
{
    struct outbox_file file;

    cr_assert_not(spool_next_answer(spool, &file));
    write_text("outbox", ".being-written", "{", "w");
    cr_assert_not(spool_next_answer(spool, &file));
    write_text("outbox", "b.json", "{}", "w");
    write_text("outbox", "a.json", "{}", "w");
    cr_assert(spool_next_answer(spool, &file));
    cr_assert_str_eq(file.name, "a.json");
    cr_assert(spool_answer_sent(spool, &file, "{}\n"));
    cr_assert(exists("sent", "a.json"));
    cr_assert(exists("sent", "a.json.done"), "what the network said to it");
    cr_assert(spool_next_answer(spool, &file));
    cr_assert_str_eq(file.name, "b.json");
}

Test(hub_spool, an_answer_keeps_its_request_id_over_a_restart)
{
    struct outbox_file before, after;
    size_t length;
    char *text;

    write_text("outbox", "a.json", "{\"type\":\"accept\"}", "w");
    cr_assert(spool_next_answer(spool, &before));
    reopen();
    cr_assert(spool_next_answer(spool, &after));
    cr_assert_str_eq(after.name, "a.json");
    cr_assert_str_eq(before.request_id, after.request_id);
    text = spool_read_answer(spool, &after, &length);
    cr_assert_str_eq(text, "{\"type\":\"accept\"}");
    free(text);
}

Test(hub_spool, a_refused_answer_lies_in_failed_with_the_reason_beside_it)
{
    struct outbox_file file;
    char path[512], line[64] = "";
    FILE *in;

    write_text("outbox", "a.json", "{", "w");
    cr_assert(spool_next_answer(spool, &file));
    cr_assert(spool_answer_failed(spool, &file, "This offer has been withdrawn."));
    cr_assert(exists("failed", "a.json"));
    cr_assert_eq(count_files("outbox", NULL), 0);
    path_in(path, "failed", "a.json.why");
    in = fopen(path, "r");
    cr_assert_not_null(in);
    cr_assert_not_null(fgets(line, sizeof line, in));
    fclose(in);
    cr_assert_str_eq(line, "This offer has been withdrawn.\n");
}

Test(hub_spool, a_link_or_a_directory_in_outbox_is_not_read)
{
    struct outbox_file file;
    size_t length;
    char path[512];

    path_in(path, "outbox", "link.json");
    cr_assert_eq(symlink("/etc/hostname", path), 0);
    cr_assert(spool_next_answer(spool, &file));
    cr_assert_null(spool_read_answer(spool, &file, &length));
    cr_assert(spool_answer_failed(spool, &file, "not a file"));
    path_in(path, "outbox", "folder.json");
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert(spool_next_answer(spool, &file));
    cr_assert_null(spool_read_answer(spool, &file, &length));
}
