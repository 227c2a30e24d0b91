/* SPDX-License-Identifier: MIT
 * figures: what the reader may know of the memory of a turn; each takes the lock for a moment. */
#include <string.h>

#include "daemon/turn_inside.h"

void turn_totals(struct turn *turn, struct totals *totals)
{
    const struct waitlist *list = &turn->ledger.waitlist;

    pthread_mutex_lock(&turn->lock);
    *totals = turn->ledger.totals;
    totals->oldest_waiting = 0;
    for (int need = 1; need < WAITLIST_NEEDS; need++)
        for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++) {
            const struct waiting_queue *queue = &list->queues[need][priority];
            if (queue->count && (!totals->oldest_waiting || queue->numbers[0] < totals->oldest_waiting))
                totals->oldest_waiting = queue->numbers[0];
        }
    pthread_mutex_unlock(&turn->lock);
}

static void party_figures(const struct turn *turn, uint32_t number, struct hub_figures *figures)
{
    const struct party *party = ledger_party_at(&turn->ledger, number);

    if (party) {
        figures->connected = party->connection != 0;
        figures->unconfirmed = mailbox_unconfirmed(&party->mailbox);
    }
}

void turn_hub_figures(struct turn *turn, uint32_t row, struct hub_figures *figures)
{
    const struct ledger *ledger = &turn->ledger;

    pthread_mutex_lock(&turn->lock);
    *figures = (struct hub_figures){.places = ledger->places[row],
                                    .offers_open = ledger->figures[row].offers_open,
                                    .cases_open = ledger->figures[row].cases_open};
    party_figures(turn, ledger->network->hubs[ledger->network->services[row].hub].party, figures);
    pthread_mutex_unlock(&turn->lock);
}

void turn_party_figures(struct turn *turn, uint32_t number, struct hub_figures *figures)
{
    pthread_mutex_lock(&turn->lock);
    *figures = (struct hub_figures){0};
    party_figures(turn, number, figures);
    pthread_mutex_unlock(&turn->lock);
}

uint32_t turn_position(struct turn *turn, const struct referral *referral)
{
    pthread_mutex_lock(&turn->lock);
    uint32_t position = ledger_position(&turn->ledger, referral);
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

const struct network *turn_network(const struct turn *turn)
{
    return turn->ledger.network;
}
