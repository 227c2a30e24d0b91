/* SPDX-License-Identifier: MIT
 * auditor: listens, and objects at once to what a single message shows to be wrong. */
#include "tests/sim/auditor_inside.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/sim/coverage.h"

#define REFERRALS_MAX 1000000
#define NONE_IDENTIFIED "861931000000100" /* SNOMED CT: no safeguarding concern identified */

static uint64_t digest(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

/* ---- coverage ---- */

static const char *const covered[] = {
    "status end",
    "status REF-0203",
    "hello welcome",
    "submit committed",
    "submit committed again",
    "submit REF-0301",
    "submit REF-0402",
    "cancel done",
    "cancel done again",
    "cancel REF-0302",
    "confirm done",
    "confirm done again",
    "confirm REF-0304",
    "accept done",
    "accept done again",
    "accept REF-0203",
    "accept REF-0303",
    "reject done",
    "reject done again",
    "reject REF-0302",
    "reject REF-0303",
    "start done",
    "start done again",
    "start REF-0302",
    "start REF-0303",
    "complete done",
    "complete done again",
    "complete REF-0302",
    "complete REF-0303",
    "fail done",
    "fail done again",
    "fail REF-0302",
    "fail REF-0303",
    "capacity done",
    "capacity REF-0305",
    "unmet end",
    "explain decision",
    "explain considered",
    "explain end",
    "verify verified",
    "store_check end",
    "status shows the person",
    "status REF-0311",
    "update REF-0302",
    "update done again",
    "pause REF-0302",
    "pause done again",
    "resume REF-0302",
    "progress REF-0302",
    "progress REF-0303",
    "progress done again",
    "hand_back REF-0303",
    "hand_back done again",
    "hold REF-0302",
    "hold done again",
    "release REF-0302",
    "place REF-0302",
    "place REF-0310",
    "place REF-0122",
    "reoffer REF-0303",
    "turn_away REF-0302",
    "erase REF-0312",
    "erase REF-0313",
    "cancel REF-0107",
    "enquire REF-0203",
    "enquire REF-0302",
    "answer_enquiry REF-0203",
    "answer_enquiry REF-0303",
    "enquiry_answered known",
    "enquiry_answered not-known",
    "enquiry_answered cannot-say",
    "enquiry_answered cannot-say no-answer",
    "linked same-person",
    "linked referred-on",
    "linked referred-from",
    "reminder answer",
    "reminder contact",
    "reminder progress",
    "routed held",
    "progressed paused",
    "progressed consent-in-doubt",
    "ended retracted",
    "ended turned-away",
    "withdrawn held",
    "withdrawn moved",
    "withdrawn consent-in-doubt",
    "withdrawn entered-in-error",
    "emergency done",
    "emergency REF-0309",
    "apply done",
    "apply REF-0306",
    "apply REF-0307",
    "apply REF-0308",
    "routed offered",
    "routed all-full",
    "routed no-hub",
    "routed unknown-locality",
    "routed hop-limit",
    "routed safeguarding",
    "routed consent-in-doubt",
    "routed outside-network",
    "routed in parts",
    "answered hub-accepted",
    "answered 22",
    "answered 40",
    "progressed contact-made",
    "progressed overdue",
    "progressed waited-too-long",
    "progressed got-help",
    "progressed did-not-attend",
    "ended got-help",
    "ended partly",
    "ended did-not-attend",
    "ended no-longer-needed",
    "ended signposted",
    "ended in parts",
    "offer",
    "offer of several needs",
    "offer of several services",
    "offer of a shared place",
    "offer asks first",
    "person",
    "withdrawn hub-closed",
    "withdrawn no-answer",
    "withdrawn withdrawn-by-sender",
};
#define COVERED_COUNT ((int)(sizeof covered / sizeof covered[0]))

/* Index in the list, by hashed name; -1: it is not in the list. */
static int find_covered(const char *name)
{
    static int16_t slots[1024];
    static bool is_filled;

    for (int i = 0; i < COVERED_COUNT && !is_filled; i++) {
        uint32_t slot = (uint32_t)digest(covered[i], strlen(covered[i])) % 1024;
        while (slots[slot])
            slot = (slot + 1) % 1024;
        slots[slot] = (int16_t)(i + 1);
    }
    is_filled = true;
    for (uint32_t slot = (uint32_t)digest(name, strlen(name)) % 1024; slots[slot]; slot = (slot + 1) % 1024)
        if (strcmp(covered[slots[slot] - 1], name) == 0)
            return slots[slot] - 1;
    return -1;
}

void auditor_cover(const char *first, const char *second, const char *third)
{
    char name[64];
    char *end = stpcpy(name, first);

    if (second[0])
        *end++ = ' ';
    stpcpy(stpcpy(end, second), third);
    int i = find_covered(name);
    if (i >= 0)
        coverage_count(COVER_ANSWERS + i);
}

/* Who said what, and who was told what. */
static int role_cell(enum message_type type, enum role role)
{
    return COVER_ROLES + (int)type * 8 + (int)role;
}

static void cover_role(const struct auditor *auditor, int party, const struct message *message)
{
    enum direction direction = message_spec(message->type)->direction;

    if (direction == REQUEST || direction == PUSH)
        coverage_count(role_cell(message->type, auditor->town->parties[party].role));
}

/* Everything that the table of messages lets somebody say, or be told. There are no auditors in a town. */
static int count_roles(int *reached, bool print)
{
    int expected = 0;

    *reached = 0;
    for (size_t i = 0; i < messages_count; i++)
        for (int role = ROLE_SENDER; role <= ROLE_PRIVACY_OFFICER; role++) {
            const struct message_spec *spec = &messages[i];
            bool is_cell = (spec->direction == REQUEST || spec->direction == PUSH) && spec->roles & ROLE_BIT(role);
            if (!is_cell || role == ROLE_AUDITOR)
                continue;
            bool is_reached = coverage_of(role_cell(spec->type, (enum role)role));
            expected++;
            *reached += is_reached;
            if (print && !is_reached)
                printf("sim: never reached: %s of a %s\n", spec->name, code_text(LIST_role, role));
        }
    return expected;
}

int auditor_print_missing(void)
{
    int reached = 0;
    int missing = count_roles(&reached, true) - reached;

    for (int i = 0; i < COVERED_COUNT; i++)
        if (!coverage_of(COVER_ANSWERS + i)) {
            printf("sim: never exercised: %s\n", covered[i]);
            missing++;
        }
    return missing;
}

void auditor_count_covered(int *count, int *expected)
{
    int reached = 0;

    *count = 0;
    *expected = COVERED_COUNT + count_roles(&reached, false);
    for (int i = 0; i < COVERED_COUNT; i++)
        *count += coverage_of(COVER_ANSWERS + i) > 0;
    *count += reached;
}

/* ---- keeping ---- */

void auditor_blame(struct auditor *auditor, int64_t now, const char *format, ...)
{
    va_list arguments;

    if (auditor->violation[0])
        return;
    int used = snprintf(auditor->violation, sizeof auditor->violation, "at %lld: ", (long long)now);
    va_start(arguments, format);
    vsnprintf(auditor->violation + used, sizeof auditor->violation - (size_t)used, format, arguments);
    va_end(arguments);
}

static uint64_t digest_of_content(const struct message *message)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    static struct message copy;

    copy = *message;
    if (message_has(message, FIELD_sent_at))
        message_set_number(&copy, FIELD_sent_at, 0);
    return digest(bytes, encode(&copy, bytes, sizeof bytes));
}

static uint32_t *slot_of(struct auditor *auditor, int party, const uint8_t id[UUID_BYTES])
{
    uint32_t mask = auditor->asked_table_size - 1;
    uint32_t i = (uint32_t)(digest(id, UUID_BYTES) + (uint64_t)party) & mask;

    for (;; i = (i + 1) & mask) {
        uint32_t at = auditor->asked_table[i];
        if (!at)
            return &auditor->asked_table[i];
        if (auditor->asked[at - 1].party == party && memcmp(auditor->asked[at - 1].id, id, UUID_BYTES) == 0)
            return &auditor->asked_table[i];
    }
}

static void widen_table(struct auditor *auditor)
{
    if (2 * (auditor->asked_count + 1) <= auditor->asked_table_size)
        return;
    auditor->asked_table_size = auditor->asked_table_size ? 2 * auditor->asked_table_size : 1024;
    free(auditor->asked_table);
    auditor->asked_table = calloc(auditor->asked_table_size, sizeof auditor->asked_table[0]);
    assert(auditor->asked_table);
    for (uint32_t i = 0; i < auditor->asked_count; i++)
        *slot_of(auditor, auditor->asked[i].party, auditor->asked[i].id) = i + 1;
}

struct auditor *auditor_open(const struct town *town, uint32_t window)
{
    struct auditor *auditor = calloc(1, sizeof *auditor);

    assert(auditor);
    auditor->window = window;
    auditor_note_town(auditor, 0, town);
    auditor->town = auditor->versions[0].town;
    auditor->services_go = town_has(town, TOWN_LIVES);
    return auditor;
}

/* As it was when it was last in the network; NULL: it is new. */
static const struct town_service *former_service(const struct auditor *auditor, int party, int service)
{
    for (uint32_t i = auditor->versions_count - 1; i-- > 0;) {
        const struct town_service *former = &auditor->versions[i].town->parties[party].services[service];
        if (!former->is_gone)
            return former;
    }
    return NULL;
}

/* What a hub stated holds until the network has another figure for the service. */
static void note_places(struct auditor *auditor, int64_t at, int party, const struct town *after)
{
    const struct town_party *hub = &after->parties[party];

    for (int i = 0; i < hub->services_count; i++) {
        const struct town_service *service = &hub->services[i];
        const struct town_service *former = former_service(auditor, party, i);
        bool is_news = !former || former->places != service->places;
        if (service->shares_hub < 0 && !service->is_gone && is_news)
            auditor_state(auditor, (struct statement){party, i, at, hub->services[i].places, true, false});
    }
}

void auditor_note_town(struct auditor *auditor, int64_t at, const struct town *town)
{
    struct town *copy = malloc(sizeof *copy);

    assert(copy);
    *copy = *town;
    auditor->versions =
        array_grow(auditor->versions, auditor->versions_count, &auditor->versions_room, sizeof auditor->versions[0]);
    auditor->versions[auditor->versions_count++] = (struct version){at, copy};
    for (int i = 0; i < town->parties_count; i++)
        note_places(auditor, at, i, copy);
}

void auditor_note_start(struct auditor *auditor, int64_t now)
{
    auditor->lives = array_grow(auditor->lives, auditor->lives_count, &auditor->lives_room, sizeof auditor->lives[0]);
    auditor->lives[auditor->lives_count++] = (struct life){now, INT64_MAX};
    if (auditor->lives_count == 1)
        auditor->versions[0].at = now;
}

void auditor_note_stop(struct auditor *auditor, int64_t now)
{
    if (auditor->lives_count && auditor->lives[auditor->lives_count - 1].to == INT64_MAX)
        auditor->lives[auditor->lives_count - 1].to = now;
}

void auditor_note_draft(struct auditor *auditor, uint32_t draft, bool good)
{
    auditor->drafts =
        array_grow(auditor->drafts, auditor->drafts_count, &auditor->drafts_room, sizeof auditor->drafts[0]);
    auditor->drafts[auditor->drafts_count++] = (struct draft){draft, good};
}

void auditor_close(struct auditor **auditor)
{
    for (uint64_t i = 0; i < (*auditor)->stories_count; i++) {
        free((*auditor)->stories[i].happenings);
        free((*auditor)->stories[i].changes);
    }
    for (uint32_t i = 0; i < (*auditor)->asked_count; i++)
        free((*auditor)->asked[i].person);
    for (uint32_t i = 0; i < (*auditor)->versions_count; i++)
        free((*auditor)->versions[i].town);
    for (int i = 0; i < TOWN_PARTIES_MAX; i++)
        free((*auditor)->boxes[i].pushed);
    free((*auditor)->stories);
    free((*auditor)->asked);
    free((*auditor)->asked_table);
    free((*auditor)->statements);
    free((*auditor)->versions);
    free((*auditor)->alarms);
    free((*auditor)->drafts);
    free((*auditor)->lives);
    free((*auditor)->enquiries);
    free(*auditor);
    *auditor = NULL;
}

void auditor_state(struct auditor *auditor, struct statement statement)
{
    auditor->statements = array_grow(auditor->statements, auditor->statements_count, &auditor->statements_room,
                                     sizeof auditor->statements[0]);
    auditor->statements[auditor->statements_count++] = statement;
}

/* ---- what parties say ---- */

static int party_named(const struct auditor *auditor, const struct message *message, enum field field)
{
    struct text id = message_text(message, field);

    return id.length ? town_find_party(auditor->town, id.bytes, id.length) : -1;
}

static void copy_text(char *to, size_t size, struct text text)
{
    assert(text.length < size);
    memcpy(to, text.bytes, text.length);
    to[text.length] = 0;
}

static uint64_t bits_of(const struct message *message, enum field field)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < message_list_count(message, field); i++)
        bits |= BIT_OF(message_element(message, field, i)->number);
    return bits;
}

static uint64_t needs_of(const struct message *message)
{
    uint64_t needs = 0;

    for (size_t i = 0; i < message_list_count(message, FIELD_needs); i++)
        needs |= BIT_OF(message_member(message, FIELD_needs, i, MEMBER_code)->number);
    return needs;
}

/* How far they travel; who does not say how goes by bus. */
static int travel_of(const struct message *message)
{
    int64_t mode = message_number(message, FIELD_transport_mode);

    return (int)message_number(message, FIELD_travel_limit_minutes) * town_metres_a_minute[mode ? mode : TRANSPORT_BUS];
}

static void note_wishes(const struct auditor *auditor, const struct message *message, struct person *person)
{
    struct text concern = message_text(message, FIELD_safeguarding_code);

    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++) {
        struct text id = message_element(message, FIELD_excluded_hub_ids, i)->text;
        person->excluded |= 1u << town_find_party(auditor->town, id.bytes, id.length);
    }
    for (size_t i = 0; i < message_list_count(message, FIELD_plus_groups); i++) {
        struct text id = message_element(message, FIELD_plus_groups, i)->text;
        person->groups |= 1u << (id.bytes[id.length - 1] - '0');
    }
    person->safeguarding = concern.length && (concern.length != strlen(NONE_IDENTIFIED) ||
                                              memcmp(concern.bytes, NONE_IDENTIFIED, concern.length) != 0);
}

/* Whether a frame that was said then may be what the daemon answers now. */
static bool is_under_way(int64_t said_at, int64_t now)
{
    return said_at && now - said_at <= AUDIT_UNDER_WAY_MS;
}

bool auditor_is_to_sender(enum message_type type)
{
    return type >= MESSAGE_routed && type <= MESSAGE_ended;
}

bool auditor_is_case(enum state state, enum business_status business)
{
    return state == STATE_ACCEPTED || state == STATE_IN_PROGRESS ||
           (state == STATE_ON_HOLD && business == BUSINESS_PAUSED);
}

bool auditor_is_aside(const struct happening *happening)
{
    bool gives_back =
        happening->hub >= 0 && (happening->business == BUSINESS_OFFERED || happening->business == BUSINESS_WAITLISTED ||
                                happening->business == BUSINESS_ATTENTION);

    return happening->type == MESSAGE_progressed &&
           (gives_back || happening->reason == REASON_OVERDUE || happening->reason == REASON_WAITED_TOO_LONG ||
            happening->reason == REASON_CONSENT_IN_DOUBT);
}

static struct person *note_submit(const struct auditor *auditor, const struct message *message)
{
    struct person *person = calloc(1, sizeof *person);

    assert(person);
    memcpy(person->correlation_id, message_uuid(message, FIELD_correlation_id), UUID_BYTES);
    person->needs = needs_of(message);
    person->tier = (enum tier)message_number(message, FIELD_tier_needed);
    person->priority = (enum priority)message_number(message, FIELD_priority);
    person->consent_in_doubt = message_number(message, FIELD_consent_to_share) == CONSENT_IN_DOUBT;
    person->consent_until = message_number(message, FIELD_consent_expires_on);
    person->born = message_number(message, FIELD_date_of_birth);
    person->gender = (enum gender)message_number(message, FIELD_gender);
    person->source = (enum referral_source)message_number(message, FIELD_referral_source);
    person->is_carer = message_number(message, FIELD_is_carer);
    person->interpreter_needed = message_number(message, FIELD_interpreter_needed);
    person->adjustments = bits_of(message, FIELD_reasonable_adjustments);
    person->risks = bits_of(message, FIELD_risk_flags);
    person->travel_m = travel_of(message);
    note_wishes(auditor, message, person);
    law_locate(auditor->town, message, person);
    person->back = bits_of(message, FIELD_consent_message_back);
    copy_text(person->practice, sizeof person->practice, message_text(message, FIELD_gp_practice_ods));
    copy_text(person->family_name, sizeof person->family_name, message_text(message, FIELD_family_name));
    copy_text(person->nhs_number, sizeof person->nhs_number, message_text(message, FIELD_nhs_number));
    return person;
}

/* Its story, which may have no submit yet: numbers can be guessed. */
static struct story *story_at(struct auditor *auditor, uint64_t number)
{
    if (number >= auditor->stories_room) {
        uint64_t room = 2 * number + 16;
        auditor->stories = realloc(auditor->stories, room * sizeof auditor->stories[0]);
        assert(auditor->stories);
        memset(auditor->stories + auditor->stories_room, 0, (room - auditor->stories_room) * sizeof(struct story));
        auditor->stories_room = room;
    }
    if (number >= auditor->stories_count)
        auditor->stories_count = number + 1;
    return &auditor->stories[number];
}

/* As the sender's update before made them, or the submit. */
static const struct person *person_before(const struct auditor *auditor, const struct asked *update)
{
    const struct story *story = &auditor->stories[update->referral];
    const struct person *person = story->asked ? auditor->asked[story->asked - 1].person : NULL;

    for (uint32_t i = 0; i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type == MESSAGE_update && change->party == update->party && (change->agreed || !change->refusal))
            person = change->person;
    }
    return person;
}

static struct person *note_update(const struct auditor *auditor, const struct asked *asked,
                                  const struct message *message)
{
    const struct person *before = person_before(auditor, asked);
    struct person *person = calloc(1, sizeof *person);

    assert(person);
    if (before)
        *person = *before;
    if (message_has(message, FIELD_consent_to_share)) {
        person->consent_in_doubt = message_number(message, FIELD_consent_to_share) == CONSENT_IN_DOUBT;
        person->consent_until = message_number(message, FIELD_consent_expires_on);
    }
    if (message_has(message, FIELD_interpreter_needed))
        person->interpreter_needed = message_number(message, FIELD_interpreter_needed);
    if (message_has(message, FIELD_risk_flags))
        person->risks = bits_of(message, FIELD_risk_flags);
    law_relocate(auditor->town, message, person);
    return person;
}

static struct asked *note_asked(struct auditor *auditor, int64_t now, int party, const struct message *message)
{
    struct asked asked = {.party = party, .type = message->type, .said_at = now};

    memcpy(asked.id, message_uuid(message, FIELD_request_id), UUID_BYTES);
    asked.digest = digest_of_content(message);
    asked.referral = (uint64_t)message_number(message, FIELD_referral_id);
    asked.offer_number = (int)message_number(message, FIELD_offer_number);
    asked.reason = (enum status_reason)message_number(message, FIELD_status_reason);
    asked.outcome = (enum outcome)message_number(message, FIELD_outcome);
    asked.priority = (enum priority)message_number(message, FIELD_priority);
    asked.mailbox_number = (uint64_t)message_number(message, FIELD_mailbox_number);
    asked.places = (uint32_t)message_number(message, FIELD_places);
    asked.until = message_number(message, FIELD_until);
    asked.draft = (uint32_t)message_number(message, FIELD_draft);
    asked.hub = party_named(auditor, message, FIELD_hub_id);
    asked.reveal = message_number(message, FIELD_reveal);
    asked.has_note = message_has(message, FIELD_note);
    asked.need = (enum need)message_number(message, FIELD_need);
    asked.onward_from = (uint64_t)message_number(message, FIELD_onward_from);
    asked.enquiry = (uint64_t)message_number(message, FIELD_enquiry_id);
    asked.known = (enum known)message_number(message, FIELD_known);
    if (message->type == MESSAGE_capacity) {
        struct text id = message_text(message, FIELD_service_id);
        asked.service = town_find_service(&auditor->town->parties[party], id.bytes, id.length);
    }
    if (message->type == MESSAGE_submit)
        asked.person = note_submit(auditor, message);
    struct story *story = asked.referral ? story_at(auditor, asked.referral) : NULL;
    if (message->type == MESSAGE_update)
        asked.person = note_update(auditor, &asked, message);
    widen_table(auditor);
    auditor->asked = array_grow(auditor->asked, auditor->asked_count, &auditor->asked_room, sizeof auditor->asked[0]);
    if (story) {
        story->changes = array_grow(story->changes, story->changes_count, &story->changes_room, sizeof(uint32_t));
        story->changes[story->changes_count++] = auditor->asked_count;
    }
    auditor->asked[auditor->asked_count++] = asked;
    *slot_of(auditor, party, asked.id) = auditor->asked_count;
    return &auditor->asked[auditor->asked_count - 1];
}

static void note_alarm(struct auditor *auditor, const struct asked *asked, int64_t at, bool certain)
{
    auditor->alarms =
        array_grow(auditor->alarms, auditor->alarms_count, &auditor->alarms_room, sizeof auditor->alarms[0]);
    auditor->alarms[auditor->alarms_count++] = (struct alarm){at, asked->until, certain};
}

static bool owns_places(const struct auditor *auditor, int party, int service)
{
    return auditor->town->parties[party].services[service].shares_hub < 0;
}

static struct asked *find_asked(struct auditor *auditor, int party, const uint8_t *id)
{
    uint32_t at = auditor->asked_table_size ? *slot_of(auditor, party, id) : 0;

    return at ? &auditor->asked[at - 1] : NULL;
}

static void note_word(struct box *box, struct word word)
{
    for (uint32_t i = 0; i < WORDS; i++)
        if (box->words[i].connection == word.connection && box->words[i].number == word.number) {
            box->words[i].at = word.at;
            return;
        }
    box->words[box->words_count++ % WORDS] = word;
}

/* Whether a confirmation that covers the number may still arrive: not only the last that the connection said. */
static bool is_confirm_under_way(const struct box *box, int64_t now, uint64_t connection, uint64_t number)
{
    for (uint32_t i = 0; i < WORDS; i++)
        if (box->words[i].connection == connection && box->words[i].number >= number &&
            is_under_way(box->words[i].at, now))
            return true;
    return false;
}

static void count_said(struct box *box)
{
    while (box->said < box->count && box->pushed[box->said].said)
        box->said++;
}

/* It covers what was sent to the connection before it. */
static void note_confirm(struct box *box, int64_t now, uint64_t connection, uint64_t number)
{
    note_word(box, (struct word){connection, number, now});
    for (uint64_t n = number <= box->count ? number : 0; n > box->said; n--)
        if (box->pushed[n - 1].connection == connection)
            box->pushed[n - 1].said = true;
    count_said(box);
}

void auditor_said(struct auditor *auditor, int64_t now, int party, uint64_t connection, const struct message *message)
{
    struct asked *asked = find_asked(auditor, party, message_uuid(message, FIELD_request_id));

    if (!asked)
        asked = note_asked(auditor, now, party, message);
    if (digest_of_content(message) == asked->digest)
        asked->repeated_at = now;
    else
        asked->contradicted_at = now;
    cover_role(auditor, party, message);
    if (asked->type == MESSAGE_capacity && owns_places(auditor, party, asked->service))
        auditor_state(auditor, (struct statement){party, asked->service, now, asked->places, false, true});
    if (asked->type == MESSAGE_emergency)
        note_alarm(auditor, asked, now, false);
    if (asked->type == MESSAGE_confirm)
        note_confirm(&auditor->boxes[party], now, connection, asked->mailbox_number);
}

/* ---- answers ---- */

/* The submit that a referral of that number came from. Those that a hub refers on have the correlation_id of their
 * origin, and come later. */
static uint32_t find_submit(const struct auditor *auditor, uint64_t number, const uint8_t *correlation_id)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *asked = &auditor->asked[i];
        if (asked->type != MESSAGE_submit || memcmp(asked->person->correlation_id, correlation_id, UUID_BYTES) != 0)
            continue;
        if (asked->given == number)
            return i + 1;
        if (!asked->given && !found)
            found = i + 1;
    }
    return found;
}

static struct story *story_of(struct auditor *auditor, int64_t now, uint64_t number, const uint8_t *correlation_id)
{
    if (!number || number > REFERRALS_MAX) {
        auditor_blame(auditor, now, "referral number %llu", (unsigned long long)number);
        return NULL;
    }
    struct story *story = story_at(auditor, number);
    if (!story->asked) {
        story->asked = find_submit(auditor, number, correlation_id);
        story->last_told = -1;
    }
    if (!story->asked) {
        auditor_blame(auditor, now, "referral %llu was submitted by nobody", (unsigned long long)number);
        return NULL;
    }
    struct asked *asked = &auditor->asked[story->asked - 1];
    if (memcmp(asked->person->correlation_id, correlation_id, UUID_BYTES) != 0)
        auditor_blame(auditor, now, "referral %llu changes its correlation_id", (unsigned long long)number);
    if (asked->given && asked->given != number)
        auditor_blame(auditor, now, "one request_id has made referrals %llu and %llu", (unsigned long long)asked->given,
                      (unsigned long long)number);
    asked->given = number;
    return story;
}

static void hear_committed(struct auditor *auditor, int64_t now, struct asked *asked, const struct message *message)
{
    bool duplicate = message_number(message, FIELD_duplicate);
    uint64_t number = (uint64_t)message_number(message, FIELD_referral_id);

    auditor_cover("submit", "committed", duplicate ? " again" : "");
    if (asked->type != MESSAGE_submit)
        auditor_blame(auditor, now, "committed answers what was no submit");
    else if (!is_under_way(asked->repeated_at, now) && !law_was_said(auditor, number, MESSAGE_erase, now))
        auditor_blame(auditor, now, "other content under the request_id of referral %llu was taken",
                      (unsigned long long)number);
    else if (!duplicate && asked->done)
        auditor_blame(auditor, now, "referral %llu was acknowledged as new twice", (unsigned long long)number);
    asked->done = asked->done || !duplicate;
    asked->agreed = true;
    asked->stood_at = message_number(message, FIELD_at);
    asked->last_state = (enum state)message_number(message, FIELD_state);
    asked->last_business = (enum business_status)message_number(message, FIELD_business_status);
    story_of(auditor, now, number, message_uuid(message, FIELD_correlation_id));
}

/* What happens to an offer, or to a referral, but once. */
static bool is_done_once(enum message_type type)
{
    return type == MESSAGE_accept || type == MESSAGE_reject || type == MESSAGE_complete || type == MESSAGE_fail ||
           type == MESSAGE_hand_back || type == MESSAGE_erase;
}

/* Different requests may be about the same step of the same offer: it is done once. */
static void check_done_once(struct auditor *auditor, int64_t now, const struct asked *asked)
{
    if (asked->done)
        auditor_blame(auditor, now, "one %s about referral %llu was done twice", message_spec(asked->type)->name,
                      (unsigned long long)asked->referral);
    if (!is_done_once(asked->type))
        return;
    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *other = &auditor->asked[i];
        if (other->done && other->type == asked->type && other->referral == asked->referral &&
            other->offer_number == asked->offer_number)
            auditor_blame(auditor, now, "%s of referral %llu, offer %d, was done twice",
                          message_spec(asked->type)->name, (unsigned long long)asked->referral, asked->offer_number);
    }
}

static void check_applied(struct auditor *auditor, int64_t now, const struct asked *asked)
{
    for (uint32_t i = 0; i < auditor->drafts_count; i++)
        if (auditor->drafts[i].number == asked->draft && auditor->drafts[i].good)
            return;
    auditor_blame(auditor, now, "draft %u was applied, and should not have been", asked->draft);
}

static void hear_head(struct auditor *auditor, int64_t now, const struct message *message)
{
    struct head head = {.sequence = message_number(message, FIELD_audit_sequence)};

    if (!message_has(message, FIELD_audit_head))
        return;
    copy_text(head.hash, sizeof head.hash, message_text(message, FIELD_audit_head));
    for (uint32_t i = 0; i < auditor->heads_count; i++)
        if (auditor->heads[i].sequence == head.sequence && strcmp(auditor->heads[i].hash, head.hash) != 0)
            auditor_blame(auditor, now, "the history has two hashes at entry %lld", (long long)head.sequence);
    uint32_t last = auditor->heads_count ? auditor->heads_count - 1 : 0;
    if (auditor->heads_count && auditor->heads[last].sequence >= head.sequence)
        return;
    if (auditor->heads_count < AUDIT_HEADS)
        last = auditor->heads_count++;
    auditor->heads[last] = head;
}

/* Up to where all is confirmed never goes back, nor beyond what the party has. */
static void hear_confirmed(struct auditor *auditor, int64_t now, int party, uint64_t number)
{
    struct box *box = &auditor->boxes[party];

    if (number > box->said)
        auditor_blame(auditor, now, "%s has confirmed %llu, and is told that %llu is", auditor->town->parties[party].id,
                      (unsigned long long)box->said, (unsigned long long)number);
    if (number < box->agreed)
        auditor_blame(auditor, now, "%s was told that %llu is confirmed, and now only %llu",
                      auditor->town->parties[party].id, (unsigned long long)box->agreed, (unsigned long long)number);
    box->agreed = number;
}

/* Of one that has ended, which everybody who was told has confirmed. */
static void check_erased(struct auditor *auditor, int64_t now, const struct asked *asked)
{
    struct story *story = story_at(auditor, asked->referral);
    bool ended = false;

    for (uint32_t i = 0; i < story->count; i++) {
        const struct happening *happening = &story->happenings[i];
        ended = ended || happening->type == MESSAGE_ended;
        if (happening->type == MESSAGE_ended &&
            !auditor->boxes[happening->party].pushed[happening->mailbox_number - 1].said)
            auditor_blame(auditor, now, "referral %llu was erased before its end was confirmed",
                          (unsigned long long)asked->referral);
    }
    if (!ended && story->asked)
        auditor_blame(auditor, now, "referral %llu was erased before its end", (unsigned long long)asked->referral);
    if (!story->erased_at)
        story->erased_at = now;
}

static struct enquiry *find_enquiry(struct auditor *auditor, uint64_t number)
{
    for (uint32_t i = 0; i < auditor->enquiries_count; i++)
        if (auditor->enquiries[i].number == number)
            return &auditor->enquiries[i];
    return NULL;
}

/* Of the enquiry that was told of first in whatever way. */
static struct enquiry *enquiry_of(struct auditor *auditor, uint64_t number)
{
    struct enquiry *enquiry = find_enquiry(auditor, number);

    if (enquiry)
        return enquiry;
    auditor->enquiries = array_grow(auditor->enquiries, auditor->enquiries_count, &auditor->enquiries_room,
                                    sizeof auditor->enquiries[0]);
    enquiry = &auditor->enquiries[auditor->enquiries_count++];
    *enquiry = (struct enquiry){.number = number};
    return enquiry;
}

static void hear_enquiry_done(struct auditor *auditor, int64_t now, const struct asked *asked,
                              const struct message *message)
{
    struct enquiry *enquiry = enquiry_of(auditor, (uint64_t)message_number(message, FIELD_enquiry_id));
    uint32_t question = (uint32_t)(asked - auditor->asked) + 1;

    if (!enquiry->number)
        auditor_blame(auditor, now, "an enquiry has no number");
    if (asked->type == MESSAGE_answer_enquiry) {
        if (enquiry->asked && auditor->asked[enquiry->asked - 1].hub != asked->party)
            auditor_blame(auditor, now, "enquiry %llu is answered by a hub that was not asked",
                          (unsigned long long)enquiry->number);
        return;
    }
    if (enquiry->asked && enquiry->asked != question)
        auditor_blame(auditor, now, "enquiry %llu was asked twice", (unsigned long long)enquiry->number);
    enquiry->asked = question;
}

static void hear_done(struct auditor *auditor, int64_t now, struct asked *asked, const struct message *message)
{
    bool duplicate = message_number(message, FIELD_duplicate);

    auditor_cover(message_spec(asked->type)->name, "done", duplicate ? " again" : "");
    if (asked->type == MESSAGE_submit || asked->type == MESSAGE_hello)
        auditor_blame(auditor, now, "done answers a %s", message_spec(asked->type)->name);
    if (asked->type == MESSAGE_capacity)
        auditor_state(auditor, (struct statement){asked->party, asked->service, message_number(message, FIELD_at),
                                                  asked->places, true, true});
    if (asked->type == MESSAGE_capacity && !owns_places(auditor, asked->party, asked->service))
        auditor_blame(auditor, now, "%s stated places that are another's", auditor->town->parties[asked->party].id);
    if (asked->type == MESSAGE_emergency)
        note_alarm(auditor, asked, message_number(message, FIELD_at), true);
    if (asked->type == MESSAGE_apply)
        check_applied(auditor, now, asked);
    if (asked->type == MESSAGE_cancel && !duplicate && auditor->town->parties[asked->party].role == ROLE_OPERATOR &&
        !asked->has_note)
        auditor_blame(auditor, now, "an operator has cancelled referral %llu and has not said why",
                      (unsigned long long)asked->referral);
    if (asked->type == MESSAGE_erase)
        check_erased(auditor, now, asked);
    if (asked->type == MESSAGE_enquire || asked->type == MESSAGE_answer_enquiry)
        hear_enquiry_done(auditor, now, asked, message);
    if (!asked->done_at)
        asked->done_at = message_number(message, FIELD_at);
    hear_head(auditor, now, message);
    if (asked->type == MESSAGE_confirm)
        hear_confirmed(auditor, now, asked->party, (uint64_t)message_number(message, FIELD_mailbox_number));
    if ((asked->referral || asked->enquiry) && !duplicate)
        check_done_once(auditor, now, asked);
    asked->done = asked->done || !duplicate;
    asked->agreed = true;
}

static bool may_have_said_why(const struct auditor *auditor, int64_t now, const struct asked *asked, bool surely)
{
    const struct story *story = &auditor->stories[asked->referral];

    for (uint32_t i = 0; i < story->changes_count; i++) {
        const struct asked *change = &auditor->asked[story->changes[i]];
        if (change->type != MESSAGE_reveal || change->party != asked->party || (surely && !change->done))
            continue;
        if (!change->done_at && !(change->refusal && !change->agreed))
            return true;
        if (change->done_at && now - change->done_at <= 15 * 60000)
            return true;
    }
    return false;
}

/* Its request_id is remembered for ever: a repeat is answered as the first. */
static bool remembers(enum message_type type)
{
    return type == MESSAGE_submit || (type >= MESSAGE_update && type <= MESSAGE_answer_enquiry);
}

static void hear_refused(struct auditor *auditor, int64_t now, struct asked *asked, const struct message *message)
{
    static const struct {
        enum message_type type;
        int refusals[5];
    } allowed[] = {
        {MESSAGE_submit, {REFUSAL_FULL, REFUSAL_NOT_FOUND, REFUSAL_ERASED}},
        {MESSAGE_status, {REFUSAL_NOT_FOUND, REFUSAL_REASON_FIRST}},
        {MESSAGE_cancel, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_ERASED, REFUSAL_REQUIRED}},
        {MESSAGE_confirm, {REFUSAL_NOT_PUSHED}},
        {MESSAGE_capacity, {REFUSAL_SHARED, REFUSAL_NOT_FOUND}},
        {MESSAGE_emergency, {REFUSAL_NO_EMERGENCY}},
        {MESSAGE_apply, {REFUSAL_NOT_FOUND, REFUSAL_FAULTY, REFUSAL_NOT_CHECKED, REFUSAL_HOLES, REFUSAL_FULL}},
        {MESSAGE_accept, {REFUSAL_NOT_FOUND, REFUSAL_OFFER_ENDED}},
        {MESSAGE_reject, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED}},
        {MESSAGE_start, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED}},
        {MESSAGE_complete, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED}},
        {MESSAGE_fail, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED}},
        {MESSAGE_pause, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED, REFUSAL_ERASED}},
        {MESSAGE_resume, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED, REFUSAL_ERASED}},
        {MESSAGE_progress, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED, REFUSAL_ERASED}},
        {MESSAGE_hand_back, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_OFFER_ENDED, REFUSAL_ERASED}},
        {MESSAGE_update, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_hold, {REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_release, {REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_place,
         {REFUSAL_NOT_CURRENT, REFUSAL_ERASED, REFUSAL_NO_PLACE, REFUSAL_CONSENT_WITHHELD, REFUSAL_NOT_FOUND}},
        {MESSAGE_reoffer, {REFUSAL_NOT_FOUND, REFUSAL_OFFER_ENDED, REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_prioritise, {REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_annotate, {REFUSAL_ERASED}},
        {MESSAGE_turn_away, {REFUSAL_NOT_CURRENT, REFUSAL_ERASED}},
        {MESSAGE_reveal, {REFUSAL_ERASED}},
        {MESSAGE_erase, {REFUSAL_STILL_OPEN, REFUSAL_ERASED}},
        {MESSAGE_enquire, {REFUSAL_NOT_FOUND, REFUSAL_NOT_CURRENT, REFUSAL_ERASED, REFUSAL_FULL}},
        {MESSAGE_answer_enquiry, {REFUSAL_OFFER_ENDED, REFUSAL_ERASED, REFUSAL_NOT_FOUND}},
    };
    struct text error = message_text(message, FIELD_error);
    char text[16];
    bool good = false;

    copy_text(text, sizeof text, error);
    int refusal = atoi(text + 4);
    auditor_cover(message_spec(asked->type)->name, text, "");
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        for (int j = 0; j < 5; j++)
            good = good || (allowed[i].type == asked->type && allowed[i].refusals[j] == refusal);
    good = good || (refusal == REFUSAL_CONFLICT && is_under_way(asked->contradicted_at, now));
    good = good && (refusal != REFUSAL_NOT_PUSHED || asked->mailbox_number > auditor->boxes[asked->party].count);
    good = good && (refusal != REFUSAL_NOT_FOUND || asked->type != MESSAGE_capacity || auditor->services_go);
    good = good && (refusal != REFUSAL_NOT_FOUND || asked->type != MESSAGE_submit || asked->onward_from);
    good =
        good && (refusal != REFUSAL_REASON_FIRST || (asked->reveal && !may_have_said_why(auditor, now, asked, true)));
    good = good && (refusal != REFUSAL_SHARED || !owns_places(auditor, asked->party, asked->service));
    good = good && (refusal != REFUSAL_NO_EMERGENCY || !auditor->town->emergency_needs);
    if (!good)
        auditor_blame(auditor, now, "%s of %s about referral %llu was refused with %s", message_spec(asked->type)->name,
                      auditor->town->parties[asked->party].id, (unsigned long long)asked->referral, text);
    /* Done, then ended by somebody else, then said again: the story decides at the end whether that is right. */
    bool was_paused = refusal == REFUSAL_NOT_CURRENT && asked->type == MESSAGE_start &&
                      law_was_said(auditor, asked->referral, MESSAGE_pause, now);
    if (asked->agreed && refusal != REFUSAL_CONFLICT && refusal != REFUSAL_OFFER_ENDED &&
        refusal != REFUSAL_REASON_FIRST && !was_paused)
        auditor_blame(auditor, now, "%s about referral %llu was done, and its repeat refused with %s",
                      message_spec(asked->type)->name, (unsigned long long)asked->referral, text);
    if (asked->done && remembers(asked->type) && refusal != REFUSAL_CONFLICT)
        auditor_blame(auditor, now, "%s about referral %llu was done, and its repeat refused with %s",
                      message_spec(asked->type)->name, (unsigned long long)asked->referral, text);
    asked->refusal = refusal;
    asked->refused_at = now;
}

/* Staff are shown a person within a quarter of an hour after they have said why. */
static void check_shown(struct auditor *auditor, int64_t now, const struct asked *asked, const struct message *message)
{
    const struct story *story = story_at(auditor, asked->referral);
    bool has_said_why = auditor->town->parties[asked->party].role <= ROLE_HUB;

    if (!message_has(message, FIELD_family_name))
        return;
    auditor_cover("status", "shows the person", "");
    has_said_why = has_said_why || may_have_said_why(auditor, now, asked, false);
    if (!has_said_why || !asked->reveal || story->erased_at)
        auditor_blame(auditor, now, "referral %llu: %s is shown who it is, and may not be",
                      (unsigned long long)asked->referral, auditor->town->parties[asked->party].id);
}

/* Who may see it is judged at the end. To its sender it is another account of how the referral stands. */
static void hear_status(struct auditor *auditor, int64_t now, struct asked *asked, const struct message *message)
{
    uint64_t number = (uint64_t)message_number(message, FIELD_referral_id);
    struct story *story = story_of(auditor, now, number, message_uuid(message, FIELD_correlation_id));

    asked->agreed = true;
    if (number != asked->referral)
        auditor_blame(auditor, now, "asked about referral %llu, told about %llu", (unsigned long long)asked->referral,
                      (unsigned long long)number);
    check_shown(auditor, now, asked, message);
    if (!story || auditor->asked[story->asked - 1].party != asked->party)
        return;
    bool is_open = message_number(message, FIELD_business_status) != BUSINESS_CLOSED_ACKNOWLEDGED;
    if (is_open != message_has(message, FIELD_deadline) || is_open != message_has(message, FIELD_deadline_owner) ||
        is_open != message_has(message, FIELD_deadline_stage))
        auditor_blame(auditor, now, "referral %llu is open: %d, and has a deadline, its owner and stage: %d, %d, %d",
                      (unsigned long long)number, is_open, message_has(message, FIELD_deadline),
                      message_has(message, FIELD_deadline_owner), message_has(message, FIELD_deadline_stage));
    struct asked *submit = &auditor->asked[story->asked - 1];
    submit->stood_at = now;
    submit->last_state = (enum state)message_number(message, FIELD_state);
    submit->last_business = (enum business_status)message_number(message, FIELD_business_status);
}

static void hear_welcome(struct auditor *auditor, int64_t now, int party, const struct message *message)
{
    auditor_cover("hello", "welcome", "");
    hear_head(auditor, now, message);
    hear_confirmed(auditor, now, party, (uint64_t)message_number(message, FIELD_mailbox_number));
}

/* Whatever has changed since: what was recorded of a decision gives the same decision again. */
static void hear_decision(struct auditor *auditor, int64_t now, const struct message *message)
{
    auditor_cover("explain", "decision", "");
    uint64_t number = (uint64_t)message_number(message, FIELD_referral_id);

    if (!message_number(message, FIELD_replayed) && !law_was_touched(auditor, number, now))
        auditor_blame(auditor, now, "the decision about referral %llu is another one when it is made again",
                      (unsigned long long)message_number(message, FIELD_referral_id));
}

static void hear_unmet(struct auditor *auditor, const struct message *message)
{
    for (int n = 0; n < TOWN_NEEDS; n++)
        if (message->type == MESSAGE_unmet_need && message_number(message, FIELD_need) == (int64_t)town_needs[n])
            auditor->unmet_arriving[n] += (uint64_t)message_number(message, FIELD_count);
    if (message->type != MESSAGE_end)
        return;
    auditor_cover("unmet", "end", "");
    memcpy(auditor->unmet_told, auditor->unmet_arriving, sizeof auditor->unmet_told);
    memset(auditor->unmet_arriving, 0, sizeof auditor->unmet_arriving);
    auditor->unmet_is_told = true;
}

bool auditor_first_head(const struct auditor *auditor, int64_t *sequence, const char **hash)
{
    *sequence = auditor->heads[0].sequence;
    *hash = auditor->heads[0].hash;
    return auditor->heads_count > 0;
}

static void hear_verified(struct auditor *auditor, int64_t now, const struct message *message)
{
    auditor_cover("verify", "verified", "");
    auditor->history_is_verified = true;
    if (message_has(message, FIELD_first_bad) || !message_number(message, FIELD_matches))
        auditor_blame(auditor, now, "the history is bad from entry %lld, or does not hold a head that was told",
                      (long long)message_number(message, FIELD_first_bad));
}

static void hear_checked(struct auditor *auditor, int64_t now, const struct message *message)
{
    char fault[256];

    if (message->type == MESSAGE_finding) {
        copy_text(fault, sizeof fault, message_text(message, FIELD_fault));
        auditor_blame(auditor, now, "the store check finds: %s", fault);
    }
    auditor_cover("store_check", "end", "");
    auditor->store_is_checked = true;
}

static void hear_answer(struct auditor *auditor, int64_t now, int party, const struct message *message)
{
    const uint8_t *id = message_uuid(message, FIELD_request_id);
    struct asked *asked = id ? find_asked(auditor, party, id) : NULL;

    if (!asked)
        auditor_blame(auditor, now, "%s is told %s about what it never asked", auditor->town->parties[party].id,
                      message_spec(message->type)->name);
    else if (message->type == MESSAGE_committed)
        hear_committed(auditor, now, asked, message);
    else if (message->type == MESSAGE_done)
        hear_done(auditor, now, asked, message);
    else if (message->type == MESSAGE_refused)
        hear_refused(auditor, now, asked, message);
    else if (message->type == MESSAGE_referral && asked->type == MESSAGE_status)
        hear_status(auditor, now, asked, message);
    else if (message->type == MESSAGE_end && asked->type == MESSAGE_status)
        auditor_cover("status", "end", "");
    else if (asked->type == MESSAGE_verify && message->type == MESSAGE_verified)
        hear_verified(auditor, now, message);
    else if (asked->type == MESSAGE_store_check && (message->type == MESSAGE_finding || message->type == MESSAGE_end))
        hear_checked(auditor, now, message);
    else if (asked->type == MESSAGE_explain && message->type == MESSAGE_decision)
        hear_decision(auditor, now, message);
    else if (asked->type == MESSAGE_explain && (message->type == MESSAGE_considered || message->type == MESSAGE_end))
        auditor_cover("explain", message_spec(message->type)->name, "");
    else if (asked->type == MESSAGE_unmet && (message->type == MESSAGE_unmet_need || message->type == MESSAGE_end))
        hear_unmet(auditor, message);
    else if (message->type != MESSAGE_welcome || asked->type != MESSAGE_hello)
        auditor_blame(auditor, now, "%s answers a %s", message_spec(message->type)->name,
                      message_spec(asked->type)->name);
    else
        hear_welcome(auditor, now, party, message);
}

/* ---- pushes ---- */

static void strip(struct value *value, bool is_text)
{
    if (value->present && is_text)
        value->text = (struct text){"-", 1};
    else
        value->present = false;
}

static void strip_field(struct message *message, enum field field, bool is_text)
{
    if (message_has(message, field))
        strip(&message->values[message->places[field]], is_text);
}

static struct value *member_of(struct message *message, enum field field, size_t i, int width, int member)
{
    return &message->values[message_value_of(message, field)->list.first + i * (size_t)width + (size_t)member];
}

/* A service that the network no longer has is told as a former one. */
static void strip_services(struct message *message)
{
    strip_field(message, FIELD_service_id, true);
    message_unset(message, FIELD_service_ids);
    for (size_t i = 0; i < message_list_count(message, FIELD_parts); i++)
        strip(member_of(message, FIELD_parts, i, PART_OF_REFERRAL_MEMBER_COUNT, MEMBER_part_service_id), true);
    for (size_t i = 0; i < message_list_count(message, FIELD_places_to_go); i++)
        strip(member_of(message, FIELD_places_to_go, i, PLACE_TO_GO_MEMBER_COUNT, MEMBER_place_service_id), true);
}

/* What is said again under a number is the same, but for how the network in force describes hubs and areas. */
static uint64_t digest_of_push(const struct message *message, bool services_go)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    static struct message copy;

    copy = *message;
    strip_field(&copy, FIELD_hub_name, true);
    strip_field(&copy, FIELD_neighbourhood_name, true);
    strip_field(&copy, FIELD_expires_at, false);
    if (message->type == MESSAGE_linked) { /* who has the other one now */
        message_unset(&copy, FIELD_hub_id);
        message_unset(&copy, FIELD_hub_name);
    }
    if (services_go)
        strip_services(&copy);
    for (size_t i = 0; i < message_list_count(&copy, FIELD_parts); i++)
        strip(member_of(&copy, FIELD_parts, i, PART_OF_REFERRAL_MEMBER_COUNT, MEMBER_part_hub_name), true);
    for (size_t i = 0; i < message_list_count(&copy, FIELD_places_to_go); i++)
        for (int m = MEMBER_place_hub_name; m <= MEMBER_place_distance_m; m++)
            if (m != MEMBER_place_service_id)
                strip(member_of(&copy, FIELD_places_to_go, i, PLACE_TO_GO_MEMBER_COUNT, m),
                      m != MEMBER_place_distance_m);
    return digest(bytes, encode(&copy, bytes, sizeof bytes));
}

/* What a connection has and has not confirmed. */
static uint32_t count_unconfirmed(const struct box *box, uint64_t connection)
{
    uint32_t count = 0;

    for (uint64_t n = box->said; n < box->count; n++)
        count += box->pushed[n].connection == connection && box->pushed[n].is_there && !box->pushed[n].said;
    return count;
}

/* What a silent connection had. */
static void take_back(struct box *box, int64_t now, uint64_t connection)
{
    int64_t oldest = INT64_MAX;

    for (uint64_t n = box->said; n < box->count; n++) {
        const struct pushed *pushed = &box->pushed[n];
        bool counts = pushed->is_there || !pushed->said; /* what is not taken back for certain may show it again */
        if (pushed->connection == connection && counts && pushed->sent_at < oldest)
            oldest = pushed->sent_at;
    }
    if (now - AUDIT_SILENT_MS < oldest)
        return;
    for (uint64_t n = box->said; n < box->count; n++)
        if (box->pushed[n].connection == connection)
            box->pushed[n].is_there = false;
}

/* True when the message is new. */
static bool take_number(struct auditor *auditor, int64_t now, int party, uint64_t connection, uint64_t number,
                        uint64_t content, bool may_change)
{
    struct box *box = &auditor->boxes[party];
    const char *id = auditor->town->parties[party].id;
    bool is_new = number == box->count + 1;

    if (number < 1 || number > box->count + 1) {
        auditor_blame(auditor, now, "mailbox number %llu of %s comes after %u", (unsigned long long)number, id,
                      box->count);
        return false;
    }
    if (is_new) {
        box->pushed = array_grow(box->pushed, box->count, &box->room, sizeof box->pushed[0]);
        box->pushed[box->count++] = (struct pushed){.digest = content};
    }
    struct pushed *pushed = &box->pushed[number - 1];
    take_back(box, now, connection);
    if (pushed->connection != connection) /* with it moves what shows how long the other was silent */
        take_back(box, now, pushed->connection);
    if (pushed->connection != connection || !pushed->is_there) /* else it has greeted again */
        pushed->sent_at = now;
    pushed->connection = connection;
    pushed->is_there = true;
    if (is_confirm_under_way(box, now, connection, number))
        pushed->said = true; /* by what overtook it */
    count_said(box);
    if (pushed->digest != content && !may_change)
        auditor_blame(auditor, now, "mailbox number %llu of %s has two contents", (unsigned long long)number, id);
    if (count_unconfirmed(box, connection) > auditor->window)
        auditor_blame(auditor, now, "%s is pushed %llu, beyond its window", id, (unsigned long long)number);
    return is_new;
}

/* Details stand in the submit as DETAIL, the number of the person, and the need: only those of its own needs may be in
 * an offer. */
static void check_details(struct auditor *auditor, int64_t now, uint64_t needs, const void *frame, size_t length)
{
    for (int i = 0; i < TOWN_NEEDS; i++) {
        char detail[16];
        snprintf(detail, sizeof detail, "DETAIL-%d.", i);
        if (!(needs >> town_needs[i] & 1) && memmem(frame, length, detail, strlen(detail)))
            auditor_blame(auditor, now, "a hub is told of a need that it was not asked about: %s",
                          code_text(LIST_need, (int)town_needs[i]));
    }
}

static bool tells_person(enum message_type type)
{
    return type == MESSAGE_person || type == MESSAGE_updated || type == MESSAGE_message_back;
}

/* To its sender, the practice that the person named, or a hub: which one is judged at the end. */
static void check_receiver(struct auditor *auditor, int64_t now, int party, const struct asked *asked,
                           const struct message *message)
{
    const struct town_party *to = &auditor->town->parties[party];
    bool wrong = false;

    if (auditor_is_to_sender(message->type))
        wrong = party != asked->party;
    else if (message->type == MESSAGE_message_back)
        wrong = strcmp(to->practice, asked->person->practice) != 0 || !to->practice[0] ||
                !(asked->person->back >> BACK_GP & 1);
    else if (message->type == MESSAGE_linked || message->type == MESSAGE_erased)
        wrong = party != asked->party && to->role != ROLE_HUB && strcmp(to->practice, asked->person->practice) != 0;
    else
        wrong = to->role != ROLE_HUB;
    if (wrong)
        auditor_blame(auditor, now, "%s of referral %llu goes to %s, whose business it is not",
                      message_spec(message->type)->name, (unsigned long long)asked->given, to->id);
}

/* What came of it is told as far as the person agreed. */
static void check_scope(struct auditor *auditor, int64_t now, const struct asked *asked, const struct message *message)
{
    bool tells = message_has(message, FIELD_outcome) || message_has(message, FIELD_support_offered) ||
                 message_has(message, FIELD_outcome_scores);

    if (auditor_is_to_sender(message->type) && tells && !(asked->person->back >> BACK_REFERRER & 1))
        auditor_blame(auditor, now, "%s of referral %llu tells its sender more than the person agreed to",
                      message_spec(message->type)->name, (unsigned long long)asked->given);
}

static void check_privacy(struct auditor *auditor, int64_t now, int party, const struct asked *asked,
                          const struct message *message, const void *frame, size_t length)
{
    const struct story *story = &auditor->stories[asked->given];
    struct text name = message_text(message, FIELD_family_name);
    const struct person *person = asked->person;

    if (tells_person(message->type) && !story->erased_at) {
        if (name.length != strlen(person->family_name) || memcmp(name.bytes, person->family_name, name.length) != 0)
            auditor_blame(auditor, now, "a hub is told about somebody else");
    } else if (memmem(frame, length, person->nhs_number, strlen(person->nhs_number)) ||
               memmem(frame, length, "CANARY", 6)) {
        auditor_blame(auditor, now, "a person is told of in %s", message_spec(message->type)->name);
    }
    check_details(auditor, now, auditor_is_to_sender(message->type) ? 0 : needs_of(message), frame, length);
    check_receiver(auditor, now, party, asked, message);
    check_scope(auditor, now, asked, message);
}

static void cover_push(const struct auditor *auditor, const struct message *message, const struct happening *happening)
{
    const char *name = message_spec(message->type)->name;
    const char *reason = code_text(LIST_status_reason, (int)happening->reason);
    const char *business = code_text(LIST_business_status, (int)happening->business);

    if (message_has(message, FIELD_parts))
        auditor_cover(name, "in parts", "");
    auditor_cover(name, reason[0] ? reason : business, "");
    auditor_cover(name, business, "");
    auditor_cover(name, code_text(LIST_link, (int)happening->link), "");
    auditor_cover(name, code_text(LIST_stage, (int)happening->stage), "");
    if (message->type != MESSAGE_offer)
        return;
    if (happening->needs & (happening->needs - 1))
        auditor_cover(name, "of several needs", "");
    if (happening->services & (happening->services - 1))
        auditor_cover(name, "of several services", "");
    if (happening->ask_first)
        auditor_cover(name, "asks first", "");
    for (int i = 0; i < TOWN_SERVICES_MAX; i++)
        if (happening->services >> i & 1 && !owns_places(auditor, happening->party, i))
            auditor_cover(name, "of a shared place", "");
}

/* 0 when one of them is a former one: then nobody knows which they were. */
static uint32_t services_of(const struct auditor *auditor, int party, const struct message *message)
{
    struct text first = message_text(message, FIELD_service_id);
    int service = town_find_service(&auditor->town->parties[party], first.bytes, first.length);
    uint32_t services = service < 0 ? 0 : 1u << service;

    for (size_t i = 0; i < message_list_count(message, FIELD_service_ids) && services; i++) {
        struct text id = message_element(message, FIELD_service_ids, i)->text;
        service = town_find_service(&auditor->town->parties[party], id.bytes, id.length);
        services = service < 0 ? 0 : services | 1u << service;
    }
    return services;
}

static int64_t member_number(const struct message *message, size_t part, size_t member)
{
    const struct value *value = message_member(message, FIELD_parts, part, member);

    return value->present ? value->number : 0;
}

static struct standing_told part_told(const struct auditor *auditor, const struct message *message, size_t i)
{
    const struct value *needs = message_member(message, FIELD_parts, i, MEMBER_part_needs);
    const struct value *hub = message_member(message, FIELD_parts, i, MEMBER_part_hub_id);
    struct standing_told told = {
        .state = (enum state)member_number(message, i, MEMBER_part_state),
        .business = (enum business_status)member_number(message, i, MEMBER_part_business_status),
        .reason = (enum status_reason)member_number(message, i, MEMBER_part_status_reason),
        .outcome = (enum outcome)member_number(message, i, MEMBER_part_outcome),
        .hub = hub->present ? town_find_party(auditor->town, hub->text.bytes, hub->text.length) : -1,
        .offer_number = (int)member_number(message, i, MEMBER_part_offer_number),
        .deadline = member_number(message, i, MEMBER_part_deadline)};

    for (uint16_t n = 0; needs->present && n < needs->list.count; n++)
        told.needs |= BIT_OF(message->values[needs->list.first + n].number);
    return told;
}

/* What a message to the sender says of which needs: of its parts, of the needs it names, or of all. */
static void note_parts(struct auditor *auditor, int64_t now, const struct message *message, uint64_t all,
                       struct happening *happening)
{
    size_t count = message_list_count(message, FIELD_parts);
    uint64_t seen = 0;

    for (size_t i = 0; i < count && i < TOWN_NEEDS; i++) {
        struct standing_told *part = &happening->parts[happening->parts_count++];
        *part = part_told(auditor, message, i);
        if (!part->needs || part->needs & seen || part->needs & ~all)
            auditor_blame(auditor, now, "%s: a need stands twice, or is not the person's",
                          message_spec(message->type)->name);
        seen |= part->needs;
    }
    if (count && seen != all)
        auditor_blame(auditor, now, "%s: not every need is told of", message_spec(message->type)->name);
    if (count)
        return;
    happening->parts_count = 1;
    happening->parts[0] = (struct standing_told){.needs = message_has(message, FIELD_needs) ? needs_of(message) : all,
                                                 .state = happening->state,
                                                 .business = happening->business,
                                                 .reason = happening->reason,
                                                 .outcome = happening->outcome,
                                                 .hub = happening->hub,
                                                 .offer_number = happening->offer_number,
                                                 .deadline = happening->deadline};
}

static void note_signposts(const struct auditor *auditor, const struct message *message, struct happening *happening)
{
    for (size_t i = 0; i < message_list_count(message, FIELD_places_to_go) && i < 5; i++) {
        struct text hub = message_member(message, FIELD_places_to_go, i, MEMBER_place_hub_id)->text;
        struct text service = message_member(message, FIELD_places_to_go, i, MEMBER_place_service_id)->text;
        int party = town_find_party(auditor->town, hub.bytes, hub.length);
        happening->signpost_hubs[i] = party;
        happening->signpost_services[i] =
            party < 0 ? -1 : town_find_service(&auditor->town->parties[party], service.bytes, service.length);
        happening->signposts_count++;
    }
}

static void note_standing(struct story *story, const struct happening *happening)
{
    story->last_told = story->count;
    if (!story->submitted_at)
        story->submitted_at = happening->at;
    story->ended = story->ended || happening->type == MESSAGE_ended;
    for (int i = 0; i < happening->parts_count && !auditor_is_aside(happening); i++)
        for (int n = 0; n < TOWN_NEEDS; n++)
            if (happening->parts[i].needs >> town_needs[n] & 1)
                story->standing[n] = happening->parts[i];
}

/* What is told of a person is told as it is now. */
static bool may_change(struct auditor *auditor, const struct message *message)
{
    uint64_t number = (uint64_t)message_number(message, FIELD_referral_id);

    return message_has(message, FIELD_enquiry_id) || law_was_touched(auditor, number, INT64_MAX);
}

/* As the hub said, or, when it was silent, that it cannot be said. */
static void check_answer(struct auditor *auditor, int64_t now, const struct enquiry *enquiry,
                         const struct message *message)
{
    int hub = party_named(auditor, message, FIELD_hub_id);
    bool was_silent = message_has(message, FIELD_status_reason);
    bool was_said = false;

    for (uint32_t i = 0; i < auditor->asked_count; i++) {
        const struct asked *asked = &auditor->asked[i];
        was_said = was_said ||
                   (asked->type == MESSAGE_answer_enquiry && asked->party == hub && asked->enquiry == enquiry->number &&
                    asked->known == message_number(message, FIELD_known) && asked->said_at <= now);
    }
    if (was_silent && enquiry->told_at && enquiry->answered_at < enquiry->deadline)
        auditor_blame(auditor, now, "enquiry %llu has run out before its time", (unsigned long long)enquiry->number);
    if (!was_silent && !was_said)
        auditor_blame(auditor, now, "enquiry %llu is answered as its hub never said",
                      (unsigned long long)enquiry->number);
}

/* The question goes to the hub that is asked, before it is answered; the answer to the hub that asked, once. */
static void hear_enquiry(struct auditor *auditor, int64_t now, int party, const struct message *message)
{
    struct enquiry *enquiry = enquiry_of(auditor, (uint64_t)message_number(message, FIELD_enquiry_id));
    const struct asked *question = enquiry->asked ? &auditor->asked[enquiry->asked - 1] : NULL;

    auditor_cover(message_spec(message->type)->name, code_text(LIST_known, (int)message_number(message, FIELD_known)),
                  message_has(message, FIELD_status_reason) ? " no-answer" : "");
    if (message->type == MESSAGE_enquiry && !enquiry->told_at) {
        enquiry->told_at = message_number(message, FIELD_at);
        enquiry->deadline = message_number(message, FIELD_deadline);
    }
    if (message->type == MESSAGE_enquiry && question && question->hub != party)
        auditor_blame(auditor, now, "enquiry %llu goes to %s, who was not asked", (unsigned long long)enquiry->number,
                      auditor->town->parties[party].id);
    if (message->type != MESSAGE_enquiry_answered)
        return;
    if (enquiry->answered_at)
        auditor_blame(auditor, now, "enquiry %llu is answered twice", (unsigned long long)enquiry->number);
    if (question && question->party != party)
        auditor_blame(auditor, now, "the answer to enquiry %llu goes to %s", (unsigned long long)enquiry->number,
                      auditor->town->parties[party].id);
    enquiry->answered_at = message_number(message, FIELD_at);
    check_answer(auditor, now, enquiry, message);
}

static void hear_push(struct auditor *auditor, int64_t now, int party, uint64_t connection,
                      const struct message *message, const void *frame, size_t length)
{
    uint64_t number = (uint64_t)message_number(message, FIELD_referral_id);
    struct happening happening = {.type = message->type,
                                  .party = party,
                                  .mailbox_number = (uint64_t)message_number(message, FIELD_mailbox_number),
                                  .at = message_number(message, FIELD_at),
                                  .offer_number = (int)message_number(message, FIELD_offer_number),
                                  .hub = party_named(auditor, message, FIELD_hub_id),
                                  .needs = needs_of(message),
                                  .ask_first = message_number(message, FIELD_ask_first),
                                  .state = (enum state)message_number(message, FIELD_state),
                                  .business = (enum business_status)message_number(message, FIELD_business_status),
                                  .reason = (enum status_reason)message_number(message, FIELD_status_reason),
                                  .outcome = (enum outcome)message_number(message, FIELD_outcome),
                                  .stage = (enum stage)message_number(message, FIELD_deadline_stage),
                                  .deadline = message_number(message, FIELD_deadline),
                                  .expires_at = message_number(message, FIELD_expires_at),
                                  .linked = (uint64_t)message_number(message, FIELD_linked_id),
                                  .link = (enum link)message_number(message, FIELD_link)};

    if (!take_number(auditor, now, party, connection, happening.mailbox_number,
                     digest_of_push(message, auditor->services_go), may_change(auditor, message)))
        return;
    if (message_has(message, FIELD_enquiry_id)) {
        hear_enquiry(auditor, now, party, message);
        return;
    }
    struct story *story = story_of(auditor, now, number, message_uuid(message, FIELD_correlation_id));
    if (!story)
        return;
    const struct asked *asked = &auditor->asked[story->asked - 1];
    if (message->type == MESSAGE_offer || message->type == MESSAGE_person)
        happening.services = services_of(auditor, party, message);
    cover_push(auditor, message, &happening);
    check_privacy(auditor, now, party, asked, message, frame, length);
    if (auditor_is_to_sender(message->type)) {
        note_parts(auditor, now, message, asked->person->needs, &happening);
        note_signposts(auditor, message, &happening);
        note_standing(story, &happening);
    }
    story->happenings = array_grow(story->happenings, story->count, &story->room, sizeof story->happenings[0]);
    story->happenings[story->count++] = happening;
}

void auditor_told(struct auditor *auditor, int64_t now, int party, uint64_t connection, const struct message *message,
                  const void *frame, size_t length)
{
    auditor->messages++;
    bool may_tell = tells_person(message->type) || message->type == MESSAGE_enquiry ||
                    message->type == MESSAGE_referral; /* judged where they are heard */
    if (!may_tell && memmem(frame, length, "CANARY", 6))
        auditor_blame(auditor, now, "personal data is told in %s", message_spec(message->type)->name);
    cover_role(auditor, party, message);
    if (message_spec(message->type)->direction == PUSH)
        hear_push(auditor, now, party, connection, message, frame, length);
    else
        hear_answer(auditor, now, party, message);
}

void auditor_object(struct auditor *auditor, int64_t now, const char *what)
{
    auditor_blame(auditor, now, "%s", what);
}

const char *auditor_violation(const struct auditor *auditor)
{
    return auditor->violation[0] ? auditor->violation : NULL;
}

uint64_t auditor_referrals(const struct auditor *auditor)
{
    uint64_t count = 0;

    for (uint64_t i = 1; i < auditor->stories_count; i++)
        count += auditor->stories[i].asked != 0;
    return count;
}

uint64_t auditor_messages(const struct auditor *auditor)
{
    return auditor->messages;
}
