/* SPDX-License-Identifier: MIT
 * ledger: accounts in memory. */
#include "daemon/ledger.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"

/* Grows an array to hold at least `needed` elements; doubling, so that growth is rare. */
static void *room(void *array, uint32_t *capacity, uint64_t needed, size_t element)
{
    if (needed <= *capacity)
        return array;
    uint64_t larger = *capacity ? 2 * (uint64_t)*capacity : 16;
    if (larger < needed)
        larger = needed;
    assert(larger <= UINT32_MAX);
    array = realloc(array, larger * element);
    assert(array);
    *capacity = (uint32_t)larger;
    return array;
}

static void *zeroed(size_t count, size_t element)
{
    void *memory = calloc(count ? count : 1, element);

    assert(memory);
    return memory;
}

/* ---- who waits ---- */

/* Room for one, or the head of a block of them. */
struct waiting_slot {
    struct waiting_slot *next;
    struct waiting waiting;
};

enum { SLOTS_IN_BLOCK = 256 };

static struct waiting *take_slot(struct ledger *ledger)
{
    if (!ledger->unused) {
        struct waiting_slot *block = zeroed(SLOTS_IN_BLOCK, sizeof *block);
        block->next = ledger->blocks;
        ledger->blocks = block;
        for (int i = 1; i < SLOTS_IN_BLOCK; i++) {
            block[i].next = ledger->unused;
            ledger->unused = &block[i];
        }
    }
    struct waiting_slot *slot = ledger->unused;
    ledger->unused = slot->next;
    return &slot->waiting;
}

static void give_slot_back(struct ledger *ledger, struct waiting *waiting)
{
    struct waiting_slot *slot =
        (struct waiting_slot *)(void *)((char *)waiting - offsetof(struct waiting_slot, waiting));

    slot->next = ledger->unused;
    ledger->unused = slot;
}

/* The need of a part that waits is one. */
static enum need need_of(const struct part *part)
{
    return (enum need)__builtin_ctzll(part->needs);
}

static void fill_waiting(const struct ledger *ledger, const struct referral *referral, enum need need,
                         struct waiting *waiting)
{
    const struct profile *profile = &referral->profile;

    waiting->number = referral->number;
    waiting->submitted_at = referral->submitted_at;
    waiting->sender = referral->sender;
    waiting->need = need;
    waiting->weight = network_weight(ledger->network, profile->decile, profile->plus, profile->plus_count);
    waiting->profile = *profile;
    waiting->asked_count = 0;
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if ((referral->offers[i].needs & NEED_BIT(need)) && offer_was_put(&referral->offers[i]))
            waiting->asked[waiting->asked_count++] = referral->offers[i].hub;
}

static void put_in_list(struct ledger *ledger, const struct referral *referral, const struct part *part)
{
    struct waiting *waiting = take_slot(ledger);

    fill_waiting(ledger, referral, need_of(part), waiting);
    struct waiting_queue *queue =
        waitlist_queue(&ledger->waitlist, waiting->need, waiting->profile.priority, waiting->weight);
    queue->people = room(queue->people, &queue->capacity, (uint64_t)queue->count + 1, sizeof queue->people[0]);
    waitlist_insert(&ledger->waitlist, waiting);
    ledger->joined[waiting->need]++;
}

static void take_from_list(struct ledger *ledger, const struct referral *referral, const struct part *part)
{
    struct waiting *waiting =
        waitlist_find(&ledger->waitlist, need_of(part), referral->profile.priority, referral->number);

    assert(waiting);
    waitlist_remove(&ledger->waitlist, waiting);
    give_slot_back(ledger, waiting);
}

static void forget_queue(struct ledger *ledger, struct waiting_queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++)
        give_slot_back(ledger, queue->people[i]);
    free(queue->people);
}

static void forget_waiting(struct ledger *ledger)
{
    for (int need = 0; need < NETWORK_NEEDS; need++)
        for (int priority = 0; priority <= PRIORITY_STAT; priority++)
            for (int weight = 0; weight <= NETWORK_WEIGHT_MAX; weight++)
                forget_queue(ledger, &ledger->waitlist.queues[need][priority][weight]);
    memset(&ledger->waitlist, 0, sizeof ledger->waitlist);
}

/* ---- the network, and what has a row in it ---- */

/* Rows grouped by owner, by counting: sharing_first first says where each run ends, and, when it is filled from behind,
 * where it begins. */
static void group_by_owner(struct ledger *ledger)
{
    const struct network *network = ledger->network;
    uint32_t *first = ledger->sharing_first;

    for (uint32_t row = 0; row < network->services_count; row++)
        first[network->services[row].owner]++;
    for (uint32_t row = 1; row <= network->services_count; row++)
        first[row] += first[row - 1];
    for (uint32_t row = network->services_count; row-- > 0;)
        ledger->sharing[--first[network->services[row].owner]] = row;
}

/* Offers of closed referrals that were accepted, to one hub about the same services: their seats are gone, and they
 * count for the week, under every version of the network. */
struct past_offers {
    uint32_t hub_and_services[1 + NEEDS_MAX]; /* the key, as far as it goes */
    uint8_t services_count;
    uint32_t count;
    uint32_t in_week; /* of count, those made in the ledger's week */
    UT_hash_handle hh;
};

static void forget_past(struct ledger *ledger)
{
    struct past_offers *past = ledger->past;

    HASH_CLEAR(hh, ledger->past);
    while (past) {
        struct past_offers *next = past->hh.next;
        free(past);
        past = next;
    }
}

static void make_rows(struct ledger *ledger)
{
    const struct network *network = ledger->network;
    uint32_t count = network->services_count;

    ledger->places = zeroed(count, sizeof ledger->places[0]);
    ledger->figures = zeroed(count, sizeof ledger->figures[0]);
    ledger->nobody = zeroed(count, sizeof ledger->nobody[0]);
    ledger->sharing = zeroed(count, sizeof ledger->sharing[0]);
    ledger->sharing_first = zeroed((size_t)count + 1, sizeof ledger->sharing_first[0]);
    for (uint32_t row = 0; row < count; row++)
        ledger->places[row].total = ledger->places[row].in_file = network->services[row].places;
    group_by_owner(ledger);
}

static void free_rows(struct ledger *ledger)
{
    free(ledger->places);
    free(ledger->figures);
    free(ledger->nobody);
    free(ledger->sharing);
    free(ledger->sharing_first);
}

static void set_day(struct ledger *ledger, int64_t day)
{
    ledger->day = day;
    ledger->week = hours_monday(day);
    ledger->day_begins = hours_midnight(day);
    ledger->day_ends = hours_midnight(day + 1);
    ledger->week_begins = hours_midnight(ledger->week);
    ledger->week_ends = hours_midnight(ledger->week + 7);
    flow_begin(&ledger->flow, day);
    pace_begin(&ledger->pace, day);
    ledger_forget_nobody(ledger);
}

void ledger_init(struct ledger *ledger, struct network **network, int64_t now_ms)
{
    *ledger = (struct ledger){.network = *network};
    *network = NULL;
    make_rows(ledger);
    set_day(ledger, hours_day(now_ms));
    ledger->parties_count = 1;
    ledger->parties = room(NULL, &ledger->parties_capacity, 1, sizeof(void *));
    ledger->parties[0] = NULL;
    ledger->to_push = zeroed(ledger->parties_capacity, sizeof ledger->to_push[0]);
    ledger->held_max = MAILBOX_HELD_MAX;
}

void ledger_begin_day(struct ledger *ledger, int64_t now_ms)
{
    int64_t week = ledger->week;

    if (now_ms >= ledger->day_begins && now_ms < ledger->day_ends)
        return;
    set_day(ledger, hours_day(now_ms));
    for (uint32_t row = 0; row < ledger->network->services_count && ledger->week != week && !PLANTED(83); row++)
        ledger->places[row].taken_in_week = 0;
    for (struct past_offers *past = ledger->past; past && ledger->week != week; past = past->hh.next)
        past->in_week = 0;
}

void ledger_free(struct ledger *ledger)
{
    HASH_CLEAR(hh, ledger->by_id);
    for (uint32_t i = 0; i < ledger->parties_count; i++)
        if (ledger->parties[i]) {
            free(ledger->parties[i]->mailbox.ring);
            free(ledger->parties[i]->mailbox.with);
            free(ledger->parties[i]);
        }
    forget_waiting(ledger);
    free_rows(ledger);
    while (ledger->blocks) {
        struct waiting_slot *block = ledger->blocks;
        ledger->blocks = block->next;
        free(block);
    }
    free(ledger->pace.entries);
    free(ledger->parties);
    free(ledger->to_push);
    free(ledger->requests.slots);
    free(ledger->persons.slots);
    free(ledger->timers.heap);
    free(ledger->enquiries.heap);
    free(ledger->open);
    free(ledger->missed);
    forget_past(ledger);
}

struct party *ledger_party(const struct ledger *ledger, const char *id)
{
    struct party *party = NULL;

    HASH_FIND_STR(ledger->by_id, id, party);
    return party;
}

struct party *ledger_party_at(const struct ledger *ledger, uint32_t number)
{
    return number < ledger->parties_count ? ledger->parties[number] : NULL;
}

struct party *ledger_add_party(struct ledger *ledger, const char *id, uint32_t number, uint64_t confirmed)
{
    struct party *party = zeroed(1, sizeof *party);
    uint32_t before = ledger->parties_capacity;

    assert(number > 0 && strlen(id) <= ID_BYTES_MAX && !ledger_party_at(ledger, number));
    ledger->parties = room(ledger->parties, &ledger->parties_capacity, (uint64_t)number + 1, sizeof(void *));
    if (ledger->parties_capacity != before) {
        ledger->to_push = realloc(ledger->to_push, ledger->parties_capacity * sizeof ledger->to_push[0]);
        assert(ledger->to_push);
    }
    while (ledger->parties_count <= number)
        ledger->parties[ledger->parties_count++] = NULL;
    ledger->parties[number] = party;
    strcpy(party->id, id);
    party->number = number;
    mailbox_begin(&party->mailbox, confirmed);
    HASH_ADD_STR(ledger->by_id, id, party);
    return party;
}

/* ---- what a referral counts for ---- */

static bool waits_for_something(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_waits(&referral->parts[i]))
            return true;
    return false;
}

/* A hub helps, or waits for something before it goes on. */
static bool is_placed(const struct referral *referral)
{
    return referral->state == STATE_ACCEPTED || referral->state == STATE_IN_PROGRESS ||
           (referral->state == STATE_ON_HOLD && referral->business_status == BUSINESS_PAUSED);
}

void ledger_count_totals(struct totals *totals, const struct referral *referral, uint64_t one)
{
    totals->stored += one;
    totals->open += referral_is_open(referral) ? one : 0;
    totals->closed += referral_is_open(referral) ? 0 : one;
    totals->offered += referral->state == STATE_RECEIVED ? one : 0;
    totals->placed += is_placed(referral) ? one : 0;
    totals->waiting += waits_for_something(referral) ? one : 0;
    totals->attention += referral_needs_person(referral) ? one : 0;
    totals->overdue += referral_is_open(referral) && referral->overdue ? one : 0;
}

/* Rows, none twice. */
struct rows {
    uint32_t rows[2 * NEEDS_MAX];
    uint8_t count;
};

static void add_row(struct rows *rows, uint32_t row)
{
    for (uint8_t i = 0; i < rows->count; i++)
        if (rows->rows[i] == row)
            return;
    rows->rows[rows->count++] = row;
}

/* A seat is gone with who accepted it. */
static bool uses_place(const struct ledger *ledger, const struct offer *offer, uint32_t owner)
{
    return offer_holds_place(offer) || (offer->accepted && ledger->network->services[owner].seats);
}

static bool counts_for_week(const struct ledger *ledger, const struct offer *offer)
{
    return (offer_waits_for_answer(offer) || offer->accepted) && offer->made_at >= ledger->week_begins &&
           offer->made_at < ledger->week_ends;
}

static void count_figures(struct service_figures *figures, const struct offer *offer, uint32_t one)
{
    if (offer_waits_for_answer(offer))
        figures->offers_open += one;
    else if (offer_holds_place(offer))
        figures->cases_open += one;
}

/* One offer takes one place of an owner, and counts once in the week of a service, however many of its services use
 * them. Services that this version of the network no longer holds count for nobody. */
static void count_offer(struct ledger *ledger, const struct offer *offer, uint32_t one)
{
    struct rows owners = {.count = 0}, all = {.count = 0};

    for (uint8_t i = 0; i < offer->services_count; i++) {
        int row = network_find_service(ledger->network, offer->hub, offer->services[i]);
        if (row < 0)
            continue;
        uint32_t owner = ledger->network->services[row].owner;
        add_row(&owners, owner);
        add_row(&all, owner);
        add_row(&all, (uint32_t)row);
        count_figures(&ledger->figures[row], offer, one);
    }
    for (uint8_t i = 0; i < owners.count; i++) {
        struct places *places = &ledger->places[owners.rows[i]];
        places->used += uses_place(ledger, offer, owners.rows[i]) ? one : 0;
        places->unanswered += offer_waits_for_answer(offer) ? one : 0;
    }
    for (uint8_t i = 0; i < all.count && counts_for_week(ledger, offer); i++) {
        uint32_t *taken = &ledger->places[all.rows[i]].taken_in_week;
        /* A start whose clock had been set back before the offer's week has not counted it. */
        if (*taken || (int32_t)one > 0)
            *taken += one;
    }
}

static struct past_offers *find_past(struct ledger *ledger, const struct offer *offer)
{
    uint32_t key[1 + NEEDS_MAX] = {offer->hub};
    size_t length = (1 + (size_t)offer->services_count) * sizeof key[0];
    struct past_offers *past = NULL;

    memcpy(key + 1, offer->services, offer->services_count * sizeof key[0]);
    HASH_FIND(hh, ledger->past, key, length, past);
    if (!past) {
        past = zeroed(1, sizeof *past);
        memcpy(past->hub_and_services, key, sizeof key);
        past->services_count = offer->services_count;
        HASH_ADD_KEYPTR(hh, ledger->past, past->hub_and_services, length, past);
    }
    return past;
}

static void count_past(struct ledger *ledger, const struct offer *offer, uint32_t one)
{
    if (!offer->accepted)
        return;
    struct past_offers *past = find_past(ledger, offer);
    past->count += one;
    past->in_week += counts_for_week(ledger, offer) ? one : 0;
}

/* What is closed takes places of the rows that are there now. */
static void settle_past(struct ledger *ledger)
{
    for (const struct past_offers *past = ledger->past; past; past = past->hh.next) {
        struct offer offer = {.hub = past->hub_and_services[0],
                              .services_count = past->services_count,
                              .state = STATE_COMPLETED,
                              .accepted = true,
                              .made_at = ledger->week_begins};
        memcpy(offer.services, past->hub_and_services + 1, sizeof offer.services);
        count_offer(ledger, &offer, past->in_week);
        offer.made_at--;
        count_offer(ledger, &offer, past->count - past->in_week);
    }
}

static void count_places(struct ledger *ledger, const struct referral *referral, uint32_t one)
{
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        count_offer(ledger, &referral->offers[i], one);
        if (!referral_is_open(referral))
            count_past(ledger, &referral->offers[i], one);
    }
}

static void set_open(struct ledger *ledger, uint64_t number, bool is_open)
{
    uint32_t before = ledger->open_words;

    ledger->open = room(ledger->open, &ledger->open_words, number / 64 + 1, sizeof ledger->open[0]);
    memset(ledger->open + before, 0, (ledger->open_words - before) * sizeof ledger->open[0]);
    if (is_open)
        ledger->open[number / 64] |= UINT64_C(1) << number % 64;
    else
        ledger->open[number / 64] &= ~(UINT64_C(1) << number % 64);
}

static bool is_open(const struct ledger *ledger, uint64_t number)
{
    assert(number / 64 < ledger->open_words);
    return ledger->open[number / 64] >> number % 64 & 1;
}

uint64_t ledger_next_open(const struct ledger *ledger, uint64_t number)
{
    uint64_t from = UINT64_MAX << number % 64;

    for (uint64_t word = number / 64; word < ledger->open_words; word++, from = UINT64_MAX)
        if (ledger->open[word] & from)
            return 64 * word + (uint64_t)__builtin_ctzll(ledger->open[word] & from);
    return 0;
}

void ledger_miss(struct ledger *ledger, uint64_t number)
{
    ledger->missed =
        room(ledger->missed, &ledger->missed_capacity, (uint64_t)ledger->missed_count + 1, sizeof ledger->missed[0]);
    ledger->missed[ledger->missed_count++] = number;
    ledger->totals.damaged++;
}

bool ledger_misses(const struct ledger *ledger, uint64_t number)
{
    uint32_t from = 0;

    for (uint32_t to = ledger->missed_count; from < to;) {
        uint32_t middle = from + (to - from) / 2;
        if (ledger->missed[middle] < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from < ledger->missed_count && ledger->missed[from] == number;
}

static void add_timer(struct timers *timers, int64_t at, uint64_t number)
{
    timers->heap = room(timers->heap, &timers->capacity, (uint64_t)timers->count + 1, sizeof timers->heap[0]);
    timers_add(timers, (struct timer){at, number});
}

/* Those of closed referrals are left out before the heap grows: of a deadline that was months away and has been met, an
 * entry would stay until then. */
static void make_room_in_timers(struct ledger *ledger)
{
    struct timers *timers = &ledger->timers;
    uint32_t count = timers->count;

    if (count < timers->capacity)
        return;
    timers->count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_open(ledger, timers->heap[i].referral))
            timers_add(timers, timers->heap[i]);
    if (timers->count > timers->capacity / 2)
        timers->heap = room(timers->heap, &timers->capacity, (uint64_t)timers->capacity + 1, sizeof timers->heap[0]);
}

/* ---- referrals by hashes ---- */

enum { INDEX_LEAST = 1024 };

static void put_slot(struct index_slot *slots, uint64_t capacity, struct index_slot slot)
{
    uint64_t i = slot.hash & (capacity - 1);

    while (slots[i].referral)
        i = (i + 1) & (capacity - 1);
    slots[i] = slot;
}

static void make_room_in_index(struct index *index, uint64_t count)
{
    uint64_t capacity = index->capacity ? index->capacity : INDEX_LEAST;

    while (4 * count > 3 * capacity)
        capacity *= 2;
    if (capacity == index->capacity)
        return;
    struct index_slot *slots = zeroed(capacity, sizeof slots[0]);
    for (uint64_t i = 0; i < index->capacity; i++)
        if (index->slots[i].referral)
            put_slot(slots, capacity, index->slots[i]);
    free(index->slots);
    index->slots = slots;
    index->capacity = capacity;
}

static void add_to_index(struct index *index, uint64_t hash, uint64_t referral)
{
    assert(referral && referral <= UINT32_MAX);
    make_room_in_index(index, index->count + 1);
    put_slot(index->slots, index->capacity, (struct index_slot){(uint32_t)hash, (uint32_t)referral});
    index->count++;
}

/* What stands behind the hole, and would be looked for across it, moves into it, so that no marks of the dead are
 * needed. */
static void remove_from_index(struct index *index, uint64_t hash, uint64_t referral)
{
    struct index_slot *slots = index->slots;
    uint64_t mask = index->capacity - 1;
    uint64_t hole = hash & mask;

    while (slots[hole].hash != (uint32_t)hash || slots[hole].referral != referral) {
        assert(slots[hole].referral); /* it was added */
        hole = (hole + 1) & mask;
    }
    for (uint64_t i = (hole + 1) & mask; slots[i].referral; i = (i + 1) & mask)
        if (((i - slots[i].hash) & mask) >= ((i - hole) & mask)) {
            slots[hole] = slots[i];
            hole = i;
        }
    slots[hole].referral = 0;
    index->count--;
}

static uint64_t find_in_index(const struct index *index, uint64_t hash, uint64_t *at)
{
    while (index->capacity) {
        const struct index_slot *slot = &index->slots[(hash + *at) & (index->capacity - 1)];
        if (!slot->referral)
            break;
        ++*at;
        if (slot->hash == (uint32_t)hash)
            return slot->referral;
    }
    return 0;
}

static void index_persons(struct ledger *ledger, const struct referral *referral,
                          void (*change)(struct index *, uint64_t hash, uint64_t referral))
{
    for (int i = 0; i < 2 && referral_is_open(referral); i++)
        if (referral->persons[i])
            change(&ledger->persons, referral->persons[i], referral->number);
}

uint64_t ledger_find_person(const struct ledger *ledger, uint64_t hash, uint64_t *at)
{
    return find_in_index(&ledger->persons, hash, at);
}

void ledger_take_request(struct ledger *ledger, uint64_t hash, uint64_t referral)
{
    add_to_index(&ledger->requests, hash, referral);
}

void ledger_expect_requests(struct ledger *ledger, uint64_t count)
{
    make_room_in_index(&ledger->requests, count);
}

static void fetch_slot(const struct index *index, uint64_t hash)
{
    if (index->capacity)
        __builtin_prefetch(&index->slots[hash & (index->capacity - 1)], 1);
}

void ledger_foresee(const struct ledger *ledger, const struct referral *referral, uint64_t request_hash)
{
    fetch_slot(&ledger->requests, request_hash);
    for (int i = 0; i < 2 && referral_is_open(referral); i++)
        fetch_slot(&ledger->persons, referral->persons[i]);
}

uint64_t ledger_find_request(const struct ledger *ledger, uint64_t hash, uint64_t *at)
{
    return find_in_index(&ledger->requests, hash, at);
}

/* ---- all of it ---- */

void ledger_settle(struct ledger *ledger, const struct referral *referral)
{
    if (!PLANTED(2) || referral->number % 3)
        count_places(ledger, referral, 1);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_waits(&referral->parts[i]))
            put_in_list(ledger, referral, &referral->parts[i]);
}

static void add(struct ledger *ledger, const struct referral *referral)
{
    ledger_count_totals(&ledger->totals, referral, 1);
    ledger_settle(ledger, referral);
    set_open(ledger, referral->number, referral_is_open(referral));
    int64_t due = referral_next_due(referral);
    if (due) {
        make_room_in_timers(ledger);
        add_timer(&ledger->timers, due, referral->number);
    }
}

static void take_out(struct ledger *ledger, const struct referral *referral)
{
    ledger_count_totals(&ledger->totals, referral, UINT64_MAX); /* minus one */
    if ((!PLANTED(2) && !PLANTED(3)) || referral->number % 3)
        count_places(ledger, referral, UINT32_MAX);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_waits(&referral->parts[i]))
            take_from_list(ledger, referral, &referral->parts[i]);
    set_open(ledger, referral->number, false);
}

void ledger_add(struct ledger *ledger, const struct referral *referral)
{
    add(ledger, referral);
    index_persons(ledger, referral, add_to_index);
}

void ledger_remove(struct ledger *ledger, const struct referral *referral)
{
    take_out(ledger, referral);
    if (!PLANTED(129))
        index_persons(ledger, referral, remove_from_index);
}

/* Most changes leave the index of persons as it is, of which each look costs a miss of the cache. */
void ledger_change(struct ledger *ledger, const struct referral *before, const struct referral *after)
{
    bool same = referral_is_open(before) == referral_is_open(after) &&
                memcmp(before->persons, after->persons, sizeof after->persons) == 0;

    (same ? take_out : ledger_remove)(ledger, before);
    (same ? add : ledger_add)(ledger, after);
}

void ledger_take_network(struct ledger *ledger, struct network **network)
{
    struct network *before = ledger->network;

    free_rows(ledger);
    forget_waiting(ledger);
    ledger->network = *network;
    *network = before;
    make_rows(ledger);
    settle_past(ledger);
}

/* More than twice as much room as entries. */
static void make_room_in_pace(struct pace *pace)
{
    if (2 * (pace->count + 1) <= pace->capacity)
        return;
    struct pace larger = {.day = pace->day, .capacity = pace->capacity ? 2 * pace->capacity : 64};
    larger.entries = zeroed(larger.capacity, sizeof larger.entries[0]);
    for (uint32_t i = 0; i < pace->capacity; i++)
        if (pace->entries[i].sender)
            pace_add(&larger, pace->entries[i].sender, pace->entries[i].hub, (int32_t)pace->entries[i].count);
    free(pace->entries);
    *pace = larger;
}

void ledger_count_offers(struct ledger *ledger, const struct referral *referral, uint8_t first)
{
    for (uint8_t i = first; i < referral->offers_count; i++) {
        const struct offer *offer = &referral->offers[i];
        bool today = offer->made_at >= ledger->day_begins && offer->made_at < ledger->day_ends;
        int64_t day = today ? ledger->day : hours_day(offer->made_at);

        for (uint64_t needs = offer->needs; needs; needs &= needs - 1)
            flow_add(&ledger->flow, (enum need)__builtin_ctzll(needs), day);
        if (today) {
            make_room_in_pace(&ledger->pace);
            pace_add(&ledger->pace, referral->sender, offer->hub, 1);
        }
    }
}

uint64_t ledger_joined(const struct ledger *ledger, uint64_t needs)
{
    uint64_t joined = 1;

    for (; needs; needs &= needs - 1)
        joined += ledger->joined[__builtin_ctzll(needs)];
    return joined;
}

void ledger_forget_nobody(struct ledger *ledger)
{
    memset(ledger->nobody, 0, ledger->network->services_count * sizeof ledger->nobody[0]);
}

uint32_t ledger_position(const struct ledger *ledger, const struct referral *referral, enum need need, int64_t now_ms)
{
    const struct waiting *waiting =
        waitlist_find(&ledger->waitlist, need, referral->profile.priority, referral->number);

    return waiting ? waitlist_position(&ledger->waitlist, waiting, now_ms, ledger->network->fairness.overtaken_ms) : 0;
}

/* ---- enquiries ---- */

void ledger_look_at_enquiry(struct ledger *ledger, uint64_t number, int64_t at)
{
    add_timer(&ledger->enquiries, at, number);
}

void ledger_open_enquiry(struct ledger *ledger, uint64_t number, int64_t deadline)
{
    ledger_look_at_enquiry(ledger, number, deadline);
    ledger->totals.enquiries_open++;
}

void ledger_end_enquiry(struct ledger *ledger)
{
    assert(ledger->totals.enquiries_open);
    ledger->totals.enquiries_open--;
}

/* ---- mailboxes ---- */

/* A ring cannot grow in place: it moves into a larger one. */
static void make_room_in_ring(struct ledger *ledger, struct mailbox *mailbox)
{
    uint64_t count = mailbox->held - mailbox->confirmed;
    uint32_t capacity = mailbox->capacity ? 2 * mailbox->capacity : 16;
    struct owed *ring = mailbox->ring;
    uint8_t *with = mailbox->with;

    if (count < mailbox->capacity)
        return;
    if (capacity > ledger->held_max)
        capacity = ledger->held_max;
    mailbox_move(mailbox, zeroed(capacity, sizeof ring[0]), zeroed(capacity, sizeof with[0]), capacity);
    free(ring);
    free(with);
}

bool ledger_has_room_for_owed(const struct ledger *ledger, const struct party *party)
{
    const struct mailbox *mailbox = &party->mailbox;

    return mailbox->held < mailbox->last && mailbox->held - mailbox->confirmed < ledger->held_max;
}

uint64_t ledger_owe(struct ledger *ledger, struct party *party, struct owed owed)
{
    struct mailbox *mailbox = &party->mailbox;

    if (mailbox->held < mailbox->last || mailbox_unconfirmed(mailbox) == ledger->held_max)
        return ++mailbox->last;
    make_room_in_ring(ledger, mailbox);
    return mailbox_append(mailbox, owed);
}

void ledger_take_owed(struct ledger *ledger, struct party *party, struct owed owed)
{
    assert(ledger_has_room_for_owed(ledger, party));
    make_room_in_ring(ledger, &party->mailbox);
    mailbox_take_held(&party->mailbox, owed);
}

int ledger_slot_of(const struct party *party, connection_t connection)
{
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX && connection; slot++)
        if (party->connections[slot] == connection)
            return slot;
    return 0;
}

void ledger_to_push(struct ledger *ledger, struct party *party)
{
    if (party->to_push)
        return;
    party->to_push = true;
    ledger->to_push[ledger->to_push_count++] = party->number;
}
