/* SPDX-License-Identifier: MIT
 * figures: what the reader may know of the memory of a turn; each takes the lock for a moment. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/io/network_file.h"
#include "daemon/turn_inside.h"

static uint64_t oldest_waiting(const struct waitlist *list)
{
    const struct waiting_queue *queue = &list->queues[0][0][0];
    size_t queues = sizeof list->queues / sizeof *queue;
    uint64_t oldest = 0;

    for (size_t i = 0; i < queues; i++)
        if (queue[i].count && (!oldest || queue[i].people[0]->number < oldest))
            oldest = queue[i].people[0]->number;
    return oldest;
}

/* Something has waited in it to be confirmed for too long. */
static bool is_silent(const struct turn *turn, const struct party *party)
{
    return mailbox_unconfirmed(&party->mailbox) && turn->options.unfetched_ms && !PLANTED(128) &&
           turn->now - party->waits_since >= turn->options.unfetched_ms;
}

static uint64_t mailboxes_silent(const struct turn *turn)
{
    uint64_t count = 0;

    for (uint32_t number = 1; number < turn->ledger.parties_count; number++)
        count += is_silent(turn, turn->ledger.parties[number]);
    return count;
}

void turn_totals(struct turn *turn, struct totals *totals)
{
    pthread_mutex_lock(&turn->lock);
    *totals = turn->ledger.totals;
    totals->oldest_waiting = oldest_waiting(&turn->ledger.waitlist);
    totals->mailboxes_silent = mailboxes_silent(turn);
    totals->sequence = turn->head.sequence;
    pthread_mutex_unlock(&turn->lock);
}

static void party_figures(const struct turn *turn, uint32_t number, struct hub_figures *figures)
{
    const struct party *party = ledger_party_at(&turn->ledger, number);

    assert(party); /* all of a network have a number */
    figures->connected = mailbox_is_open(&party->mailbox);
    figures->unconfirmed = mailbox_unconfirmed(&party->mailbox);
}

void turn_hub_figures(struct turn *turn, uint32_t hub_party, uint32_t service_number, struct hub_figures *figures)
{
    const struct ledger *ledger = &turn->ledger;

    pthread_mutex_lock(&turn->lock);
    int row = network_find_service(ledger->network, hub_party, service_number);
    *figures = (struct hub_figures){0};
    if (row >= 0) {
        figures->places = ledger->places[row];
        figures->offers_open = ledger->figures[row].offers_open;
        figures->cases_open = ledger->figures[row].cases_open;
        party_figures(turn, hub_party, figures);
    }
    pthread_mutex_unlock(&turn->lock);
}

void turn_party_figures(struct turn *turn, uint32_t number, struct hub_figures *figures)
{
    pthread_mutex_lock(&turn->lock);
    *figures = (struct hub_figures){0};
    party_figures(turn, number, figures);
    pthread_mutex_unlock(&turn->lock);
}

static void fill_mailbox(const struct party *party, struct mailbox_figures *figures)
{
    const struct mailbox *mailbox = &party->mailbox;

    *figures = (struct mailbox_figures){
        .last = mailbox->last, .unconfirmed = mailbox_unconfirmed(mailbox), .confirmed_at = party->confirmed_at};
    strcpy(figures->party, party->id);
    if (mailbox->held > mailbox->confirmed)
        figures->oldest_unconfirmed = mailbox_at(mailbox, mailbox->confirmed + 1).sequence;
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++)
        figures->connections += mailbox->connections[slot].open;
}

bool turn_mailbox_figures(struct turn *turn, uint32_t number, struct mailbox_figures *figures)
{
    pthread_mutex_lock(&turn->lock);
    const struct party *party = ledger_party_at(&turn->ledger, number);
    if (party)
        fill_mailbox(party, figures);
    pthread_mutex_unlock(&turn->lock);
    return party != NULL;
}

uint32_t turn_position(struct turn *turn, const struct referral *referral, enum need need, uint32_t *expected_days)
{
    pthread_mutex_lock(&turn->lock);
    uint32_t position = ledger_position(&turn->ledger, referral, need, turn->now);
    *expected_days = position ? flow_expected_days(&turn->ledger.flow, need, position) : 0;
    pthread_mutex_unlock(&turn->lock);
    return position;
}

uint32_t turn_party_number(struct turn *turn, const char *id)
{
    pthread_mutex_lock(&turn->lock);
    const struct party *party = ledger_party(&turn->ledger, id);
    uint32_t number = party ? party->number : PARTY_NONE;
    pthread_mutex_unlock(&turn->lock);
    return number;
}

void turn_party_id(struct turn *turn, uint32_t number, char id[ID_BYTES_MAX + 1])
{
    pthread_mutex_lock(&turn->lock);
    const struct party *party = ledger_party_at(&turn->ledger, number);
    strcpy(id, party ? party->id : "network");
    pthread_mutex_unlock(&turn->lock);
}

const struct network *turn_hold_network(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    const struct network *network = turn->ledger.network;
    turn->holders++;
    pthread_mutex_unlock(&turn->lock);
    return network;
}

/* Takes a former network that nobody holds any more out of the list; NULL: somebody does. */
static struct former *release_former(struct turn *turn, const struct network *network)
{
    struct former **at = &turn->formers;

    assert(*at);
    while ((*at)->network != network) {
        at = &(*at)->next;
        assert(*at);
    }
    struct former *former = *at;
    if (--former->holders > 0)
        return NULL;
    *at = former->next;
    return former;
}

void turn_release_network(struct turn *turn, const struct network **network)
{
    struct former *former = NULL;

    pthread_mutex_lock(&turn->lock);
    if (*network == turn->ledger.network)
        turn->holders--;
    else
        former = release_former(turn, *network);
    pthread_mutex_unlock(&turn->lock);
    *network = NULL;
    if (former)
        network_free(&former->network);
    free(former);
}

struct places *turn_copy_places(struct turn *turn, const struct network *network)
{
    struct places *copy = NULL;

    pthread_mutex_lock(&turn->lock);
    if (network == turn->ledger.network) {
        copy = calloc((size_t)network->services_count + 1, sizeof *copy);
        assert(copy);
        memcpy(copy, turn->ledger.places, network->services_count * sizeof *copy);
    }
    pthread_mutex_unlock(&turn->lock);
    return copy;
}

int64_t turn_emergency_until(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    int64_t until = turn->head.emergency_until;
    pthread_mutex_unlock(&turn->lock);
    return until;
}
