/* SPDX-License-Identifier: MIT
 * ruling: the rules that are in force: another version of the network, which operators apply, and the emergency rules.
 * Whenever they change, everybody who is held is judged anew in the same turn. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/io/log.h"
#include "daemon/io/network_file.h"
#include "daemon/shelf.h"
#include "daemon/turn_inside.h"

/* ---- emergency ---- */

bool ruling_emergency_is_on(const struct turn *turn)
{
    return turn->head.emergency_until > turn->now || (PLANTED(82) && turn->head.emergency_until);
}

static void record_emergency(struct turn *turn, enum event event, uint32_t actor, const struct message *said)
{
    struct entry entry = {.at = turn->now,
                          .event = event,
                          .actor = actor,
                          .deadline = turn->head.emergency_until,
                          .decision = {.network_version = turn->ledger.network->version}};

    keep_entry(turn, &entry, said);
}

static void begin_emergency(struct turn *turn, int64_t until, const struct party *by, const struct message *said)
{
    bool longer = turn->head.emergency_until != 0;

    turn->head.emergency_until = until;
    record_emergency(turn, EVENT_EMERGENCY_BEGAN, by->number, said);
    LOG(LOGGED_EMERGENCY_BEGAN, {"by", .text = by->id}, {"until_ms", .number = until});
    if (!longer)
        placing_anew(turn, true);
}

/* by: NULL when it ends by itself. */
static void end_emergency(struct turn *turn, const struct party *by, const struct message *said)
{
    turn->head.emergency_until = 0;
    record_emergency(turn, EVENT_EMERGENCY_ENDED, by ? by->number : PARTY_NONE, said);
    LOG(LOGGED_EMERGENCY_ENDED, {"by", .text = by ? by->id : "network"});
    placing_anew(turn, true);
}

void ruling_emergency(struct turn *turn, const struct request *request)
{
    const struct message *message = request->message;
    int64_t until = message_number(message, FIELD_until);
    bool begin = message_has(message, FIELD_until);

    if (begin && !turn->ledger.network->emergency_needs) {
        turn_answer_refused(turn, request, REFUSAL_NO_EMERGENCY, "");
        return;
    }
    if (begin && until <= turn->now) {
        turn_answer_refused(turn, request, REFUSAL_OUT_OF_RANGE, "until");
        return;
    }
    bool repeated = turn->head.emergency_until == (begin ? until : 0);
    turn_answer_done(turn, request, NULL, repeated);
    if (repeated)
        return;
    const struct party *by = keep_find_party(turn, request->party);
    if (begin)
        begin_emergency(turn, until, by, message);
    else
        end_emergency(turn, by, message);
}

/* Rules that the network in force no longer has end, too. */
void ruling_run(struct turn *turn)
{
    bool over = turn->now >= turn->head.emergency_until || !turn->ledger.network->emergency_needs;

    if (turn->head.emergency_until && over && !PLANTED(82))
        end_emergency(turn, NULL, NULL);
}

/* ---- another network ---- */

void ruling_number_parties(struct turn *turn, struct network *network)
{
    for (uint32_t i = 0; i < network->hubs_count; i++)
        network->hubs[i].party = keep_find_party(turn, network->hubs[i].id)->number;
    for (uint32_t i = 0; i < network->senders_count; i++)
        network->senders[i].party = keep_find_party(turn, network->senders[i].id)->number;
    network_index(network);
}

void ruling_keep_version(struct turn *turn, struct network *network, int64_t applied_at, const char *text,
                         size_t length)
{
    struct network_record record = {.applied_at = applied_at};

    memcpy(record.edition, turn->edition, sizeof record.edition);
    network->version = ++turn->head.network;
    network->applied_at = applied_at;
    keep_network(turn, network->version, &record, text, length);
}

void ruling_make_scratch(struct turn *turn)
{
    const struct network *network = turn->ledger.network;

    free(turn->covers);
    free(turn->full);
    turn->covers = calloc((size_t)network->hubs_count + 1, sizeof turn->covers[0]);
    turn->full = calloc((size_t)network->services_count + 1, sizeof turn->full[0]);
    assert(turn->covers && turn->full);
}

/* Who reads it may go on to do so. */
static void let_go(struct turn *turn, struct network **network)
{
    if (!turn->holders) {
        network_free(network);
        return;
    }
    struct former *former = malloc(sizeof *former);
    assert(former);
    *former = (struct former){.next = turn->formers, .network = *network, .holders = turn->holders};
    turn->formers = former;
    turn->holders = 0;
    *network = NULL;
}

/* What every open referral counts for, by the rows of the network that is in force now. */
static void settle_open(struct turn *turn)
{
    struct referral referral;

    placing_forget(turn);
    for (uint64_t number = 0; (number = ledger_next_open(&turn->ledger, number + 1));) {
        if (!keep_load(turn, number, &referral))
            continue;
        if (!PLANTED(81) || referral.state != STATE_ACCEPTED)
            ledger_settle(&turn->ledger, &referral);
        placing_notice(turn, &referral);
    }
    turn->gathered = true;
}

static void record_change(struct turn *turn, const struct party *by, const struct message *said)
{
    struct entry entry = {.at = turn->now,
                          .event = EVENT_NETWORK_CHANGED,
                          .actor = by ? by->number : PARTY_NONE,
                          .decision = {.network_version = turn->head.network}};

    keep_entry(turn, &entry, said);
}

/* Takes *network. */
static void put_in_force(struct turn *turn, struct network **network, const char *text, size_t length,
                         const struct party *by, const struct message *said)
{
    ruling_number_parties(turn, *network);
    ruling_keep_version(turn, *network, turn->now, text, length);
    ledger_take_network(&turn->ledger, network);
    let_go(turn, network);
    ruling_make_scratch(turn);
    if (!keep_load_places(turn))
        turn->unreadable = true;
    record_change(turn, by, said);
    settle_open(turn);
    placing_anew(turn, true);
    ruling_run(turn);
}

/* True when the text is that of the version in force. */
static bool is_in_force(struct turn *turn, const char *text, size_t length)
{
    struct network_record record;
    const char *stored = NULL;
    size_t stored_length = 0;
    void *memory = keep_load_network(turn, turn->head.network, &record, &stored, &stored_length);
    bool same = memory && stored_length == length && memcmp(stored, text, length) == 0;

    free(memory);
    return same;
}

static struct network *parse(const char *text, size_t length)
{
    struct config_faults *faults = calloc(1, sizeof *faults);

    assert(faults);
    struct network *network = network_parse("network", text, length, faults);
    free(faults);
    return network;
}

/* REFUSAL_NONE with *network set, or with NULL: it is in force already. */
static enum refusal check_draft(struct turn *turn, const struct message *message, const char *text, size_t length,
                                struct network **network)
{
    uint32_t number = (uint32_t)message_number(message, FIELD_draft);
    uint32_t new_holes = 0;

    *network = NULL;
    if (!text)
        return REFUSAL_NOT_FOUND;
    if (is_in_force(turn, text, length))
        return REFUSAL_NONE;
    if (!shelf_new_holes(turn->options.shelf, number, turn->head.network, &new_holes))
        return REFUSAL_NOT_CHECKED;
    if (new_holes && !message_number(message, FIELD_holes_allowed))
        return REFUSAL_HOLES;
    if (!turn_has_room(turn))
        return REFUSAL_FULL;
    *network = parse(text, length);
    return *network ? REFUSAL_NONE : REFUSAL_FAULTY;
}

void ruling_apply(struct turn *turn, const struct request *request)
{
    const struct message *message = request->message;
    struct network *network = NULL;
    size_t length = 0;
    char *text = turn->options.shelf
                     ? shelf_text(turn->options.shelf, (uint32_t)message_number(message, FIELD_draft), &length)
                     : NULL;
    enum refusal refusal = check_draft(turn, message, text, length, &network);

    if (refusal) {
        turn_answer_refused(turn, request, refusal, "draft");
    } else if (!network) {
        turn_answer_done(turn, request, NULL, true);
    } else {
        const struct party *by = keep_find_party(turn, request->party);
        put_in_force(turn, &network, text, length, by, message);
        LOG(LOGGED_NETWORK_APPLIED, {"by", .text = by->id}, {"version", .number = turn->head.network});
        turn_answer_done(turn, request, NULL, false);
    }
    free(text);
}

/* The rules are the same, and so are the rows and what counts in them; and the file's figures have grown no younger. */
void turn_new_edition(struct turn *turn)
{
    struct network *before = turn->ledger.network;
    struct network_record record;
    const char *text = NULL;
    size_t length = 0;
    void *memory = keep_load_network(turn, turn->head.network, &record, &text, &length);
    struct network *network = memory ? parse(text, length) : NULL;

    if (!network) {
        turn->unreadable = true;
        free(memory);
        return;
    }
    assert(network->services_count == before->services_count); /* it is in force */
    ruling_number_parties(turn, network);
    ruling_keep_version(turn, network, before->applied_at, text, length);
    turn->ledger.network = network;
    let_go(turn, &before);
    record_change(turn, NULL, NULL);
    placing_anew(turn, true);
    free(memory);
}
