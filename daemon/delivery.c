/* SPDX-License-Identifier: MIT
 * delivery: mailboxes. What an entry of the history tells is owed to each party in order, goes to one of its
 * connections, and is done when that confirms it. A start reads of the newest history what each is owed. Of a party
 * that is far behind, by the number of letters or by their age, all that is owed stands in TABLE_OWED, and only the
 * oldest of it in memory. */
#include <assert.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/turn_inside.h"

#define NUMBER_BITS 40          /* of a mailbox number, in a key of TABLE_OWED */
#define WAITS_SINCE_MS 60000    /* how exactly it is known since when something waits */
#define TAKEN_AT_ONCE_MAX 1024u /* letters out of the store, so that no turn becomes long */
#define START_ENTRIES 65536u    /* read in a tenth of a second */

/* ---- how far a start reads ---- */

static uint64_t start_entries(const struct turn *turn)
{
    return turn->options.start_entries ? turn->options.start_entries : START_ENTRIES;
}

static bool is_near(const struct turn *turn, uint64_t sequence)
{
    return sequence + start_entries(turn) > turn->head.sequence;
}

static uint64_t oldest_owed(const struct turn *turn, const struct party *party)
{
    const struct mailbox *mailbox = &party->mailbox;

    return mailbox_unconfirmed(mailbox) ? mailbox_at(mailbox, mailbox->confirmed + 1).sequence
                                        : turn->head.sequence + 1;
}

uint64_t delivery_first_unconfirmed(const struct turn *turn, const struct party *party)
{
    return party->far_behind ? INT64_MAX : oldest_owed(turn, party);
}

/* ---- far behind ---- */

static uint64_t owed_key(const struct party *party, uint64_t number)
{
    assert(number >> NUMBER_BITS == 0);
    return (uint64_t)party->number << NUMBER_BITS | number;
}

static void put_owed(struct turn *turn, const struct party *party, uint64_t number, struct owed owed)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    keep_put(turn, TABLE_OWED, owed_key(party, number), bytes, record_write_owed(&owed, bytes));
}

static bool get_owed(struct turn *turn, const struct party *party, uint64_t number, struct owed *owed)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t length = 0;

    return keep_get(turn, TABLE_OWED, owed_key(party, number), bytes, sizeof bytes, &length) &&
           record_read_owed(bytes, length, owed);
}

/* Takes letters out of the store as long as there is room. False: one of them is damaged. */
static bool take_owed(struct turn *turn, struct party *party, uint32_t at_most)
{
    struct owed owed;

    for (; at_most && ledger_has_room_for_owed(&turn->ledger, party); at_most--) {
        uint64_t number = party->mailbox.held + 1;
        if (!get_owed(turn, party, PLANTED(125) && number < party->mailbox.last ? number + 1 : number, &owed))
            return false;
        ledger_take_owed(&turn->ledger, party, owed);
    }
    return true;
}

static void del_owed(struct turn *turn, const struct party *party, uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last && !PLANTED(127); number++)
        keep_del(turn, TABLE_OWED, owed_key(party, number));
}

/* All that it is owed goes into the store, so that a start need not look for it in all the history since. */
static void fall_behind(struct turn *turn, struct party *party)
{
    const struct mailbox *mailbox = &party->mailbox;

    for (uint64_t number = mailbox->confirmed + 1; number <= mailbox->held; number++)
        put_owed(turn, party, number, mailbox_at(mailbox, number));
    party->far_behind = true;
    keep_party(turn, party);
}

/* Everything up to `before` was confirmed until now. What is no longer owed leaves the store, what there is room for
 * comes back, and when that is all, and not old, the history alone tells it from now on. */
static void catch_up(struct turn *turn, struct party *party, uint64_t before)
{
    const struct mailbox *mailbox = &party->mailbox;

    if (!party->far_behind)
        return;
    del_owed(turn, party, before + 1, mailbox->confirmed);
    if (mailbox->held - mailbox->confirmed > turn->ledger.held_max / 2)
        return;
    if (mailbox->held < mailbox->last) {
        take_owed(turn, party, TAKEN_AT_ONCE_MAX);
    } else if (is_near(turn, oldest_owed(turn, party))) {
        del_owed(turn, party, mailbox->confirmed + 1, mailbox->last);
        party->far_behind = false;
    }
}

/* ---- since when ---- */

/* 0: the entry is damaged. */
static int64_t written_at(struct turn *turn, uint64_t sequence)
{
    struct entry entry;
    const void *said = NULL;
    size_t length = 0;
    size_t said_length = 0;

    if (!keep_get(turn, TABLE_HISTORY, sequence, turn->record, sizeof turn->record, &length) ||
        !record_read_entry(turn->record, length, &entry, &said, &said_length))
        return 0;
    return entry.at;
}

/* The oldest unconfirmed letter is another one now. Of who keeps up it is not asked again and again: then it is at most
 * a minute younger than what is known. */
static void note_wait(struct turn *turn, struct party *party)
{
    const struct mailbox *mailbox = &party->mailbox;

    if (!mailbox_unconfirmed(mailbox))
        party->waits_since = 0;
    else if (turn->now - party->waits_since >= WAITS_SINCE_MS && mailbox->held > mailbox->confirmed)
        party->waits_since = written_at(turn, mailbox_at(mailbox, mailbox->confirmed + 1).sequence);
}

/* ---- letters ---- */

/* What a letter is about. */
struct matter {
    const struct referral *referral; /* NULL: an enquiry */
    const struct entry *entry;
    const struct message *said;
};

static const char *id_of(const struct turn *turn, uint32_t party)
{
    return ledger_party_at(&turn->ledger, party)->id;
}

/* A letter about a person of whom nothing can be read any more goes out as `withdrawn`: the mailbox has no gaps. */
static void write_about_referral(struct turn *turn, const struct matter *matter, struct letter letter)
{
    bool good = keep_load_content(turn, matter->referral->number);
    struct referral linked;
    struct letter_facts facts = {.network = turn->ledger.network,
                                 .referral = matter->referral,
                                 .entry = matter->entry,
                                 .submit = good ? turn->content.submit : NULL,
                                 .said = matter->said,
                                 .sender = id_of(turn, matter->referral->sender)};

    if (!good && (letter.type == MESSAGE_offer || letter.type == MESSAGE_person || letter.type == MESSAGE_updated))
        letter.type = MESSAGE_withdrawn;
    if (letter.type == MESSAGE_linked && keep_load(turn, matter->entry->linked, &linked))
        facts.linked_sender = id_of(turn, linked.sender);
    letter_write(&facts, &letter, &turn->texts, &turn->answer);
}

/* Into turn->answer. */
static void write_letter(struct turn *turn, const struct matter *matter, struct letter letter)
{
    if (matter->referral)
        write_about_referral(turn, matter, letter);
    else
        enquiry_letter(turn, matter->entry, &letter, matter->said);
}

/* Writes a letter that is owed, out of the store, to a connection: here, because its texts point into what was read. A
 * damaged entry stops this mailbox, and only this one: nothing is told that cannot be read. */
static bool send_stored(struct turn *turn, const struct party *party, int slot, uint64_t number)
{
    struct owed owed = mailbox_at(&party->mailbox, number);
    struct referral referral;
    struct enquiry enquiry;
    struct entry entry;
    struct message said;

    if (!keep_load_entry(turn, owed.sequence, &entry, &said))
        return false;
    assert(owed.letter < entry.letters_count);
    bool is_referral = keep_load(turn, entry.referral, &referral);
    if (!is_referral && !keep_load_enquiry(turn, entry.referral, &enquiry))
        return false;
    const struct matter matter = {
        .referral = is_referral ? &referral : NULL, .entry = &entry, .said = said.type != MESSAGE_NONE ? &said : NULL};
    write_letter(turn, &matter, entry.letters[owed.letter]);
    outbox_add(turn->outbox, party->connections[slot], &turn->answer);
    return true;
}

static void look_again(struct turn *turn)
{
    int64_t check_at = turn->now + turn->options.push_again_ms;

    if (turn->push_check_at > check_at)
        turn->push_check_at = check_at;
}

/* False: it cannot be read. */
static bool send_owed(struct turn *turn, const struct party *party, int slot, uint64_t number)
{
    size_t length = 0;
    const void *kept = recent_find_letter(turn->recent, party->number, number, &length);

    if (kept)
        outbox_add_encoded(turn->outbox, party->connections[slot], kept, length);
    else if (!send_stored(turn, party, slot, number))
        return false;
    look_again(turn);
    return true;
}

/* Writes what the windows have room for. */
static void push(struct turn *turn, struct party *party)
{
    uint64_t number;
    int slot = 0;

    while ((number = mailbox_next_to_send(&party->mailbox, turn->options.window, &slot)) &&
           send_owed(turn, party, slot, number))
        mailbox_sent(&party->mailbox, number, slot, turn->now);
}

/* ---- owing ---- */

static void owe_letter(struct turn *turn, struct entry *entry, uint8_t i)
{
    struct letter *letter = &entry->letters[i];

    struct party *party = ledger_party_at(&turn->ledger, letter->party);
    struct owed owed = {.sequence = entry->sequence & 0xffffffffffff,
                        .letter = i,
                        .type = letter->type & 0xff,
                        .referral = entry->referral & 0xffffffffffffff,
                        .offer = letter->offer_number};
    assert(party);
    letter->mailbox_number = ledger_owe(&turn->ledger, party, owed);
    if (letter->mailbox_number > party->mailbox.held && !party->far_behind)
        fall_behind(turn, party);
    if (party->far_behind)
        put_owed(turn, party, letter->mailbox_number, owed);
    if (!party->waits_since)
        party->waits_since = entry->at;
}

/* Whether it is likely to be sent soon. */
static bool will_be_sent(const struct mailbox *mailbox, uint64_t number)
{
    return number - mailbox->confirmed <= RECENT_LETTERS && mailbox_is_open(mailbox);
}

/* Who has a connection with room in its window is told at once; the others when they have. */
static void tell_or_remember(struct turn *turn, const struct matter *matter, struct letter letter)
{
    struct party *party = ledger_party_at(&turn->ledger, letter.party);
    int slot = 0;
    uint64_t next = mailbox_next_to_send(&party->mailbox, turn->options.window, &slot);

    if (next == letter.mailbox_number) {
        write_letter(turn, matter, letter);
        outbox_add(turn->outbox, party->connections[slot], &turn->answer);
        look_again(turn);
        mailbox_sent(&party->mailbox, next, slot, turn->now);
        return;
    }
    if (next)
        ledger_to_push(&turn->ledger, party);
    if (will_be_sent(&party->mailbox, letter.mailbox_number)) {
        write_letter(turn, matter, letter);
        recent_keep_letter(turn->recent, party->number, letter.mailbox_number, &turn->answer);
    }
}

void delivery_owe(struct turn *turn, const struct referral *referral, struct entry *entry, const struct message *said)
{
    const struct matter matter = {.referral = referral, .entry = entry, .said = said};

    for (uint8_t i = 0; i < entry->letters_count; i++)
        if (PLANTED(5) && entry->letters[i].type == MESSAGE_answered)
            entry->letters[i].party += entry->letters[i].party > 1 ? UINT32_MAX : 1;
    if (PLANTED(126) && !referral)
        entry->letters_count = 0;
    for (uint8_t i = 0; i < entry->letters_count; i++)
        owe_letter(turn, entry, i);
    for (uint8_t i = 0; i < entry->letters_count; i++)
        tell_or_remember(turn, &matter, entry->letters[i]);
}

/* ---- connections ---- */

/* What a connection has that greets again goes out to it once more; that does not count as heard from. */
static void push_again(struct turn *turn, const struct party *party, int slot)
{
    uint64_t number = 0;

    while ((number = mailbox_next_with(&party->mailbox, slot, number)) && send_owed(turn, party, slot, number))
        ;
}

/* It is told at once, so that whatever it confirms from now on has been sent to it. */
void delivery_hello(struct turn *turn, struct party *party, connection_t connection)
{
    int slot = ledger_slot_of(party, connection);

    if (slot) {
        mailbox_greeted(&party->mailbox, slot, turn->now);
        push_again(turn, party, slot);
    } else {
        slot = mailbox_slot_to_open(&party->mailbox);
        mailbox_open(&party->mailbox, slot, turn->now);
        party->connections[slot] = connection;
    }
    push(turn, party);
}

void delivery_gone(struct turn *turn, connection_t connection)
{
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++) {
        struct party *party = turn->ledger.parties[i];
        int slot = ledger_slot_of(party, connection);
        if (!slot)
            continue;
        mailbox_close(&party->mailbox, slot);
        party->connections[slot] = 0;
        ledger_to_push(&turn->ledger, party);
    }
}

/* ---- confirming ---- */

/* Only the newest letter of its kind closes a referral: one that was retracted after its end was told ends twice, and
 * a practice is told of each part, under its offer, before it is told of the whole. */
static bool is_of_its_end(struct turn *turn, const struct referral *referral, struct owed owed)
{
    if (owed.type == MESSAGE_message_back && owed.offer && referral->parts_count > 1)
        return false;
    return referral->state != STATE_ENTERED_IN_ERROR || written_at(turn, owed.sequence) >= referral->ended_at;
}

static enum event event_of(struct owed owed)
{
    if (owed.type == MESSAGE_offer)
        return EVENT_RECEIVED;
    if ((owed.type == MESSAGE_ended && !PLANTED(15)) || (owed.type == MESSAGE_message_back && !PLANTED(123)))
        return EVENT_OUTCOME_CONFIRMED;
    return 0;
}

/* A confirmed offer has been received by its hub; a referral closes when its outcome is confirmed by all who are told.
 */
static void confirm_letter(struct turn *turn, const struct party *party, enum role role, struct owed owed)
{
    struct cause cause = {
        .event = event_of(owed), .role = role, .actor = party->number, .offer_number = (uint8_t)owed.offer};
    struct referral referral;
    struct outcome_of outcome;

    if (!cause.event || !keep_load(turn, owed.referral, &referral))
        return;
    if (cause.event != EVENT_OUTCOME_CONFIRMED || is_of_its_end(turn, &referral, owed))
        placing_step(turn, &cause, &referral, &outcome, NULL);
}

/* True when anything was confirmed. One step may bring letters back from the store, which are confirmed in the next. */
static bool confirm_up_to(struct turn *turn, struct party *party, const struct request *request, uint64_t number)
{
    int slot = ledger_slot_of(party, request->connection);
    uint64_t before = party->mailbox.confirmed;
    bool any = false;
    struct owed owed;

    while (mailbox_confirm_next(&party->mailbox, slot, number, turn->now, &owed)) {
        confirm_letter(turn, party, request->role, owed);
        catch_up(turn, party, before);
        before = party->mailbox.confirmed;
        any = true;
    }
    return any;
}

void delivery_confirm(struct turn *turn, const struct request *request)
{
    struct party *party = keep_find_party(turn, request->party);
    uint64_t number = (uint64_t)message_number(request->message, FIELD_mailbox_number);
    char audit[SEAL_HASH_TEXT_BYTES];

    if (number > party->mailbox.last) {
        turn_answer_refused(turn, request, REFUSAL_NOT_PUSHED, "mailbox_number");
        return;
    }
    bool any = confirm_up_to(turn, party, request, number);
    if (any) {
        party->confirmed_at = turn->now;
        note_wait(turn, party);
        if (!PLANTED(22))
            keep_party(turn, party);
    }
    ledger_to_push(&turn->ledger, party);
    turn_begin_answer(turn, request, MESSAGE_done);
    message_set_number(&turn->answer, FIELD_duplicate, !any);
    message_set_number(&turn->answer, FIELD_mailbox_number, (int64_t)party->mailbox.confirmed);
    turn_add_audit(turn, audit);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

/* ---- in every turn ---- */

/* What was sent and not confirmed in time goes out again: to another connection of the party when it has one. */
static void look_for_silence(struct turn *turn)
{
    if (turn->now < turn->push_check_at)
        return;
    turn->push_check_at = INT64_MAX;
    for (uint32_t i = 1; i < turn->ledger.parties_count && !PLANTED(21); i++) {
        struct party *party = turn->ledger.parties[i];
        bool any = false;
        int64_t next = mailbox_fall_silent(&party->mailbox, turn->now, turn->options.push_again_ms, &any);
        if (any)
            ledger_to_push(&turn->ledger, party);
        if (next < turn->push_check_at)
            turn->push_check_at = next;
    }
}

/* A start would have to read far back for it: from now on less far, or, for what it has left so long, not at all. */
static void spare_start(struct turn *turn, struct party *party)
{
    if (is_near(turn, party->start_from))
        return;
    if (is_near(turn, oldest_owed(turn, party)))
        keep_party(turn, party);
    else
        fall_behind(turn, party);
}

/* Each party is looked at once while START_ENTRIES are written. */
static void spare_starts(struct turn *turn)
{
    const struct ledger *ledger = &turn->ledger;

    turn->looks_due += (turn->head.sequence - turn->looked_at) * ledger->parties_count;
    turn->looked_at = turn->head.sequence;
    for (; turn->looks_due >= start_entries(turn); turn->looks_due -= start_entries(turn)) {
        turn->looked_party = turn->looked_party + 1 < ledger->parties_count ? turn->looked_party + 1 : 0;
        if (ledger->parties[turn->looked_party])
            spare_start(turn, ledger->parties[turn->looked_party]);
    }
}

void delivery_run(struct turn *turn)
{
    look_for_silence(turn);
    spare_starts(turn);
    for (uint32_t i = 0; i < turn->ledger.to_push_count; i++) {
        struct party *party = ledger_party_at(&turn->ledger, turn->ledger.to_push[i]);
        party->to_push = false;
        push(turn, party);
    }
    turn->ledger.to_push_count = 0;
}

int64_t delivery_next_due(const struct turn *turn)
{
    return turn->push_check_at;
}

/* ---- the start ---- */

/* The newest of its letters in the store; 0: there are none. */
static uint64_t last_owed(struct turn *turn, const struct party *party)
{
    const uint64_t newest = (UINT64_C(1) << NUMBER_BITS) - 1;
    uint64_t key = owed_key(party, newest);
    const void *bytes = NULL;
    size_t length = 0;

    if (store_seek(turn->store, turn->transaction, TABLE_OWED, true, &key, &bytes, &length) != STORE_OK)
        return 0;
    return key >> NUMBER_BITS == party->number ? key & newest : 0;
}

static bool rebuild_far_behind(struct turn *turn, struct party *party)
{
    uint64_t last = last_owed(turn, party);
    struct mailbox *mailbox = &party->mailbox;

    if (last <= mailbox->confirmed || PLANTED(124))
        return true;
    party->far_behind = true;
    mailbox->last = last;
    if (!take_owed(turn, party, turn->ledger.held_max))
        return false;
    party->waits_since = written_at(turn, mailbox_at(mailbox, mailbox->confirmed + 1).sequence);
    return true;
}

/* Letters up to the last that stood in the store, and those that were confirmed, are passed over. */
static void rebuild_from_entry(struct turn *turn, struct entry *entry)
{
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        const struct party *party = ledger_party_at(&turn->ledger, entry->letters[i].party);
        assert(party);
        if (entry->letters[i].mailbox_number == party->mailbox.last + 1)
            owe_letter(turn, entry, i);
    }
}

bool delivery_rebuild(struct turn *turn, uint64_t history_from)
{
    const void *said = NULL;
    struct entry entry;
    size_t said_length = 0;
    size_t length = 0;

    if (turn->options.held_max)
        turn->ledger.held_max = turn->options.held_max;
    turn->looked_at = turn->head.sequence;
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++)
        if (!rebuild_far_behind(turn, turn->ledger.parties[i]))
            return false;
    for (uint64_t key = history_from; key <= turn->head.sequence && !PLANTED(7); key++) {
        if (!keep_get(turn, TABLE_HISTORY, key, turn->record, sizeof turn->record, &length) ||
            !record_read_entry(turn->record, length, &entry, &said, &said_length))
            return false;
        entry.sequence = key;
        rebuild_from_entry(turn, &entry);
    }
    return true;
}
