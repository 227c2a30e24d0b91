/* SPDX-License-Identifier: MIT
 * ledger: accounts in memory. */
#include "daemon/ledger.h"

#include <assert.h>
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

void ledger_init(struct ledger *ledger, struct network **network)
{
    *ledger = (struct ledger){.network = *network};
    *network = NULL;
    ledger->places = zeroed(ledger->network->services_count, sizeof ledger->places[0]);
    ledger->figures = zeroed(ledger->network->services_count, sizeof ledger->figures[0]);
    for (uint32_t i = 0; i < ledger->network->services_count; i++)
        ledger->places[i].total = ledger->places[i].in_file = ledger->network->services[i].places;
    ledger->taken_capacity = 1024;
    ledger->taken = zeroed(ledger->taken_capacity, sizeof ledger->taken[0]);
    ledger->parties_count = 1;
    ledger->parties = room(NULL, &ledger->parties_capacity, 1, sizeof(void *));
    ledger->parties[0] = NULL;
    ledger->to_push = zeroed(ledger->parties_capacity, sizeof ledger->to_push[0]);
}

void ledger_free(struct ledger *ledger)
{
    HASH_CLEAR(hh, ledger->by_id);
    for (uint32_t i = 0; i < ledger->parties_count; i++)
        if (ledger->parties[i]) {
            free(ledger->parties[i]->mailbox.ring);
            free(ledger->parties[i]);
        }
    for (int need = 0; need < WAITLIST_NEEDS; need++)
        for (int priority = 0; priority <= PRIORITY_STAT; priority++)
            free(ledger->waitlist.queues[need][priority].numbers);
    free(ledger->parties);
    free(ledger->to_push);
    free(ledger->places);
    free(ledger->figures);
    free(ledger->taken);
    free(ledger->timers.heap);
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
    party->mailbox.confirmed = party->mailbox.sent = party->mailbox.last = confirmed;
    HASH_ADD_STR(ledger->by_id, id, party);
    return party;
}

static bool in_waitlist(const struct referral *referral)
{
    return referral->state == STATE_ON_HOLD && referral->business_status == BUSINESS_WAITLISTED;
}

static void count_totals(struct totals *totals, const struct referral *referral, uint64_t one)
{
    totals->stored += one;
    totals->open += referral_is_open(referral) ? one : 0;
    totals->closed += referral_is_open(referral) ? 0 : one;
    totals->offered += referral->state == STATE_RECEIVED ? one : 0;
    totals->placed += referral->state == STATE_ACCEPTED || referral->state == STATE_IN_PROGRESS ? one : 0;
    totals->waiting += in_waitlist(referral) ? one : 0;
    totals->attention += referral_needs_person(referral) ? one : 0;
    totals->overdue += referral_is_open(referral) && referral->overdue ? one : 0;
}

/* Places of a service that this version of the network no longer holds count for nobody. */
static void count_places(struct ledger *ledger, const struct referral *referral, uint32_t one)
{
    uint8_t number = referral_current_offer(referral);

    if (!number)
        return;
    const struct offer *offer = &referral->offers[number - 1];
    int row = network_find_service(ledger->network, offer->hub, offer->service);
    if (row < 0)
        return;
    ledger->places[row].used += one;
    if (offer->state == STATE_ACCEPTED || offer->state == STATE_IN_PROGRESS)
        ledger->figures[row].cases_open += one;
    else
        ledger->figures[row].offers_open += one;
}

void ledger_add(struct ledger *ledger, const struct referral *referral)
{
    count_totals(&ledger->totals, referral, 1);
    if (!PLANTED(2) || referral->number % 3)
        count_places(ledger, referral, 1);
    if (in_waitlist(referral)) {
        struct waiting_queue *queue =
            waitlist_queue(&ledger->waitlist, referral->profile.need, referral->profile.priority);
        queue->numbers = room(queue->numbers, &queue->capacity, (uint64_t)queue->count + 1, sizeof queue->numbers[0]);
        waitlist_insert(&ledger->waitlist, referral->profile.need, referral->profile.priority, referral->number);
    }
    if (referral_is_open(referral)) {
        struct timers *timers = &ledger->timers;
        timers->heap = room(timers->heap, &timers->capacity, (uint64_t)timers->count + 1, sizeof timers->heap[0]);
        timers_add(timers, (struct timer){referral->deadline, referral->number});
    }
}

void ledger_remove(struct ledger *ledger, const struct referral *referral)
{
    count_totals(&ledger->totals, referral, UINT64_MAX); /* minus one */
    if ((!PLANTED(2) && !PLANTED(3)) || referral->number % 3)
        count_places(ledger, referral, UINT32_MAX);
    if (in_waitlist(referral)) {
        bool removed =
            waitlist_remove(&ledger->waitlist, referral->profile.need, referral->profile.priority, referral->number);
        assert(removed);
    }
}

uint32_t ledger_position(const struct ledger *ledger, const struct referral *referral)
{
    return waitlist_position(&ledger->waitlist, referral->profile.need, referral->profile.priority, referral->number);
}

static void put_taken(struct taken *table, uint64_t capacity, struct taken entry)
{
    uint64_t i = entry.hash & (capacity - 1);

    while (table[i].hash)
        i = (i + 1) & (capacity - 1);
    table[i] = entry;
}

void ledger_take_request(struct ledger *ledger, uint64_t hash, uint64_t referral)
{
    if (2 * (ledger->taken_count + 1) > ledger->taken_capacity) {
        uint64_t larger = 2 * ledger->taken_capacity;
        struct taken *table = zeroed(larger, sizeof table[0]);
        for (uint64_t i = 0; i < ledger->taken_capacity; i++)
            if (ledger->taken[i].hash)
                put_taken(table, larger, ledger->taken[i]);
        free(ledger->taken);
        ledger->taken = table;
        ledger->taken_capacity = larger;
    }
    put_taken(ledger->taken, ledger->taken_capacity, (struct taken){hash ? hash : 1, referral});
    ledger->taken_count++;
}

uint64_t ledger_find_request(const struct ledger *ledger, uint64_t hash, uint64_t *at)
{
    hash = hash ? hash : 1;
    for (;;) {
        const struct taken *taken = &ledger->taken[(hash + *at) & (ledger->taken_capacity - 1)];
        if (!taken->hash)
            return 0;
        ++*at;
        if (taken->hash == hash)
            return taken->referral;
    }
}

uint64_t ledger_owe(struct ledger *ledger, struct party *party, struct owed owed)
{
    struct mailbox *mailbox = &party->mailbox;
    uint64_t count = mailbox_unconfirmed(mailbox);

    (void)ledger;
    if (count == mailbox->capacity) {
        /* A ring cannot grow in place: straighten it into a larger one. */
        uint32_t capacity = mailbox->capacity ? 2 * mailbox->capacity : 16;
        struct owed *ring = zeroed(capacity, sizeof ring[0]);
        for (uint64_t i = 0; i < count; i++)
            ring[i] = mailbox_at(mailbox, mailbox->confirmed + 1 + i);
        free(mailbox->ring);
        mailbox->ring = ring;
        mailbox->first = 0;
        mailbox->capacity = capacity;
    }
    return mailbox_append(mailbox, owed);
}

void ledger_to_push(struct ledger *ledger, struct party *party)
{
    if (party->to_push)
        return;
    party->to_push = true;
    ledger->to_push[ledger->to_push_count++] = party->number;
}
