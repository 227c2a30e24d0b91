/* SPDX-License-Identifier: MIT
 * year: its people work in their hours; hubs move and burn down, senders are away for weeks, the daemon loses its
 * power. What parties were told is all that is counted with: at the end every referral has a confirmed outcome, or
 * waits with a named owner and a deadline. */
#include "tests/sim/year.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/reader.h"
#include "daemon/shelf.h"
#include "daemon/turn.h"
#include "proto/check.h"
#include "tests/people.h"
#include "tests/sim/agenda.h"
#include "tests/sim/array.h"
#include "tests/sim/random.h"
#include "tests/sim/store_memory.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define PARTIES_MAX 96
#define BATCH_MAX 128
#define WINDOW 32
#define HELD_MAX 64 /* letters of one party in memory: who is away for weeks is served from the store */
#define ASK_AGAIN (30 * SECOND)
#define END_DAYS 150 /* in which everything has to come to its end */
#define TEXT_MAX (256 * 1024)
#define BURNT_HUB "devonport"
#define MOVED_HUB "efford"

enum event_kind { TO_DAEMON, TO_PARTY, SAY, LOOK, CONNECT, GONE, MISHAP, POWER_ON, FIRE, MORNING };

/* A request, until it is answered. */
struct pending {
    uint8_t id[UUID_BYTES];
    enum message_type type;
    uint8_t *frame;
    size_t length;
    int64_t said_at;
    uint64_t number; /* of a mailbox, to be confirmed */
};

struct party {
    char id[ID_BYTES_MAX + 1];
    enum role role;
    int hub; /* row in the network; -1: none */
    int weight;
    connection_t connection; /* 0: none */
    int64_t away_until;
    bool greeted, burnt;
    struct pending *pending;
    uint32_t pending_count, pending_room;
    uint64_t *pushed; /* of mailbox number n: what it was, pushed[n - 1]; 0: not yet */
    uint64_t pushed_count;
    uint32_t pushed_room;
    uint64_t newest, confirmed;
    int64_t look_at;
};

/* What became of a submit. */
struct sent {
    uint8_t id[UUID_BYTES];
    int party;
    uint64_t referral;
    bool done; /* acknowledged as new */
    uint8_t *frame;
    size_t length;
};

/* A case of a hub. */
struct ward {
    uint64_t referral;
    int offer, party;
    bool started, over;
};

struct year {
    int64_t now, starts_at, ends_at;
    bool quiet;
    struct random random;
    struct agenda agenda;
    struct store *store;
    struct store_memory_faults faults;
    struct seal *seal;
    struct shelf *shelf;
    struct turn *turn; /* NULL: no power */
    struct reader *reader;
    struct outbox outbox;
    struct decoder *decoder;
    struct request *requests;
    struct message *asked; /* their messages */
    struct planned inbox[BATCH_MAX];
    int inbox_count;
    int64_t busy_until;
    int crash_after; /* percent of the next outbox that leaves; -1: all */
    char *text;      /* of the network file */
    size_t text_length;
    struct network *network; /* as at the beginning: who works when */
    struct party parties[PARTIES_MAX];
    int parties_count, operator_party, officer_party;
    int *party_of_connection;
    uint32_t connections_count, connections_room;
    struct sent *sent;
    uint32_t sent_count, sent_room;
    uint64_t *owner; /* of referral n: 1 + the submit that made it */
    uint32_t owner_count, owner_room;
    struct ward *wards;
    uint32_t wards_count, wards_room;
    char (*postcodes)[10];
    uint32_t postcodes_count, postcodes_room;
    uint64_t messages, repeats, mishaps, lost, doubled, silent, open, closed, digest;
    unsigned submits;
    bool *told_end; /* by referral: its sender has heard of its end */
    uint32_t told_end_count, told_end_room;
    bool is_listing; /* at the end: every referral is looked at, */
    bool *listed;    /* once */
    char fault[200]; /* the first */
};

static struct message scratch;

static bool chance(struct year *year, int percent)
{
    return random_chance(&year->random, percent);
}

static int64_t between(struct year *year, int64_t least, int64_t most)
{
    return random_between(&year->random, least, most);
}

static void find_fault(struct year *year, uint64_t *count, const char *what, uint64_t number)
{
    ++*count;
    if (!year->fault[0])
        snprintf(year->fault, sizeof year->fault, "%s (%" PRIu64 ") on day %" PRId64, what, number,
                 (year->now - year->starts_at) / DAY);
}

/* ---- events ---- */

static void plan(struct year *year, struct planned event)
{
    agenda_add(&year->agenda, event);
}

/* ---- hours ---- */

/* That much later in the hours of a hub, or of the office. */
static int64_t in_hours(const struct year *year, const struct party *party, int64_t amount)
{
    struct calendar calendar = party->hub >= 0 ? network_hub_calendar(year->network, &year->network->hubs[party->hub])
                                               : network_office_calendar(year->network);

    return calendar_after(&calendar, year->now, amount);
}

/* ---- what parties say ---- */

static void set_new_id(struct year *year, struct message *message, enum field field)
{
    uint64_t halves[2] = {0};
    uint8_t id[UUID_BYTES];

    halves[0] = random_next(&year->random);
    halves[1] = random_next(&year->random);
    memcpy(id, halves, sizeof id);
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
    message_set_uuid(message, field, id);
}

static void carry(struct year *year, enum event_kind kind, int party, connection_t connection, const void *frame,
                  size_t length)
{
    if (!year->quiet && chance(year, 1) && kind == TO_DAEMON && chance(year, 30)) {
        year->mishaps++;
        return;
    }
    plan(year, (struct planned){.at = year->now + between(year, 1, 40),
                                .kind = kind,
                                .party = party,
                                .connection = connection,
                                .frame = agenda_copy(frame, length),
                                .length = length});
}

static void look_soon(struct year *year, int party, int64_t at)
{
    struct party *who = &year->parties[party];

    if (who->look_at > year->now && who->look_at <= at)
        return;
    who->look_at = at;
    plan(year, (struct planned){.at = at, .kind = LOOK, .party = party});
}

static void say_pending(struct year *year, int party, struct pending *pending)
{
    struct party *who = &year->parties[party];

    if (!who->connection || !who->greeted)
        return;
    year->repeats += pending->said_at != 0;
    year->messages++;
    pending->said_at = year->now;
    carry(year, TO_DAEMON, party, who->connection, pending->frame, pending->length);
    look_soon(year, party, year->now + ASK_AGAIN);
}

static void ask_frame(struct year *year, int party, const uint8_t *frame, size_t length)
{
    static struct message message;
    struct party *who = &year->parties[party];
    struct fault fault;

    bool good = decode(year->decoder, frame, length, &message, &fault);
    assert(good);
    who->pending = array_grow(who->pending, who->pending_count, &who->pending_room, sizeof who->pending[0]);
    struct pending *pending = &who->pending[who->pending_count++];
    *pending = (struct pending){.type = message.type,
                                .frame = agenda_copy(frame, length),
                                .length = length,
                                .number = (uint64_t)message_number(&message, FIELD_mailbox_number)};
    memcpy(pending->id, message_uuid(&message, FIELD_request_id), UUID_BYTES);
    say_pending(year, party, pending);
}

static void ask_at(struct year *year, int party, const struct message *message, int64_t at)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t length = encode(message, bytes, sizeof bytes);

    assert(length);
    plan(year, (struct planned){
                   .at = at, .kind = SAY, .party = party, .frame = agenda_copy(bytes, length), .length = length});
}

static void begin(struct year *year, enum message_type type)
{
    message_init(&scratch, type);
    set_new_id(year, &scratch, FIELD_request_id);
}

static void ask_about(struct year *year, int party, enum message_type type, uint64_t referral, int offer, int64_t at)
{
    begin(year, type);
    message_set_number(&scratch, FIELD_referral_id, (int64_t)referral);
    if (offer)
        message_set_number(&scratch, FIELD_offer_number, offer);
    if (type == MESSAGE_reject || type == MESSAGE_hand_back)
        message_set_number(&scratch, FIELD_status_reason, REASON_NOT_APPROPRIATE);
    if (type == MESSAGE_fail)
        message_set_number(&scratch, FIELD_status_reason, REASON_DID_NOT_ATTEND);
    if (type == MESSAGE_turn_away)
        message_set_number(&scratch, FIELD_status_reason, REASON_NO_HUB);
    if (type == MESSAGE_cancel)
        message_set_number(&scratch, FIELD_status_reason,
                           chance(year, 10) ? REASON_ENTERED_IN_ERROR : REASON_NO_LONGER_NEEDED);
    if (type == MESSAGE_complete)
        message_set_number(&scratch, FIELD_outcome, chance(year, 25) ? OUTCOME_PARTLY : OUTCOME_GOT_HELP);
    if (year->parties[party].role > ROLE_HUB || type == MESSAGE_pause || type == MESSAGE_progress)
        message_set_string(&scratch, FIELD_note, "As agreed.");
    ask_at(year, party, &scratch, at);
}

/* ---- referrals ---- */

static void set_needs(struct year *year)
{
    static const enum need needs[] = {NEED_BEFRIENDING, NEED_BEFRIENDING, NEED_ADVICE,      NEED_ADVICE,     NEED_FOOD,
                                      NEED_HOUSING,     NEED_BENEFITS,    NEED_DEBT_ADVICE, NEED_COUNSELLING};
    size_t count = chance(year, 20) ? 2 : 1;
    size_t first = (size_t)between(year, 0, 8);
    struct value *need = message_set_list(&scratch, FIELD_needs, count);

    for (size_t i = 0; i < count; i++, need += NEED_OF_PERSON_MEMBER_COUNT) {
        need[MEMBER_code] = (struct value){.present = true, .number = (int64_t)needs[(first + 3 * i) % 9]};
        need[MEMBER_is_primary] = (struct value){.present = true, .number = i == 0};
    }
}

static void set_back(struct year *year)
{
    int64_t choice = between(year, 0, 9);
    size_t count = choice < 7 ? 2 : 1;
    struct value *codes = message_set_list(&scratch, FIELD_consent_message_back, count);

    codes[0] = (struct value){.present = true, .number = choice < 8 ? BACK_GP : choice < 9 ? BACK_REFERRER : BACK_NONE};
    if (count > 1)
        codes[1] = (struct value){.present = true, .number = BACK_REFERRER};
}

static void set_practice(struct year *year, const struct party *sender)
{
    static char ods[ID_BYTES_MAX + 1];
    uint32_t i = (uint32_t)between(year, 0, year->network->practices_count - 1);

    if (strncmp(sender->id, "gp-", 3) == 0)
        strcpy(ods, sender->id + 3);
    else
        strcpy(ods, year->network->practices[i].ods);
    message_set_string(&scratch, FIELD_gp_practice_ods, ods);
}

/* One person in twenty comes a second time, by another door. */
static void begin_submit(struct year *year, int party)
{
    unsigned number = ++year->submits;
    unsigned person = number > 40 && chance(year, 5) ? number - (unsigned)between(year, 1, 40) : number;
    const char *postcode = year->postcodes[between(year, 0, year->postcodes_count - 1)];

    person_submit(&scratch, person, postcode);
    set_new_id(year, &scratch, FIELD_request_id);
    set_new_id(year, &scratch, FIELD_correlation_id);
    message_set_number(&scratch, FIELD_priority,
                       chance(year, 85)   ? PRIORITY_ROUTINE
                       : chance(year, 60) ? PRIORITY_URGENT
                       : chance(year, 70) ? PRIORITY_ASAP
                                          : PRIORITY_STAT);
    set_needs(year);
    set_back(year);
    set_practice(year, &year->parties[party]);
    message_unset(&scratch, FIELD_travel_limit_minutes);
    message_unset(&scratch, FIELD_consent_expires_on);
    if (chance(year, 10))
        message_set_number(&scratch, FIELD_consent_expires_on, year->now / DAY + between(year, 20, 200));
    if (chance(year, 2))
        message_set_string(&scratch, FIELD_safeguarding_code, "1364631000000107");
}

static void note_sent(struct year *year, int party, const uint8_t *frame, size_t length, const uint8_t *id)
{
    year->sent = array_grow(year->sent, year->sent_count, &year->sent_room, sizeof year->sent[0]);
    struct sent *sent = &year->sent[year->sent_count++];
    *sent = (struct sent){.party = party, .frame = agenda_copy(frame, length), .length = length};
    memcpy(sent->id, id, UUID_BYTES);
}

static void say_submit(struct year *year, int party)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t length = encode(&scratch, bytes, sizeof bytes);

    assert(length);
    note_sent(year, party, bytes, length, message_uuid(&scratch, FIELD_request_id));
    ask_frame(year, party, bytes, length);
}

static int draw_sender(struct year *year)
{
    int sum = 0, i = 0;

    for (int n = 0; n < year->parties_count; n++)
        sum += year->parties[n].weight;
    for (int64_t left = between(year, 0, sum - 1); left >= year->parties[i].weight; i++)
        left -= year->parties[i].weight;
    return i;
}

/* ---- hubs ---- */

static struct ward *ward_of(struct year *year, uint64_t referral, int offer)
{
    for (uint32_t i = 0; i < year->wards_count; i++)
        if (year->wards[i].referral == referral && year->wards[i].offer == offer)
            return &year->wards[i];
    return NULL;
}

static void answer_offer(struct year *year, int party, const struct message *offer)
{
    const struct party *hub = &year->parties[party];
    uint64_t referral = (uint64_t)message_number(offer, FIELD_referral_id);
    int number = (int)message_number(offer, FIELD_offer_number);
    bool pressing = message_number(offer, FIELD_priority) != PRIORITY_ROUTINE;
    int64_t wait = pressing ? between(year, 5 * MINUTE, HOUR) : between(year, 10 * MINUTE, 28 * HOUR);

    if (!year->quiet && chance(year, 6))
        return; /* it lies on a desk */
    ask_about(year, party, chance(year, 82) ? MESSAGE_accept : MESSAGE_reject, referral, number,
              in_hours(year, hub, wait));
}

static void end_ward(struct year *year, const struct ward *ward, int64_t at)
{
    ask_about(year, ward->party, chance(year, 80) ? MESSAGE_complete : MESSAGE_fail, ward->referral, ward->offer, at);
}

static void refer_on(struct year *year, int party, const struct message *person)
{
    begin_submit(year, party);
    message_set_uuid(&scratch, FIELD_correlation_id, message_uuid(person, FIELD_correlation_id));
    message_set_number(&scratch, FIELD_onward_from, message_number(person, FIELD_referral_id));
    say_submit(year, party);
}

static void enquire(struct year *year, int party, const struct message *person)
{
    if (strcmp(year->parties[party].id, "adult-social-care") == 0)
        return;
    begin(year, MESSAGE_enquire);
    message_set_string(&scratch, FIELD_hub_id, "adult-social-care");
    message_copy(&scratch, person, FIELD_referral_id);
    message_set_number(&scratch, FIELD_referral_id, message_number(person, FIELD_referral_id));
    message_copy(&scratch, person, FIELD_nhs_number);
    ask_at(year, party, &scratch, year->now + between(year, MINUTE, HOUR));
}

/* The course of the help: first contact, some word every few weeks, now and then a pause, an end. */
static void help(struct year *year, int party, const struct message *person)
{
    const struct party *hub = &year->parties[party];
    struct ward ward = {.referral = (uint64_t)message_number(person, FIELD_referral_id),
                        .offer = (int)message_number(person, FIELD_offer_number),
                        .party = party};
    int64_t wait = between(year, HOUR, 4 * DAY);

    year->wards = array_grow(year->wards, year->wards_count, &year->wards_room, sizeof year->wards[0]);
    year->wards[year->wards_count++] = ward;
    if (!year->quiet && chance(year, 4))
        return; /* forgotten: somebody will look */
    ask_about(year, party, MESSAGE_start, ward.referral, ward.offer, in_hours(year, hub, wait));
    for (int64_t n = year->quiet ? 0 : between(year, 0, 3); n > 0; n--) {
        wait += between(year, 4 * DAY, 18 * DAY);
        ask_about(year, party, MESSAGE_progress, ward.referral, ward.offer, in_hours(year, hub, wait));
    }
    if (!year->quiet && chance(year, 6)) {
        ask_about(year, party, MESSAGE_pause, ward.referral, ward.offer, in_hours(year, hub, wait + 2 * HOUR));
        wait += between(year, 3 * DAY, 25 * DAY);
        ask_about(year, party, MESSAGE_resume, ward.referral, ward.offer, in_hours(year, hub, wait));
    }
    wait += between(year, DAY, year->quiet ? 3 * DAY : 15 * DAY);
    if (!year->quiet && chance(year, 4))
        ask_about(year, party, MESSAGE_hand_back, ward.referral, ward.offer, in_hours(year, hub, wait));
    else
        end_ward(year, &ward, in_hours(year, hub, wait));
    if (!year->quiet && chance(year, 3))
        refer_on(year, party, person);
    if (!year->quiet && chance(year, 3))
        enquire(year, party, person);
}

static void answer_enquiry(struct year *year, int party, const struct message *enquiry)
{
    if (chance(year, 15))
        return;
    begin(year, MESSAGE_answer_enquiry);
    message_set_number(&scratch, FIELD_enquiry_id, message_number(enquiry, FIELD_enquiry_id));
    message_set_number(&scratch, FIELD_known, chance(year, 40) ? KNOWN_YES : KNOWN_NO);
    ask_at(year, party, &scratch, in_hours(year, &year->parties[party], between(year, HOUR, 2 * DAY)));
}

/* Most hubs do something about it when they are reminded. */
static void be_reminded(struct year *year, int party, const struct message *reminder)
{
    enum stage stage = (enum stage)message_number(reminder, FIELD_deadline_stage);
    enum message_type type = stage == STAGE_ANSWER    ? MESSAGE_accept
                             : stage == STAGE_CONTACT ? MESSAGE_start
                                                      : MESSAGE_progress;

    if (chance(year, 70))
        ask_about(year, party, type, (uint64_t)message_number(reminder, FIELD_referral_id),
                  (int)message_number(reminder, FIELD_offer_number),
                  in_hours(year, &year->parties[party], between(year, 10 * MINUTE, 2 * HOUR)));
}

static void take_push(struct year *year, int party, const struct message *push)
{
    struct ward *ward;

    if (year->parties[party].burnt)
        return;
    switch ((int)push->type) {
    case MESSAGE_offer:
        answer_offer(year, party, push);
        break;
    case MESSAGE_person:
        help(year, party, push);
        break;
    case MESSAGE_enquiry:
        answer_enquiry(year, party, push);
        break;
    case MESSAGE_reminder:
        be_reminded(year, party, push);
        break;
    case MESSAGE_withdrawn:
        ward = ward_of(year, (uint64_t)message_number(push, FIELD_referral_id),
                       (int)message_number(push, FIELD_offer_number));
        if (ward)
            ward->over = true;
        break;
    default:
        break;
    }
}

/* ---- what parties hear ---- */

/* What a number of a mailbox is, whatever is told of it. */
static uint64_t mark_of(const struct message *push)
{
    uint64_t about = (uint64_t)message_number(push, FIELD_referral_id) + 1000003 * (uint64_t)push->type;

    return about + 7 * (uint64_t)message_number(push, FIELD_offer_number) +
           31 * (uint64_t)message_number(push, FIELD_at) + 1;
}

/* Erased persons are told of no more. */
static bool is_same(const struct message *push, uint64_t before)
{
    return before == mark_of(push) || push->type == MESSAGE_withdrawn || push->type == MESSAGE_erased;
}

static void note_end(struct year *year, uint64_t referral)
{
    while (year->told_end_count <= referral) {
        year->told_end =
            array_grow(year->told_end, year->told_end_count, &year->told_end_room, sizeof year->told_end[0]);
        year->told_end[year->told_end_count++] = false;
    }
    year->told_end[referral] = true;
}

static void hear_push(struct year *year, int party, const struct message *push)
{
    struct party *who = &year->parties[party];
    uint64_t number = (uint64_t)message_number(push, FIELD_mailbox_number);

    if (number > who->pushed_count + 1)
        find_fault(year, &year->lost, "a number of a mailbox is left out", number);
    if (number == who->pushed_count + 1) {
        uint32_t count = (uint32_t)who->pushed_count;
        who->pushed = array_grow(who->pushed, count, &who->pushed_room, sizeof who->pushed[0]);
        who->pushed[who->pushed_count++] = mark_of(push);
        take_push(year, party, push);
        if (push->type == MESSAGE_ended)
            note_end(year, (uint64_t)message_number(push, FIELD_referral_id));
    } else if (number && number <= who->pushed_count) {
        year->repeats++;
        if (!is_same(push, who->pushed[number - 1]))
            find_fault(year, &year->doubled, "a number of a mailbox has two contents", number);
    }
    who->newest = number;
    who->confirmed = 0;
    look_soon(year, party, year->now + between(year, 200, 3 * SECOND));
}

static struct sent *find_sent(struct year *year, const uint8_t *id)
{
    for (uint32_t i = year->sent_count; i-- > 0;)
        if (memcmp(year->sent[i].id, id, UUID_BYTES) == 0)
            return &year->sent[i];
    return NULL;
}

/* What a sender does about a referral later on. */
static void plan_later(struct year *year, int party, uint64_t referral)
{
    if (chance(year, 5)) {
        begin(year, MESSAGE_update);
        message_set_number(&scratch, FIELD_referral_id, (int64_t)referral);
        message_set_string(&scratch, FIELD_note, "Has a new telephone.");
        message_set_string(&scratch, FIELD_phone, "01632960003");
        ask_at(year, party, &scratch, in_hours(year, &year->parties[party], between(year, HOUR, 9 * DAY)));
    }
    if (chance(year, 3))
        ask_about(year, party, MESSAGE_cancel, referral, 0,
                  in_hours(year, &year->parties[party], between(year, HOUR, 30 * DAY)));
}

static void hear_committed(struct year *year, int party, const struct message *answer)
{
    struct sent *sent = find_sent(year, message_uuid(answer, FIELD_request_id));
    uint64_t referral = (uint64_t)message_number(answer, FIELD_referral_id);
    bool is_new = !message_number(answer, FIELD_duplicate);

    if (!sent || (sent->referral && sent->referral != referral) || (is_new && sent->done)) {
        find_fault(year, &year->doubled, "a submit has made two referrals", referral);
        return;
    }
    while (year->owner_count <= referral) {
        year->owner = array_grow(year->owner, year->owner_count, &year->owner_room, sizeof year->owner[0]);
        year->owner[year->owner_count++] = 0;
    }
    uint64_t submit = (uint64_t)(sent - year->sent) + 1;
    if (year->owner[referral] && year->owner[referral] != submit)
        find_fault(year, &year->doubled, "a referral is that of two submits", referral);
    year->owner[referral] = submit;
    if (!sent->referral && !year->quiet)
        plan_later(year, party, referral);
    sent->referral = referral;
    sent->done = sent->done || is_new;
}

/* Everybody has been there for months, but for the hub that burnt down: what has ended is confirmed. */
static void look_at_end(struct year *year, const struct message *row)
{
    uint64_t referral = (uint64_t)message_number(row, FIELD_referral_id);
    enum state state = (enum state)message_number(row, FIELD_state);
    bool is_closed = message_number(row, FIELD_business_status) == BUSINESS_CLOSED_ACKNOWLEDGED;
    bool goes_on = state <= STATE_ACCEPTED || state == STATE_IN_PROGRESS || state == STATE_ON_HOLD;
    bool waits = message_number(row, FIELD_deadline) > year->now - HOUR && message_has(row, FIELD_deadline_owner);

    if (referral >= year->owner_count || !year->owner[referral] || year->listed[referral])
        return;
    year->listed[referral] = true;
    year->closed += is_closed;
    year->open += !is_closed;
    bool is_burnt = year->parties[year->sent[year->owner[referral] - 1].party].burnt;
    if (!is_closed && (!waits || (!goes_on && !is_burnt)))
        find_fault(year, &year->silent, "a referral has no confirmed end, and waits for nobody", referral);
    if (is_closed && !is_burnt && (referral >= year->told_end_count || !year->told_end[referral]))
        find_fault(year, &year->lost, "a referral is closed, and its sender never heard of its end", referral);
}

/* One row of a list: to operators in the morning, or at the end of all. */
static void hear_referral(struct year *year, const struct message *row)
{
    uint64_t referral = (uint64_t)message_number(row, FIELD_referral_id);
    enum business_status business = (enum business_status)message_number(row, FIELD_business_status);
    int64_t at = year->now + between(year, MINUTE, 6 * HOUR);

    if (year->is_listing) {
        look_at_end(year, row);
        return;
    }
    if (business == BUSINESS_HELD || (business == BUSINESS_ATTENTION && chance(year, 12)))
        ask_about(year, year->operator_party, MESSAGE_release, referral, 0, at);
    else if (business == BUSINESS_ATTENTION && chance(year, 3))
        ask_about(year, year->operator_party, MESSAGE_turn_away, referral, 0, at);
    else if (business == BUSINESS_ATTENTION && chance(year, 2))
        ask_about(year, year->operator_party, MESSAGE_hold, referral, 0, at);
    else if (message_has(row, FIELD_offer_number) && chance(year, 20))
        ask_about(year, year->operator_party, MESSAGE_reoffer, referral, (int)message_number(row, FIELD_offer_number),
                  at);
}

/* Goes on with the next page; next is "": begins. */
static void ask_list(struct year *year, bool only_attention, struct text next)
{
    begin(year, MESSAGE_list);
    if (only_attention)
        message_set_number(&scratch, FIELD_only_attention, true);
    message_set_number(&scratch, FIELD_limit, only_attention ? 200 : 1000);
    if (next.length)
        message_set_text(&scratch, FIELD_from, next.bytes, next.length);
    ask_at(year, year->operator_party, &scratch, year->now);
}

static void end_pending(struct year *year, int party, const struct message *answer)
{
    struct party *who = &year->parties[party];
    const uint8_t *id = message_uuid(answer, FIELD_request_id);

    for (uint32_t i = 0; i < who->pending_count && id; i++) {
        struct pending *pending = &who->pending[i];
        if (memcmp(pending->id, id, UUID_BYTES) != 0)
            continue;
        if (answer->type == MESSAGE_refused && message_has(answer, FIELD_retry_after_ms))
            return;
        if (pending->type == MESSAGE_confirm && answer->type == MESSAGE_done)
            who->confirmed = pending->number;
        if (pending->type == MESSAGE_list && message_has(answer, FIELD_next) && year->is_listing)
            ask_list(year, false, message_text(answer, FIELD_next));
        free(pending->frame);
        who->pending[i] = who->pending[--who->pending_count];
        return;
    }
}

static bool is_refused_with(const struct message *answer, const char *error)
{
    struct text text = message_text(answer, FIELD_error);

    return answer->type == MESSAGE_refused && text.length == strlen(error) &&
           memcmp(text.bytes, error, text.length) == 0;
}

static void hear(struct year *year, const struct planned *event)
{
    static struct message message;
    struct party *who = &year->parties[event->party];
    struct fault fault;

    if (who->connection != event->connection)
        return;
    bool good = decode(year->decoder, event->frame, event->length, &message, &fault);
    assert(good);
    if (message_spec(message.type)->direction == PUSH)
        hear_push(year, event->party, &message);
    else if (message.type == MESSAGE_welcome)
        who->greeted = true;
    else if (message.type == MESSAGE_committed)
        hear_committed(year, event->party, &message);
    else if (message.type == MESSAGE_referral)
        hear_referral(year, &message);
    if (is_refused_with(&message, "REF-0301"))
        find_fault(year, &year->doubled, "a repeat is refused as another request", 0);
    if (message.type == MESSAGE_welcome)
        look_soon(year, event->party, year->now + 1);
    if (message_spec(message.type)->direction == ANSWER && message.type != MESSAGE_referral &&
        message.type != MESSAGE_welcome)
        end_pending(year, event->party, &message);
}

/* What is to be said, or said again. */
static void look(struct year *year, int party)
{
    struct party *who = &year->parties[party];
    bool confirms = false;
    uint32_t in_hand = 0;

    if (!who->connection || !who->greeted)
        return;
    for (uint32_t i = 0; i < who->pending_count; i++) {
        struct pending *pending = &who->pending[i];
        confirms = confirms || pending->type == MESSAGE_confirm;
        if ((!pending->said_at || year->now - pending->said_at >= ASK_AGAIN) && in_hand++ < 32)
            say_pending(year, party, pending);
    }
    if (who->pending_count)
        look_soon(year, party, year->now + (in_hand > 32 ? SECOND : ASK_AGAIN));
    if (who->newest == who->confirmed || confirms)
        return;
    begin(year, MESSAGE_confirm);
    message_set_number(&scratch, FIELD_mailbox_number, (int64_t)who->newest);
    ask_at(year, party, &scratch, year->now);
}

/* ---- the network between ---- */

static void connect_party(struct year *year, int party)
{
    static uint8_t bytes[512];
    struct party *who = &year->parties[party];

    if (who->connection || year->now < who->away_until || who->burnt)
        return;
    if (!year->turn) {
        plan(year,
             (struct planned){.at = year->now + between(year, SECOND, 5 * SECOND), .kind = CONNECT, .party = party});
        return;
    }
    year->party_of_connection = array_grow(year->party_of_connection, year->connections_count, &year->connections_room,
                                           sizeof year->party_of_connection[0]);
    if (!year->connections_count)
        year->connections_count = 1;
    year->party_of_connection =
        array_grow(year->party_of_connection, year->connections_count, &year->connections_room, sizeof(int));
    year->party_of_connection[year->connections_count] = party;
    who->connection = year->connections_count++;
    who->greeted = false;
    for (uint32_t i = 0; i < who->pending_count; i++)
        who->pending[i].said_at = who->pending[i].said_at ? 1 : 0;
    begin(year, MESSAGE_hello);
    message_set_number(&scratch, FIELD_protocol_version, PROTOCOL_VERSION);
    plan(year, (struct planned){.at = year->now + 1,
                                .kind = TO_DAEMON,
                                .party = party,
                                .connection = who->connection,
                                .frame = agenda_copy(bytes, encode(&scratch, bytes, sizeof bytes)),
                                .length = encode(&scratch, bytes, sizeof bytes)});
}

/* The daemon notices soon; the party comes back after. */
static void cut(struct year *year, int party, int64_t back_after)
{
    struct party *who = &year->parties[party];

    if (who->connection)
        plan(year, (struct planned){.at = year->now + between(year, 1, SECOND),
                                    .kind = GONE,
                                    .party = party,
                                    .connection = who->connection});
    who->connection = 0;
    plan(year, (struct planned){.at = year->now + back_after, .kind = CONNECT, .party = party});
}

static void go_away(struct year *year, int party, int64_t away)
{
    year->mishaps++;
    year->parties[party].away_until = year->now + away;
    cut(year, party, away + 1);
}

/* ---- the daemon ---- */

static void power_off(struct year *year)
{
    for (int i = 0; i < year->inbox_count; i++)
        free(year->inbox[i].frame);
    year->inbox_count = 0;
    reader_close(&year->reader);
    turn_close(&year->turn);
    shelf_close(&year->shelf);
    seal_close(&year->seal);
    store_memory_crash(year->store);
    store_memory_reopen(year->store);
    year->crash_after = -1;
    year->faults.next_commit = MEMORY_FAULT_NONE;
    year->mishaps++;
    for (int i = 0; i < year->parties_count; i++)
        if (year->parties[i].connection) {
            year->parties[i].connection = 0;
            plan(year, (struct planned){.at = year->now + between(year, SECOND, MINUTE), .kind = CONNECT, .party = i});
        }
    plan(year, (struct planned){.at = year->now + between(year, SECOND, 5 * MINUTE), .kind = POWER_ON});
}

static struct network *parse(const struct year *year)
{
    struct config_faults *faults = calloc(1, sizeof *faults);

    assert(faults);
    struct network *network = network_parse("plymouth.conf", year->text, year->text_length, faults);
    if (!network)
        fprintf(stderr, "%s\n", faults->lines[0]);
    assert(network);
    free(faults);
    return network;
}

static void power_on(struct year *year)
{
    static const uint8_t master[SEAL_KEY_BYTES] = "only for the simulator";
    struct network *network = parse(year);
    uint64_t seed[SEAL_KEY_BYTES / 8];
    char why[200] = "";

    for (size_t i = 0; i < sizeof seed / sizeof seed[0]; i++)
        seed[i] = random_next(&year->random);
    year->seal = seal_open(master, (const uint8_t *)seed);
    year->shelf = shelf_open();
    const struct turn_options options = {.window = WINDOW,
                                         .retry_after_ms = 5 * SECOND,
                                         .push_again_ms = 30 * SECOND,
                                         .version = "simulated",
                                         .shelf = year->shelf,
                                         .unfetched_ms = 5 * DAY,
                                         .held_max = HELD_MAX};
    year->turn = turn_open(year->store, year->seal, &network, year->text, year->text_length, &options, year->now, why,
                           sizeof why);
    if (!year->turn)
        fprintf(stderr, "%s\n", why);
    assert(year->turn);
    year->reader = reader_open(year->turn, year->store, year->seal, "simulated");
    assert(year->reader);
}

static void admit(struct year *year, const struct planned *event, size_t place)
{
    struct request *request = &year->requests[place];
    struct message *message = &year->asked[place];
    const struct party *who = &year->parties[event->party];
    struct fault fault = {0};

    message_init(message, MESSAGE_NONE);
    *request = (struct request){.kind = REQUEST_GONE,
                                .connection = event->connection,
                                .role = who->role,
                                .frame = event->frame,
                                .frame_length = event->length,
                                .message = message};
    strcpy(request->party, who->id);
    if (event->kind == GONE)
        return;
    request->kind = REQUEST_MESSAGE;
    bool good = decode(year->decoder, event->frame, event->length, message, &fault) &&
                check_request(message, year->now, &fault);
    if (!good)
        fprintf(stderr, "year: %s: %s\n", message_spec(message->type)->name, fault.field);
    assert(good);
}

static void send_out(struct year *year, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct dispatch *dispatch = &year->outbox.dispatches[i];
        const uint8_t *frame = year->outbox.bytes + dispatch->offset;
        assert(dispatch->connection && dispatch->connection < year->connections_count);
        year->messages++;
        for (size_t n = 0; n < dispatch->length; n++)
            year->digest = (year->digest ^ frame[n]) * UINT64_C(1099511628211);
        plan(year, (struct planned){.at = year->now + 5, /* the order on a connection stays */
                                    .kind = TO_PARTY,
                                    .party = year->party_of_connection[dispatch->connection],
                                    .connection = dispatch->connection,
                                    .frame = agenda_copy(frame, dispatch->length),
                                    .length = dispatch->length});
    }
}

static void run_turn(struct year *year)
{
    struct planned batch[BATCH_MAX];
    int batch_count = year->inbox_count;
    size_t count = 0;
    int question = -1;

    memcpy(batch, year->inbox, sizeof batch);
    year->inbox_count = 0;
    for (int i = 0; i < batch_count; i++) {
        admit(year, &batch[i], count);
        const struct request *request = &year->requests[count];
        if (request->kind == REQUEST_MESSAGE && message_spec(request->message->type)->direction == QUESTION)
            question = i; /* one at a time: only operators ask */
        else
            count++;
    }
    outbox_clear(&year->outbox);
    enum store_result result = turn_run(year->turn, year->now, year->requests, count, &year->outbox);
    year->busy_until = year->now + 5;
    if (result == STORE_OK && question >= 0) {
        admit(year, &batch[question], 0);
        reader_answer(year->reader, year->now, &year->requests[0], &year->outbox);
    }
    for (int i = 0; i < batch_count; i++)
        free(batch[i].frame);
    if (result != STORE_OK) {
        power_off(year);
        return;
    }
    send_out(year, year->crash_after < 0 ? year->outbox.count : year->outbox.count * (size_t)year->crash_after / 100);
    if (year->crash_after >= 0)
        power_off(year);
}

static int64_t daemon_due(const struct year *year)
{
    if (!year->turn)
        return INT64_MAX;
    int64_t due = year->inbox_count ? year->now : turn_next_due(year->turn);
    return due < year->busy_until ? year->busy_until : due;
}

/* ---- what happens to them ---- */

static void strike(struct year *year)
{
    int party = (int)between(year, 0, year->parties_count - 1);

    if (year->quiet)
        return;
    plan(year, (struct planned){.at = year->now + between(year, MINUTE, 40 * HOUR), .kind = MISHAP});
    switch (between(year, 0, 5)) {
    case 0:
        if (year->turn)
            power_off(year);
        break;
    case 1:
        year->faults.next_commit =
            (enum memory_fault)between(year, MEMORY_FAULT_UNAVAILABLE, MEMORY_FAULT_UNKNOWN_LOST);
        break;
    case 2:
        year->crash_after = (int)between(year, 0, 99);
        break;
    case 3:
        if (year->parties[party].role == ROLE_SENDER)
            go_away(year, party, between(year, 5 * DAY, 40 * DAY));
        break;
    default:
        go_away(year, party, between(year, SECOND, 12 * HOUR));
        break;
    }
}

/* A hub burns down: nothing comes from there any more, and a network without it is applied. */
static void burn(struct year *year)
{
    static const char before[] = "id = \"" BURNT_HUB "\";";
    static const char after[] = "id = \"" BURNT_HUB "\"; status = \"closed\";";
    size_t bytes = 0;

    if (!year->turn) {
        plan(year, (struct planned){.at = year->now + MINUTE, .kind = FIRE});
        return;
    }
    char *at = strstr(year->text, before);
    for (int i = 0; i < year->parties_count; i++)
        if (strcmp(year->parties[i].id, BURNT_HUB) == 0 && !year->parties[i].burnt) {
            year->parties[i].burnt = true;
            cut(year, i, DAY);
            memmove(at + strlen(after), at + strlen(before), strlen(at + strlen(before)) + 1);
            memcpy(at, after, strlen(after));
            year->text_length = strlen(year->text);
        }
    uint32_t draft = 0;
    for (size_t from = 0; from < year->text_length; from += bytes - from) {
        size_t length = year->text_length - from < 32000 ? year->text_length - from : 32000;
        draft = shelf_add(year->shelf, 1, from, year->text + from, length, from + length == year->text_length, &bytes);
        assert(draft);
    }
    const struct network *network = turn_hold_network(year->turn);
    shelf_compared(year->shelf, draft, network->version, 0);
    turn_release_network(year->turn, &network);
    begin(year, MESSAGE_apply);
    message_set_number(&scratch, FIELD_draft, draft);
    message_set_string(&scratch, FIELD_note, "It has burnt down.");
    ask_at(year, year->operator_party, &scratch, year->now);
    for (uint32_t i = 0; i < year->wards_count; i++)
        if (strcmp(year->parties[year->wards[i].party].id, BURNT_HUB) == 0)
            ask_about(year, year->operator_party, MESSAGE_reoffer, year->wards[i].referral, year->wards[i].offer,
                      year->now + between(year, HOUR, 3 * DAY));
}

/* Operators look through what needs a person; hubs state their places; now and then somebody is erased. */
static void begin_day(struct year *year)
{
    const struct calendar office = network_office_calendar(year->network);

    plan(year, (struct planned){.at = year->now + DAY, .kind = MORNING});
    if (!year->turn || !calendar_is_open_on(&office, hours_day(year->now), hours_minute(year->now)) || year->is_listing)
        return;
    ask_list(year, true, (struct text){0});
    if (year->sent_count && chance(year, 30))
        ask_about(year, year->officer_party, MESSAGE_erase,
                  (uint64_t)between(year, 1, year->owner_count ? year->owner_count : 1), 0, year->now + HOUR);
    for (int i = 0; i < year->parties_count; i++) {
        const struct party *hub = &year->parties[i];
        if (hub->hub < 0 || hub->burnt || !chance(year, 7))
            continue;
        const struct hub *row = &year->network->hubs[hub->hub];
        for (uint32_t n = row->services_first; n < row->services_first + row->services_count; n++) {
            const struct service *service = &year->network->services[n];
            if (service->owner != n || row->tier == TIER_UNIVERSAL)
                continue;
            begin(year, MESSAGE_capacity);
            message_set_string(&scratch, FIELD_service_id, service->id);
            message_set_number(&scratch, FIELD_places, service->places);
            ask_at(year, i, &scratch, year->now + between(year, MINUTE, 4 * HOUR));
        }
    }
}

/* ---- the run ---- */

static void say(struct year *year, struct planned *event)
{
    static struct message message;
    struct fault fault;

    if (year->parties[event->party].burnt)
        return;
    if (!event->frame) { /* one who is to be referred */
        begin_submit(year, event->party);
        say_submit(year, event->party);
        return;
    }
    bool good = decode(year->decoder, event->frame, event->length, &message, &fault);
    assert(good);
    ask_frame(year, event->party, event->frame, event->length);
}

static void happen(struct year *year, struct planned *event)
{
    switch ((enum event_kind)event->kind) {
    case TO_DAEMON:
    case GONE:
        if (year->turn && year->inbox_count < BATCH_MAX &&
            (event->kind == GONE || year->parties[event->party].connection == event->connection)) {
            year->inbox[year->inbox_count++] = *event;
            event->frame = NULL;
        }
        break;
    case TO_PARTY:
        hear(year, event);
        break;
    case SAY:
        say(year, event);
        break;
    case LOOK:
        look(year, event->party);
        break;
    case CONNECT:
        connect_party(year, event->party);
        break;
    case MISHAP:
        strike(year);
        break;
    case POWER_ON:
        power_on(year);
        break;
    case FIRE:
        burn(year);
        break;
    case MORNING:
        if (year->turn)
            begin_day(year);
        else
            plan(year, (struct planned){.at = year->now + 10 * MINUTE, .kind = MORNING});
        break;
    }
}

static void run_until(struct year *year, int64_t until)
{
    for (;;) {
        int64_t event_at = agenda_next_at(&year->agenda);
        int64_t due = daemon_due(year);
        if ((due < event_at ? due : event_at) > until)
            break;
        if (due <= event_at) {
            year->now = due > year->now ? due : year->now;
            run_turn(year);
            continue;
        }
        struct planned event = agenda_take(&year->agenda);
        year->now = event.at > year->now ? event.at : year->now;
        happen(year, &event);
        free(event.frame);
    }
    year->now = until > year->now ? until : year->now;
}

/* ---- the beginning ---- */

static char *load(const char *path, size_t *length)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, TEXT_MAX);

    assert(text);
    *length = file ? fread(text, 1, TEXT_MAX - 4096, file) : 0;
    if (file)
        fclose(file);
    return text;
}

/* One hub moves in the course of the year, as its line in the network file says from the beginning. */
static void write_move(struct year *year)
{
    char *at = strstr(year->text, "id = \"" MOVED_HUB "\";");
    char line[160], date[11];

    date_format(year->starts_at / DAY + 100, date);
    snprintf(line, sizeof line, "changes = ( { from = \"%s\"; easting = 249900; northing = 56400; } ); ", date);
    assert(at);
    memmove(at + strlen(line), at, strlen(at) + 1);
    memcpy(at, line, strlen(line));
    year->text_length = strlen(year->text);
}

static void read_postcodes(struct year *year, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[200];
    char why[200] = "";

    assert(file);
    while (fgets(line, sizeof line, file)) {
        char *comma = strchr(line, ',');
        if (!comma || comma - line > 9 || strncmp(line, "PL", 2) != 0)
            continue;
        year->postcodes = array_grow(year->postcodes, year->postcodes_count, &year->postcodes_room, 10);
        snprintf(year->postcodes[year->postcodes_count++], 10, "%.*s", (int)(comma - line), line);
    }
    fclose(file);
    int64_t count = postcodes_import(year->store, path, "2026", NULL, why, sizeof why);
    assert(count > 0);
}

static void add_party(struct year *year, const char *id, enum role role, int hub, int weight)
{
    assert(year->parties_count < PARTIES_MAX);
    struct party *party = &year->parties[year->parties_count++];
    snprintf(party->id, sizeof party->id, "%s", id);
    party->role = role;
    party->hub = hub;
    party->weight = weight;
}

/* How much of all that is referred comes from whom; the 13 community builders refer under one name. */
static int weight_of(const char *id)
{
    return strncmp(id, "gp-", 3) == 0                  ? 4
           : strcmp(id, "community-builders") == 0     ? 13
           : strcmp(id, "social-prescribing") == 0     ? 20
           : strcmp(id, "adult-social-care-team") == 0 ? 8
                                                       : 1;
}

static void add_parties(struct year *year)
{
    const struct network *network = year->network;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        if (network->hubs[i].tier != TIER_UNIVERSAL && network->hubs[i].status != HUB_PLANNED)
            add_party(year, network->hubs[i].id, ROLE_HUB, (int)i, 0);
    for (uint32_t i = 0; i < network->senders_count; i++)
        add_party(year, network->senders[i].id, ROLE_SENDER, -1, weight_of(network->senders[i].id));
    year->operator_party = year->parties_count;
    add_party(year, "operator", ROLE_OPERATOR, -1, 0);
    year->officer_party = year->parties_count;
    add_party(year, "privacy", ROLE_PRIVACY_OFFICER, -1, 0);
    for (int i = 0; i < year->parties_count; i++)
        plan(year, (struct planned){.at = year->now + i, .kind = CONNECT, .party = i});
}

static void open_year(struct year *year, const struct year_choice *choice)
{
    year->random.state = choice->seed * UINT64_C(0x2545f4914f6cdd1d) + 17;
    year->starts_at = PEOPLE_AUTHORED_MS + 22 * DAY - HOUR; /* Monday, 23 November 2026, 08:00 */
    year->now = year->starts_at;
    year->ends_at = year->starts_at + choice->days * DAY;
    year->crash_after = -1;
    year->text = load(choice->network, &year->text_length);
    year->store = store_memory_open(&year->faults);
    year->decoder = decoder_open();
    year->requests = calloc(BATCH_MAX, sizeof year->requests[0]);
    year->asked = calloc(BATCH_MAX, sizeof year->asked[0]);
    assert(year->decoder && year->requests && year->asked && year->text_length);
    write_move(year);
    year->network = parse(year);
    read_postcodes(year, choice->postcodes);
    power_on(year);
    add_parties(year);
    for (unsigned i = 0; i < choice->referrals; i++) {
        int party = draw_sender(year);
        int64_t then = year->now;
        year->now = year->starts_at + between(year, 0, choice->days * DAY);
        int64_t at = in_hours(year, &year->parties[party], between(year, MINUTE, 4 * HOUR));
        year->now = then;
        plan(year, (struct planned){.at = at, .kind = SAY, .party = party});
    }
    plan(year, (struct planned){.at = year->starts_at + 2 * HOUR, .kind = MORNING});
    plan(year, (struct planned){.at = year->starts_at + choice->days * DAY * 11 / 20, .kind = FIRE});
    plan(year, (struct planned){.at = year->starts_at + DAY, .kind = MISHAP});
}

static void close_year(struct year *year)
{
    network_free(&year->network);
    reader_close(&year->reader);
    turn_close(&year->turn);
    shelf_close(&year->shelf);
    seal_close(&year->seal);
    store_close(&year->store);
    decoder_close(&year->decoder);
    outbox_free(&year->outbox);
    for (int i = 0; i < year->inbox_count; i++)
        free(year->inbox[i].frame);
    for (int i = 0; i < year->parties_count; i++) {
        for (uint32_t n = 0; n < year->parties[i].pending_count; n++)
            free(year->parties[i].pending[n].frame);
        free(year->parties[i].pending);
        free(year->parties[i].pushed);
    }
    for (uint32_t i = 0; i < year->sent_count; i++)
        free(year->sent[i].frame);
    agenda_clear(&year->agenda);
    free(year->requests);
    free(year->asked);
    free(year->text);
    free(year->party_of_connection);
    free(year->sent);
    free(year->owner);
    free(year->listed);
    free(year->told_end);
    free(year->wards);
    free(year->postcodes);
}

/* ---- the end ---- */

/* Nothing goes wrong any more, everybody is there, and hubs bring to an end what they have. */
static void begin_quiet(struct year *year)
{
    year->quiet = true;
    year->faults = (struct store_memory_faults){0};
    year->crash_after = -1;
    for (int i = 0; i < year->parties_count; i++) {
        year->parties[i].away_until = 0;
        plan(year, (struct planned){.at = year->now + MINUTE, .kind = CONNECT, .party = i});
    }
    for (uint32_t i = 0; i < year->wards_count; i++)
        if (!year->wards[i].over)
            end_ward(year, &year->wards[i], year->now + between(year, 40 * DAY, 60 * DAY));
}

/* Every submit once more: each is answered as before. Every referral is looked at. */
static void check_end(struct year *year)
{
    for (uint32_t i = 0; i < year->sent_count; i++)
        ask_frame(year, year->sent[i].party, year->sent[i].frame, year->sent[i].length);
    year->is_listing = true;
    year->listed = calloc(year->owner_count + 1, sizeof year->listed[0]);
    assert(year->listed);
    ask_list(year, false, (struct text){0});
    run_until(year, year->now + HOUR);
    for (uint32_t i = 0; i < year->sent_count; i++)
        if (!year->sent[i].referral)
            find_fault(year, &year->lost, "a submit was never acknowledged", i);
    for (int i = 0; i < year->parties_count; i++)
        if (!year->parties[i].burnt && year->parties[i].pending_count)
            find_fault(year, &year->lost, "a request was never answered", (uint64_t)i);
    uint64_t known = 0;
    for (uint32_t i = 0; i < year->sent_count; i++)
        known += year->sent[i].referral != 0;
    if (year->closed + year->open != known)
        find_fault(year, &year->lost, "the list does not hold as many as were acknowledged", year->closed + year->open);
}

bool year_run(const struct year_choice *choice)
{
    struct year *year = calloc(1, sizeof *year);

    assert(year);
    open_year(year, choice);
    run_until(year, year->ends_at);
    begin_quiet(year);
    run_until(year, year->now + END_DAYS * DAY);
    check_end(year);
    if (year->fault[0])
        printf("year: seed %" PRIu64 ": %s\n", choice->seed, year->fault);
    printf("year: %u referrals, %" PRIu64 " messages, %" PRIu64 " repeats, %" PRIu64 " faults; %" PRIu64
           " closed, %" PRIu64 " wait with an owner; %" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64
           " silent; digest %016" PRIx64 "\n",
           year->sent_count, year->messages, year->repeats, year->mishaps, year->closed, year->open, year->lost,
           year->doubled, year->silent, year->digest);
    bool good = !year->lost && !year->doubled && !year->silent;
    close_year(year);
    free(year);
    return good;
}
