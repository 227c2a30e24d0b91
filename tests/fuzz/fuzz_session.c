/* SPDX-License-Identifier: MIT
 * Whole sessions: bytes become what parties say, how time passes and when the daemon dies, into the real turn over the
 * memory store. Asserts stand in the code under test; at the end the daemon starts again, and counts what it counted.
 */
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/turn.h"
#include "proto/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

static const char network_text[] =
    "name = \"fuzz\"; neighbour_distance = \"5km\"; hops_max = 3;"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 247000; northing = 56000; } );"
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; areas = [ \"North\" ]; easting = 247000; northing = "
    "56000;"
    "  services = ( { id = \"food\"; needs = [ \"food\", \"befriending\" ]; places = 2; } ); },"
    "  { id = \"ash\"; name = \"Ash\"; tier = \"targeted\"; areas = [ \"North\" ]; easting = 247500; northing = 56500;"
    "  services = ( { id = \"food\"; needs = [ \"food\" ]; places = 1; } ); } );"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; practice = \"L83006\"; } );";

static const struct {
    const char *party;
    enum role role;
} parties[] = {{"gp", ROLE_SENDER},
               {"oak", ROLE_HUB},
               {"ash", ROLE_HUB},
               {"uid-1", ROLE_OPERATOR},
               {"uid-2", ROLE_PRIVACY_OFFICER},
               {"uid-3", ROLE_AUDITOR}};

struct session {
    const uint8_t *data;
    size_t size, at;
    struct store *store;
    struct store_memory_faults faults;
    struct seal *seal;
    struct turn *turn;
    struct outbox outbox;
    int64_t now;
    uint32_t said;
};

static uint8_t next(struct session *session)
{
    return session->at < session->size ? session->data[session->at++] : 0;
}

static void start(struct session *session)
{
    static struct config_faults faults;
    static const uint8_t master[SEAL_KEY_BYTES] = {1}, seed[32] = {2};
    struct turn_options options = {
        .window = 8, .retry_after_ms = 500, .push_again_ms = 10000, .version = "fuzz", .unfetched_ms = 86400000};
    char why[300] = "";

    faults.count = 0;
    struct network *network = network_parse("fuzz", network_text, sizeof network_text - 1, &faults);
    REQUIRE(network);
    session->seal = seal_open(master, seed);
    session->turn = turn_open(session->store, session->seal, &network, network_text, sizeof network_text - 1, &options,
                              session->now, why, sizeof why);
    REQUIRE(session->turn);
}

static void stop(struct session *session)
{
    turn_close(&session->turn);
    seal_close(&session->seal);
}

/* A text that is good for its kind. */
static const char *text_for(enum kind kind, uint8_t byte)
{
    switch (kind) {
    case KIND_ID:
    case KIND_IDS:
        return byte < 100 ? "oak" : byte < 200 ? "ash" : "food";
    case KIND_POSTCODE:
        return PEOPLE_POSTCODE;
    case KIND_NHS_NUMBER:
        return "9990000018";
    case KIND_PHONE:
        return "01752 000000";
    case KIND_EMAIL:
        return "somebody@example.org";
    case KIND_ODS:
        return "L83006";
    case KIND_SNOMED:
        return "871731000000106";
    default:
        return byte < 250 ? "said" : "";
    }
}

static void fill_plain(struct session *session, struct value *value, const struct field_spec *spec)
{
    uint8_t byte = next(session);

    value->present = true;
    if (spec->kind == KIND_CODE || spec->kind == KIND_CODES)
        value->number = lists[spec->of].codes[byte % lists[spec->of].count].number;
    else if (spec->kind == KIND_BOOL)
        value->number = byte & 1;
    else if (spec->kind == KIND_REFERRAL_ID)
        value->number = 1 + byte % 16;
    else if (spec->kind == KIND_INT || spec->kind == KIND_INTS)
        value->number = spec->least + byte % 8 > spec->most ? spec->most : spec->least + byte % 8;
    else if (spec->kind == KIND_DATETIME)
        value->number = session->now + (byte - 128) * INT64_C(3600000);
    else if (spec->kind == KIND_DATE)
        value->number = session->now / 86400000 + byte - 128;
    else if (spec->kind == KIND_UUID)
        value->uuid[0] = byte;
    else
        value->text = (struct text){text_for(spec->kind, byte), (uint32_t)strlen(text_for(spec->kind, byte))};
}

static bool is_list(enum kind kind)
{
    return kind == KIND_CODES || kind == KIND_IDS || kind == KIND_TEXTS || kind == KIND_INTS;
}

static void fill_records(struct session *session, struct message *message, enum field field)
{
    const struct record_spec *record = &records[fields[field].of];
    struct value *value = message_set_list(message, field, 1);

    for (size_t i = 0; value && i < record->count; i++) {
        const struct field_spec *member = &record->members[i];
        struct value *one = is_list(member->kind) ? message_set_member_list(message, &value[i], 1) : &value[i];
        if (one && (member->obligation == MANDATORY || next(session) < 128))
            fill_plain(session, one, member);
    }
}

/* A value of the field's kind, small, so that sayings meet one another. */
static void fill(struct session *session, struct message *message, enum field field)
{
    const struct field_spec *spec = &fields[field];

    if (spec->kind == KIND_RECORDS) {
        fill_records(session, message, field);
        return;
    }
    fill_plain(session, is_list(spec->kind) ? message_set_list(message, field, 1) : message_value(message, field),
               spec);
}

static void say(struct session *session, const struct message *message)
{
    static struct decoder *decoder;
    static struct spoken spoken;
    const struct message_spec *spec = message_spec(message->type);
    struct fault fault;
    uint8_t who = next(session) % (sizeof parties / sizeof parties[0]);

    if (!decoder)
        decoder = decoder_open();
    REQUIRE(decoder);
    if (!(spec->roles & ROLE_BIT(parties[who].role)) ||
        !speak(&spoken, decoder, who + 1u, parties[who].role, parties[who].party, message, &fault) ||
        !check_request(&spoken.message, session->now, &fault))
        return;
    outbox_clear(&session->outbox);
    REQUIRE(turn_run(session->turn, session->now, &spoken.request, 1, &session->outbox) == STORE_OK);
}

/* Now and then one that was used before. */
static void set_request_id(struct session *session, struct message *message)
{
    uint8_t id[UUID_BYTES] = {0};
    uint8_t again = next(session);

    session->said++;
    uint32_t number = again < 32 ? again % session->said : session->said;
    memcpy(id, &number, sizeof number);
    message_set_uuid(message, FIELD_request_id, id);
}

static void submit(struct session *session)
{
    static struct message message;

    person_submit(&message, next(session) % 4, PEOPLE_POSTCODE);
    set_request_id(session, &message);
    say(session, &message);
}

static void request_something(struct session *session)
{
    static struct message message;
    const struct message_spec *spec = &messages[next(session) % messages_count];

    if (spec->direction != REQUEST || spec->type == MESSAGE_submit || spec->type == MESSAGE_apply)
        return;
    message_init(&message, spec->type);
    set_request_id(session, &message);
    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field != FIELD_request_id &&
            (spec->members[i].obligation == MANDATORY || next(session) < 64))
            fill(session, &message, spec->members[i].field);
    say(session, &message);
}

static void wait_a_while(struct session *session)
{
    uint8_t byte = next(session);
    int64_t due = turn_next_due(session->turn);

    session->now += byte < 128 ? byte * INT64_C(60000) : (byte - 127) * INT64_C(3600000);
    if (byte == 255 && due != INT64_MAX && due > session->now)
        session->now = due;
    outbox_clear(&session->outbox);
    REQUIRE(turn_run(session->turn, session->now, NULL, 0, &session->outbox) == STORE_OK);
}

static void restart(struct session *session)
{
    struct totals before, after;

    turn_totals(session->turn, &before);
    stop(session);
    store_memory_crash(session->store);
    store_memory_reopen(session->store);
    start(session);
    turn_totals(session->turn, &after);
    REQUIRE(before.stored == after.stored && before.open == after.open && before.offered == after.offered &&
            before.placed == after.placed && before.waiting == after.waiting && before.closed == after.closed &&
            before.enquiries_open == after.enquiries_open && after.damaged == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session session = {.data = data, .size = size, .now = PEOPLE_AUTHORED_MS + 3600000};

    session.store = store_memory_open(&session.faults);
    REQUIRE(session.store);
    start(&session);
    while (session.at < session.size) {
        uint8_t what = next(&session);
        if (what < 80)
            submit(&session);
        else if (what < 220)
            request_something(&session);
        else if (what < 250)
            wait_a_while(&session);
        else
            restart(&session);
    }
    wait_a_while(&session);
    restart(&session);
    stop(&session);
    store_close(&session.store);
    outbox_free(&session.outbox);
    return 0;
}
