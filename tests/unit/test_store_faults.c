/* SPDX-License-Identifier: MIT
 * A store that fails: each call that a turn, a question or a start makes of it fails once. Then nothing is answered,
 * the restart finds what was there before, and no question is answered by halves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "tests/accounts.h"
#include "tests/asking.h"

#define TOWN(more)                                                                                                     \
    "name = \"Town\"; neighbour_distance = \"2km\"; pace = 5; overtaken_after = \"2d\";\n"                             \
    "deadlines = { retention = \"1d\"; waiting_review = \"2d\"; waiting_expiry = \"5d\"; };\n"                         \
    "emergency = { needs = [ \"food\" ]; neighbour_distance = \"30km\"; };\n"                                          \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"                                        \
    " { id = \"clinic\"; name = \"Clinic\"; kind = \"gp_link_worker\"; } );\n"                                         \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"              \
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;\n"              \
    "   areas = [ \"north\" ]; services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 2; } ); },\n"    \
    " { id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 249000; northing = 56000; areas = [ ];\n"         \
    "   services = ( { id = \"meals\"; needs = [ \"food\" ]; places = 3; } " more " ); } );\n"

static const char town[] = TOWN("");
static const char later[] = TOWN(", { id = \"company\"; needs = [ \"befriending\" ]; places = 1; }");

static const char *const parties[] = {"gp", "clinic", "oak", "elm"};
static uint64_t failed;  /* calls, in all */
static int64_t ended_at; /* the last turn that was not to fail */

/* ---- a turn whose every call fails once ---- */

static void greet(const char *party)
{
    struct request request;
    static uint8_t frame[MESSAGE_BYTES_MAX];
    static struct outbox heard;
    struct message hello;

    talk_begin_request(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    request = (struct request){.kind = REQUEST_MESSAGE, .connection = (connection_t)party[0], .message = &hello};
    request.frame = frame;
    request.frame_length = encode(&hello, frame, sizeof frame);
    request.role = strcmp(party, "gp") == 0 || strcmp(party, "clinic") == 0 ? ROLE_SENDER : ROLE_HUB;
    strcpy(request.party, party);
    outbox_clear(&heard);
    cr_assert_eq(turn_run(talk_turn, talk_now, &request, 1, &heard), STORE_OK);
    outbox_free(&heard);
}

/* The daemon stops, and is started again at the time of the turn before: it is as it was then. */
static void die_and_compare(const struct accounts *before, uint64_t call)
{
    static struct accounts after;
    int64_t now = talk_now;
    char where[40];

    talk_now = ended_at;
    talk_restart(town);
    after = held_in_memory();
    snprintf(where, sizeof where, "call %u", (unsigned)call);
    assert_accounts(before, &after, where);
    assert_mailboxes(before, &after, where);
    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
        greet(parties[i]);
    talk_now = now;
}

static enum store_result run_with_each_call_failing(struct turn *turn, int64_t now, const struct request *requests,
                                                    size_t count, struct outbox *outbox)
{
    static struct accounts before;

    for (uint64_t call = 1;; call++) {
        before = held_in_memory();
        talk_faults.fail_call = call;
        outbox_clear(outbox);
        enum store_result result = turn_run(call == 1 ? turn : talk_turn, now, requests, count, outbox);
        bool reached = talk_faults.fail_call == 0;
        talk_faults.fail_call = 0;
        if (!reached) {
            ended_at = now;
            return result;
        }
        cr_assert_eq(result, STORE_DAMAGED, "call %u fails, and what the turn says would leave", (unsigned)call);
        failed++;
        die_and_compare(&before, call);
    }
}

/* ---- what a town goes through ---- */

static void say_about(const char *party, enum message_type type, int64_t referral, enum field field, int64_t value)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_note, "a test");
    if (field)
        message_set_number(&message, field, value);
    talk_say(party, &message);
    cr_assert_eq(talk_refused(party), REFUSAL_NONE, "%s of %d: %d", message_spec(type)->name, (int)referral,
                 talk_refused(party));
    talk_say(party, &message); /* what was done is not done again */
    cr_assert(message_number(talk_heard(party, MESSAGE_done, 0), FIELD_duplicate), "%s", message_spec(type)->name);
}

static void place_with(int64_t referral, const char *hub, const char *service)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_place);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_hub_id, hub);
    message_set_string(&message, FIELD_service_id, service);
    message_set_string(&message, FIELD_note, "a test");
    talk_say(TALK_OPERATOR, &message);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE, "%d", talk_refused(TALK_OPERATOR));
}

static void update(int64_t referral, const char *phone)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_update);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_phone, phone);
    message_set_string(&message, FIELD_postcode, "ZE1 9ZX");
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NONE);
}

static int64_t enquire(int64_t referral)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_enquire);
    message_set_string(&message, FIELD_hub_id, "elm");
    message_set_string(&message, FIELD_note, "a test");
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    if (referral)
        message_set_number(&message, FIELD_referral_id, referral);
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NONE);
    return message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id);
}

static void answer_enquiry(int64_t enquiry)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_answer_enquiry);
    message_set_number(&message, FIELD_enquiry_id, enquiry);
    message_set_number(&message, FIELD_known, KNOWN_CANNOT_SAY);
    message_set_string(&message, FIELD_contact, "The duty desk");
    talk_say("elm", &message);
    cr_assert_eq(talk_refused("elm"), REFUSAL_NONE);
}

/* Whatever it was sent, until there is nothing left. */
static void confirm_all(const char *id)
{
    const struct party *party;

    while (party = ledger_party(&talk_turn->ledger, id), mailbox_unconfirmed(&party->mailbox))
        talk_confirm(id, (int64_t)party->mailbox.connections[ledger_slot_of(party, (connection_t)id[0])].newest);
}

static void people_are_referred(void)
{
    struct message same;

    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING); /* waits */
    talk_submit_all(4, (const enum need[]){NEED_FOOD, NEED_BEFRIENDING, 0});
    talk_submit(5, NEED_HOUSING); /* nobody offers it */
    talk_submit(1, NEED_BEFRIENDING);
    talk_person(&same, 1, (const enum need[]){NEED_FOOD, 0}); /* the person of the first, by another sender */
    message_set_uuid(&same, FIELD_request_id, (const uint8_t *)"a clinic's sixth");
    message_set_uuid(&same, FIELD_correlation_id, (const uint8_t *)"a clinic's story");
    talk_say_submit("clinic", &same);
}

/* And the sender thinks better of it. */
static void refer_on(int64_t origin)
{
    struct message message;

    talk_person(&message, 9, (const enum need[]){NEED_HOUSING, 0});
    message_set_number(&message, FIELD_onward_from, origin);
    message_set_uuid(&message, FIELD_correlation_id, talk_referral(origin).correlation_id);
    talk_cancel("oak", talk_say_submit("oak", &message));
}

static void hubs_answer(void)
{
    talk_answer("oak", MESSAGE_accept, 1, 1);
    refer_on(1);
    talk_answer("oak", MESSAGE_start, 1, 1);
    talk_answer("oak", MESSAGE_progress, 1, 1);
    talk_answer("oak", MESSAGE_pause, 1, 1);
    talk_answer("oak", MESSAGE_resume, 1, 1);
    answer_enquiry(enquire(0));
    enquire(1);
    update(1, "01632960111");
    update(1, "01632960112");
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    talk_answer("oak", MESSAGE_reject, 2, 1);
    talk_answer("elm", MESSAGE_accept, 4, 1);
}

static void operators_act(void)
{
    say_about(TALK_OPERATOR, MESSAGE_hold, 4, 0, 0);
    say_about(TALK_OPERATOR, MESSAGE_release, 4, 0, 0);
    say_about(TALK_OPERATOR, MESSAGE_prioritise, 5, FIELD_priority, PRIORITY_URGENT);
    say_about(TALK_OPERATOR, MESSAGE_annotate, 5, 0, 0);
    say_about(TALK_OPERATOR, MESSAGE_reoffer, 4, FIELD_offer_number, 1);
    say_about(TALK_OPERATOR, MESSAGE_turn_away, 5, FIELD_status_reason, REASON_NOT_ELIGIBLE);
    say_about(TALK_OPERATOR, MESSAGE_reveal, 1, 0, 0);
    talk_capacity("oak", "friends", 9);
    say_about(TALK_OPERATOR, MESSAGE_hold, 2, 0, 0);
    place_with(2, "oak", "friends");
    talk_emergency(talk_now + 3600000);
    talk_emergency(0);
    talk_change(later);
}

static void time_passes(void)
{
    for (int day = 0; day < 4; day++)
        talk_wait(TALK_DAY);
    talk_cancel("gp", 3);
    confirm_all("oak");
    confirm_all("gp");
    talk_wait(TALK_DAY);
    say_about("privacy", MESSAGE_erase, 3, 0, 0);
    talk_wait(TALK_DAY);
    say_about(TALK_OPERATOR, MESSAGE_reveal, 1, 0, 0);
    say_about("privacy", MESSAGE_reveal, 1, 0, 0);
    talk_gone('o');
}

static void live(void)
{
    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
        talk_hello(parties[i]);
    people_are_referred();
    hubs_answer();
    operators_act();
    time_passes();
}

static void begin(void)
{
    talk_begin(town);
    talk_options.held_max = 3; /* letters of who is behind go through the store too */
    talk_restart(town);
    ended_at = talk_now;
}

TestSuite(store_faults, .init = begin, .fini = talk_end);

Test(store_faults, whichever_call_of_a_turn_fails_nothing_is_answered_and_the_restart_is_as_before_it)
{
    talk_run = run_with_each_call_failing;
    live();
    cr_assert_gt(failed, 500, "only %u calls failed", (unsigned)failed);
}

/* ---- a start whose every call fails once ---- */

static bool starts(char *why, size_t why_size)
{
    static struct config_faults faults;
    struct network *network = network_parse("test", town, strlen(town), &faults);

    turn_close(&talk_turn);
    store_memory_crash(talk_store);
    store_memory_reopen(talk_store);
    why[0] = '\0';
    talk_turn = turn_open(talk_store, talk_seal, &network, town, strlen(town), &talk_options, talk_now, why, why_size);
    network_free(&network);
    return talk_turn != NULL;
}

/* True when the start was made without the fault: it has fewer calls. */
static bool is_refused_or_over(uint64_t call)
{
    char why[300];

    talk_faults.fail_call = call;
    bool started = starts(why, sizeof why);
    bool reached = talk_faults.fail_call == 0;
    talk_faults.fail_call = 0;
    cr_assert_eq(started, !reached, "call %u: %s", (unsigned)call, why);
    cr_assert(started || why[0], "call %u: it says why", (unsigned)call);
    return started;
}

Test(store_faults, whichever_call_of_a_start_fails_it_is_refused_and_the_next_one_is_whole)
{
    static struct accounts before, after;
    uint64_t call = 1;

    live();
    before = held_in_memory();
    while (!is_refused_or_over(call))
        call++;
    after = held_in_memory();
    assert_accounts(&before, &after, "after all that failed");
    assert_mailboxes(&before, &after, "after all that failed");
    cr_assert_gt(call, 50);
}

static void expect_no_start(enum memory_fault fault, const char *sentence)
{
    char why[300];

    talk_faults.next_commit = fault;
    cr_assert_not(starts(why, sizeof why));
    cr_assert(strstr(why, sentence), "%s", why);
    cr_assert(starts(why, sizeof why), "%s", why);
}

Test(store_faults, a_start_whose_commit_fails_is_refused_and_the_next_one_is_whole)
{
    talk_submit(1, NEED_BEFRIENDING);
    expect_no_start(MEMORY_FAULT_UNAVAILABLE, "the store cannot be written");
    expect_no_start(MEMORY_FAULT_UNKNOWN_STORED, "the store cannot be written");
    expect_no_start(MEMORY_FAULT_UNKNOWN_LOST, "the store cannot be written");
    cr_assert_eq(talk_totals().stored, 1);
}

/* A row under the daemon's own seal, as another version of it may have left it. */
static void write_sealed(enum table table, uint64_t key, const void *plain, size_t length)
{
    static uint8_t sealed[20000];
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    seal_bytes(talk_seal, (int)table, key, plain, length, sealed);
    store_put(talk_store, transaction, table, key, sealed, length + SEAL_OVERHEAD);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

static void expect_refused(const char *sentence)
{
    char why[300];

    cr_assert_not(starts(why, sizeof why));
    cr_assert(strstr(why, sentence), "%s", why);
}

Test(store_faults, a_store_of_another_format_is_left_to_the_version_that_wrote_it)
{
    static const char other[] = "referrald store, format 0";

    write_sealed(TABLE_META, META_FORMAT, other, sizeof other);
    expect_refused("the store has another format");
}

Test(store_faults, a_head_that_opens_and_is_no_head_stops_the_start)
{
    write_sealed(TABLE_META, META_HEAD, "\xc1\xc1\xc1", 3);
    expect_refused("the head of the store is damaged");
}

Test(store_faults, an_applied_network_that_this_version_cannot_read_stops_the_start_until_the_file_is_changed)
{
    static const char from_later[] = "name = \"Town\"; something_new = true;\n";
    const struct network_record record = {.applied_at = TALK_NOW};
    static uint8_t plain[RECORD_BYTES_MAX + sizeof from_later];

    talk_change(later);
    write_sealed(TABLE_NETWORK, 2, plain, record_write_network(&record, from_later, sizeof from_later - 1, plain));
    expect_refused("the network that an operator applied cannot be read by this version");
}

/* ---- questions whose every call fails once ---- */

static const struct {
    const char *party;
    enum role role;
} askers[] = {{"gp", ROLE_SENDER},       {"clinic", ROLE_SENDER},        {"oak", ROLE_HUB},
              {"elm", ROLE_HUB},         {TALK_OPERATOR, ROLE_OPERATOR}, {"privacy", ROLE_PRIVACY_OFFICER},
              {"uid-7000", ROLE_AUDITOR}};
enum { ASKERS = sizeof askers / sizeof askers[0], REFERRALS = 9 };

static int64_t draft;
static uint64_t asked;
static const char nhs_number[] = "9990000018";

/* All that the newest question was answered; its caller frees. */
static struct outbox take_answers(void)
{
    struct outbox taken = asking_outbox;

    asking_outbox = (struct outbox){0};
    return taken;
}

static bool is_same(const struct outbox *a, const struct outbox *b)
{
    return a->count == b->count && a->used == b->used && memcmp(a->bytes, b->bytes, a->used) == 0;
}

/* When the store fails there is no answer but a refusal: not half of one, and not that there is nothing. */
static void ask_with_each_call_failing(const char *party, enum role role, const struct message *question)
{
    const char *name = message_spec(question->type)->name;

    asking_as(party, role, question);
    struct outbox whole = take_answers();
    for (uint64_t call = 1;; call++) {
        talk_faults.fail_call = call;
        asking_as(party, role, question);
        bool reached = talk_faults.fail_call == 0;
        talk_faults.fail_call = 0;
        if (!reached)
            break;
        asked++;
        cr_assert(asking_count == 1 && asking_refused(), "%s as %s: call %u fails, and it has an answer of %zu", name,
                  party, (unsigned)call, asking_count);
    }
    cr_assert(is_same(&whole, &asking_outbox) || question->type == MESSAGE_draft /* each has a number of its own */,
              "%s as %s: it has another answer", name, party);
    outbox_free(&whole);
}

static bool has_member(const struct message_spec *spec, enum field field)
{
    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field == field)
            return true;
    return false;
}

/* Who is meant, or what, when the question needs it. */
static void fill_in(struct message *question, int64_t referral)
{
    const struct message_spec *spec = message_spec(question->type);

    if (has_member(spec, FIELD_referral_id))
        message_set_number(question, FIELD_referral_id, referral);
    if (has_member(spec, FIELD_draft))
        message_set_number(question, FIELD_draft, draft);
    if (has_member(spec, FIELD_reveal) && referral % 2)
        message_set_number(question, FIELD_reveal, 1);
    if (has_member(spec, FIELD_network_version))
        message_set_number(question, FIELD_network_version, 1);
    if (has_member(spec, FIELD_nhs_number))
        message_set_string(question, FIELD_nhs_number, nhs_number);
    if (question->type == MESSAGE_profile) {
        struct value *needs = message_set_list(question, FIELD_needs, 1);
        needs[MEMBER_code] = (struct value){.present = true, .number = NEED_FOOD};
        needs[MEMBER_is_primary] = (struct value){.present = true, .number = true};
        message_set_number(question, FIELD_age, 80);
        message_set_string(question, FIELD_postcode, "ZE1 9ZX");
    }
}

static void ask_everything(void (*ask)(const char *party, enum role role, const struct message *question))
{
    struct message question;

    for (size_t i = 0; i < messages_count; i++)
        for (int64_t referral = 1; referral <= REFERRALS; referral++)
            for (size_t asker = 0; asker < ASKERS; asker++) {
                const struct message_spec *spec = &messages[i];
                bool is_question = spec->direction == QUESTION || spec->direction == STUDY;
                if (!is_question || !(spec->roles & ROLE_BIT(askers[asker].role)) ||
                    (referral > 1 && !has_member(spec, FIELD_referral_id)))
                    continue;
                asking_begin(&question, spec->type);
                fill_in(&question, referral);
                ask(askers[asker].party, askers[asker].role, &question);
            }
}

Test(store_faults, whichever_call_of_a_question_fails_it_is_refused_and_never_half_an_answer)
{
    live();
    asking_open();
    draft = asking_draft(town);
    ask_everything(ask_with_each_call_failing);
    cr_assert_gt(asked, 1000, "only %u calls failed", (unsigned)asked);
    asking_close();
}

/* ---- a row that is damaged ---- */

enum damage { GONE, SHORT, TURNED, NONSENSE, LONG, DAMAGES };

struct row {
    enum table table;
    uint64_t key;
    uint8_t *bytes; /* as they were */
    size_t length;
};

static struct row rows[1000];
static size_t rows_count;

static void write_row(const struct row *row, const void *bytes, size_t length)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    if (bytes)
        store_put(talk_store, transaction, row->table, row->key, bytes, length);
    else
        store_del(talk_store, transaction, row->table, row->key);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

static void find_rows(void)
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;

    rows_count = 0;
    for (enum table table = 0; table < TABLE_COUNT; table++)
        for (struct row row = {.table = table};
             store_seek(talk_store, transaction, table, false, &row.key, &bytes, &row.length) == STORE_OK; row.key++) {
            cr_assert_lt(rows_count, sizeof rows / sizeof rows[0]);
            row.bytes = malloc(row.length);
            memcpy(row.bytes, bytes, row.length);
            rows[rows_count++] = row;
        }
    store_abort(talk_store, &transaction);
}

static void forget_rows(void)
{
    while (rows_count)
        free(rows[--rows_count].bytes);
}

/* NONSENSE opens under the daemon's own seal, and is no record: a fault of a program, not of a disk. */
static void damage_row(const struct row *row, enum damage damage)
{
    static uint8_t bytes[100000];
    static const uint8_t nonsense[] = {0xc1, 0xc1, 0xc1};

    memset(bytes, 7, sizeof bytes);
    if (damage == GONE)
        write_row(row, NULL, 0);
    if (damage == SHORT)
        write_row(row, row->bytes, 3);
    if (damage == TURNED) {
        memcpy(bytes, row->bytes, row->length);
        bytes[row->length / 2] ^= 1;
        write_row(row, bytes, row->length);
    }
    if (damage == NONSENSE) {
        seal_bytes(talk_seal, (int)row->table, row->key, nonsense, sizeof nonsense, bytes);
        write_row(row, bytes, sizeof nonsense + SEAL_OVERHEAD);
    }
    if (damage == LONG)
        write_row(row, bytes, sizeof bytes);
}

static char damaged[100]; /* what, for messages */

static void name_damage(const struct row *row, enum damage damage)
{
    static const char *const names[] = {"gone", "short", "turned", "nonsense", "long"};

    snprintf(damaged, sizeof damaged, "row %llx of table %d is %s", (unsigned long long)row->key, (int)row->table,
             names[damage]);
}

/* ---- questions about it ---- */

/* Every question's answers when nothing was damaged; what is decoded points into itself and into the bytes. */
static struct answered {
    struct message *messages;
    size_t count;
    struct outbox bytes;
} answered[2000];
static size_t answered_count;

/* What is about one thing; figures and findings about the whole store say that some is missing. */
static bool is_told_of_one(enum message_type type)
{
    return type == MESSAGE_happened || type == MESSAGE_exported || type == MESSAGE_seen || type == MESSAGE_erasable ||
           type == MESSAGE_enquiry;
}

static void learn(const char *party, enum role role, const struct message *question)
{
    asking_as(party, role, question);
    cr_assert_lt(answered_count, sizeof answered / sizeof answered[0]);
    answered[answered_count++] =
        (struct answered){.messages = asking_answers, .count = asking_count, .bytes = take_answers()};
    asking_answers = NULL;
}

static bool is_same_text(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static bool is_same_field(const struct message *a, const struct message *b, enum field field)
{
    enum kind kind = fields[field].kind;

    if (kind >= KIND_CODES)
        return message_list_count(a, field) == message_list_count(b, field);
    if (kind == KIND_UUID)
        return memcmp(message_uuid(a, field), message_uuid(b, field), UUID_BYTES) == 0;
    if (kind == KIND_REFERRAL_ID || (kind >= KIND_CODE && kind <= KIND_DATE))
        return message_number(a, field) == message_number(b, field);
    return is_same_text(message_text(a, field), message_text(b, field));
}

/* Nothing stands in it that does not stand in the other. */
static bool says_no_more(const struct message *less, const struct message *more)
{
    bool same = less->type == more->type;

    for (int field = 0; same && field < FIELD_COUNT; field++)
        same = !message_has(less, (enum field)field) ||
               (message_has(more, (enum field)field) && is_same_field(less, more, (enum field)field));
    return same;
}

static bool was_told(const struct message *row)
{
    for (size_t i = 0; i < answered_count; i++)
        for (size_t j = 0; j < answered[i].count; j++)
            if (says_no_more(row, &answered[i].messages[j]))
                return true;
    return false;
}

/* It is answered, and nothing is told that was not so before. */
static void ask_and_compare(const char *party, enum role role, const struct message *question)
{
    asking_as(party, role, question);
    for (size_t i = 0; i < asking_count; i++)
        cr_assert(!is_told_of_one(asking_answers[i].type) || was_told(&asking_answers[i]),
                  "%s: %s as %s tells what was never true", damaged, message_spec(question->type)->name, party);
}

static int64_t findings(void)
{
    struct message check;

    asking_begin(&check, MESSAGE_store_check);
    asking_as("uid-7000", ROLE_AUDITOR, &check);
    return asking_refused() ? 1 : message_number(&asking_answers[asking_count - 1], FIELD_count);
}

static bool is_verified(void)
{
    struct message verify;

    asking_begin(&verify, MESSAGE_verify);
    asking_as("uid-7000", ROLE_AUDITOR, &verify);
    return !asking_refused() && !message_has(&asking_answers[0], FIELD_first_bad);
}

/* What stands in the store and is looked at while the daemon runs; the mark is looked at by a start. */
static void expect_noticed(const struct row *row, enum damage damage)
{
    bool of_history = row->table == TABLE_HISTORY;
    bool is_unmissed = damage == GONE && row->table != TABLE_REFERRAL && row->table != TABLE_CONTENT;
    bool opens = damage == NONSENSE && row->table != TABLE_REFERRAL && row->table != TABLE_CONTENT &&
                 row->table != TABLE_ENQUIRY && row->table != TABLE_OWED;

    if (of_history)
        cr_assert_not(is_verified(), "%s, and the history is verified", damaged);
    else if (row->table != TABLE_META && !is_unmissed && !opens)
        cr_assert_gt(findings(), 0, "%s, and the check finds nothing", damaged);
}

Test(store_faults, whichever_row_is_damaged_it_is_noticed_and_no_question_tells_what_was_never_true)
{
    live();
    asking_open();
    draft = asking_draft(later);
    cr_assert_eq(findings(), 0);
    cr_assert(is_verified());
    ask_everything(learn);
    find_rows();
    for (size_t i = 0; i < rows_count; i++)
        for (enum damage damage = 0; damage < DAMAGES; damage++) {
            name_damage(&rows[i], damage);
            damage_row(&rows[i], damage);
            expect_noticed(&rows[i], damage);
            if (damage == TURNED + i % 2) /* or NONSENSE: each row one of them */
                ask_everything(ask_and_compare);
            write_row(&rows[i], rows[i].bytes, rows[i].length);
        }
    cr_assert_eq(findings(), 0, "all is as it was");
    while (answered_count) {
        free(answered[--answered_count].messages);
        outbox_free(&answered[answered_count].bytes);
    }
    forget_rows();
    asking_close();
}

/* ---- a daemon that goes on with a damaged row ---- */

static bool went_on; /* else the daemon has ended itself, as after any failure of its store */

static enum store_result run_on_damage(struct turn *turn, int64_t now, const struct request *requests, size_t count,
                                       struct outbox *outbox)
{
    enum store_result result = went_on ? turn_run(turn, now, requests, count, outbox) : STORE_OK;

    cr_assert(result == STORE_OK || result == STORE_DAMAGED, "%s: %s", damaged, store_result_text(result));
    cr_assert(!went_on || result != STORE_OK || !count || outbox->count, "%s: a request has no answer", damaged);
    went_on = went_on && result == STORE_OK;
    return STORE_OK;
}

/* Whatever is said about it, or to it, there is an answer, or the daemon ends. */
static void say_to_damaged(const char *party, enum message_type type, int64_t referral, enum field field, int64_t value)
{
    struct message message;

    talk_begin_request(&message, type);
    if (referral)
        message_set_number(&message, FIELD_referral_id, referral);
    if (has_member(message_spec(type), FIELD_note))
        message_set_string(&message, FIELD_note, "a test");
    if (field)
        message_set_number(&message, field, value);
    talk_say(party, &message);
}

static void say_everything_to(int64_t referral)
{
    struct message message;

    say_to_damaged("oak", MESSAGE_accept, referral, FIELD_offer_number, 1);
    say_to_damaged("elm", MESSAGE_accept, referral, FIELD_offer_number, 1);
    say_to_damaged(TALK_OPERATOR, MESSAGE_reveal, referral, 0, 0);
    say_to_damaged(TALK_OPERATOR, MESSAGE_hold, referral, 0, 0);
    say_to_damaged(TALK_OPERATOR, MESSAGE_release, referral, 0, 0);
    talk_begin_request(&message, MESSAGE_answer_enquiry);
    message_set_number(&message, FIELD_enquiry_id, referral);
    message_set_number(&message, FIELD_known, KNOWN_CANNOT_SAY);
    message_set_string(&message, FIELD_contact, "The duty desk");
    talk_say("elm", &message);
    talk_begin_request(&message, MESSAGE_update);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_phone, "01632960113");
    talk_say("gp", &message);
    say_to_damaged("gp", MESSAGE_cancel, referral, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    say_to_damaged("privacy", MESSAGE_erase, referral, 0, 0);
}

static void go_on(void)
{
    struct message message;

    for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++)
        say_to_damaged(parties[i], MESSAGE_hello, 0, FIELD_protocol_version, PROTOCOL_VERSION);
    for (int day = 0; day < 3; day++)
        talk_wait(TALK_DAY);
    talk_person(&message, 1, (const enum need[]){NEED_BEFRIENDING, 0}); /* said before */
    talk_say("gp", &message);
    talk_person(&message, 77, (const enum need[]){NEED_BEFRIENDING, 0});
    talk_say("gp", &message);
    for (int64_t referral = 1; referral <= REFERRALS; referral++)
        say_everything_to(referral);
    if (went_on)
        talk_apply(talk_draft(town, 0), true);
    for (int day = 0; day < 40; day++)
        talk_wait(TALK_DAY);
}

static void live_damage_and_go_on(size_t i, enum damage damage, bool while_it_runs)
{
    char why[300];

    talk_run = turn_run;
    live();
    find_rows();
    name_damage(&rows[i], damage);
    damage_row(&rows[i], damage);
    went_on = true;
    if (while_it_runs || starts(why, sizeof why)) {
        talk_run = run_on_damage;
        go_on();
    } else {
        cr_assert(why[0], "%s: it does not start, and does not say why", damaged);
        write_row(&rows[i], rows[i].bytes, rows[i].length);
        cr_assert(starts(why, sizeof why), "%s, and was put right: %s", damaged, why);
    }
}

Test(store_faults, whichever_row_is_damaged_the_daemon_answers_or_ends_or_does_not_start_and_says_why)
{
    live();
    find_rows();
    size_t count = rows_count;
    forget_rows();
    for (size_t i = 0; i < 2 * count; i++) {
        talk_end();
        begin();
        live_damage_and_go_on(i / 2, i / 2 % 2 ? TURNED : NONSENSE, i % 2);
        forget_rows();
    }
}

Test(store_faults, no_network_comes_into_force_over_places_that_cannot_be_read)
{
    talk_capacity("oak", "friends", 7);
    find_rows();
    for (size_t i = 0; i < rows_count; i++)
        if (rows[i].table == TABLE_CAPACITY)
            damage_row(&rows[i], TURNED);
    uint32_t version = talk_head().network;
    forget_rows();
    went_on = true;
    talk_run = run_on_damage;
    talk_apply(talk_draft(later, 0), true);
    cr_assert_not(went_on, "the daemon ends, and the next start says what is damaged");
    cr_assert_eq(talk_head().network, version);
}

/* ---- a store that does not begin ---- */

static void expect_later(const char *party, enum role role, const struct message *question)
{
    bool of_drafts = question->type == MESSAGE_check; /* they stand in memory */

    asking_as(party, role, question);
    cr_assert(of_drafts || (asking_count == 1 && asking_refused() == REFUSAL_BUSY), "%s as %s",
              message_spec(question->type)->name, party);
}

Test(store_faults, while_nothing_begins_a_question_is_to_come_again_and_a_turn_and_a_start_do_nothing)
{
    char why[300];

    live();
    asking_open();
    draft = asking_draft(later);
    store_memory_crash(talk_store);
    ask_everything(expect_later);
    outbox_clear(&talk_outbox);
    cr_expect_eq(turn_run(talk_turn, talk_now, NULL, 0, &talk_outbox), STORE_UNAVAILABLE);
    cr_expect_eq(talk_outbox.count, 0);
    asking_close();
    turn_close(&talk_turn);
    struct config_faults faults = {0};
    struct network *network = network_parse("test", town, strlen(town), &faults);
    talk_turn =
        turn_open(talk_store, talk_seal, &network, town, strlen(town), &talk_options, talk_now, why, sizeof why);
    network_free(&network);
    cr_assert_null(talk_turn);
    cr_expect(strstr(why, "the store cannot be written"), "%s", why);
    store_memory_reopen(talk_store);
    cr_assert(starts(why, sizeof why), "%s", why);
}
