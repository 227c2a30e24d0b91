/* SPDX-License-Identifier: MIT
 * referral.h: client library for referrald, for programs that send referrals and for hubs that take them.
 *
 *   cc submit.c $(pkg-config --cflags --libs referral)
 *   find_package(referral REQUIRED)  target_link_libraries(app referral::referral)
 *
 * Threads    one handle, one thread at a time; any number of handles; no globals; after fork only the parent uses it.
 * Texts      UTF-8, ended by NUL. What is passed is copied; what is returned lives as long as is said here.
 * Repeating  after REFERRAL_TIMEOUT, UNREACHABLE or BUSY the same call may be made again: nothing is done twice.
 * Growing    new fields and settings need no new symbol; within one SOVERSION functions are only added. */
#ifndef REFERRAL_H
#define REFERRAL_H

#ifdef __cplusplus
extern "C" {
#endif

#define REFERRAL_VERSION_MAJOR 0
#define REFERRAL_VERSION_MINOR 1
#define REFERRAL_VERSION_PATCH 0
#define REFERRAL_ID_MAX 24 /* bytes of a referral id, with its NUL */

typedef struct referral_client referral_client; /* one connection */
typedef struct referral_record referral_record; /* a set of named texts: a referral to submit, or an update received */

enum referral_rc {
    REFERRAL_OK = 0,
    REFERRAL_TIMEOUT,     /* no answer in time */
    REFERRAL_UNREACHABLE, /* no connection: refused, no such name, no route */
    REFERRAL_DENIED,      /* keys or role refused */
    REFERRAL_VERSION,     /* the daemon speaks another protocol version */
    REFERRAL_INVALID,     /* the content was refused; the message names the field */
    REFERRAL_NOT_FOUND,   /* no such referral, or it is not yours */
    REFERRAL_CONFLICT,    /* the referral is no longer in a state that allows this; read it again */
    REFERRAL_BUSY,        /* the daemon takes nothing at the moment */
    REFERRAL_NOMEM,
    REFERRAL_MISUSE /* the settings or the calling program are wrong; the message says where */
};

/* Every function that returns int returns an enum referral_rc. */

/* Makes a handle; connecting begins with the first call that needs it, and goes on in the background for ever.
 * endpoint: "tcp://host:port"; NULL: $REFERRAL_ENDPOINT, else `endpoint` of ~/.config/referral/client.conf.
 * *out is set even on failure, so that referral_errmsg has something to tell (except for NOMEM: NULL). */
int referral_open(referral_client **out, const char *endpoint);
/* Settings, before the first call that connects: "key-file" and "server-key" (paths), "endpoint", "timeout" ("500ms",
 * "5s", "2m"; 5s unless told). They have the names of the settings file. */
int referral_set(referral_client *, const char *name, const char *value);
/* Connects now if need be and waits for one answer; tells what is wrong. */
int referral_ping(referral_client *);
/* For poll(2): readable when referral_next(client, &record, 0) should be called. It is the same until
 * referral_close; -1 when the settings are wrong. Do not read from it. */
int referral_fd(referral_client *);
/* Returns within 2 seconds. NULL is fine. */
void referral_close(referral_client *);

/* Fields have the names of the wire (PROTOCOL.md), and texts as on the wire: a code by its text, "true" and "false",
 * "1946-05-09", "2026-11-22T14:02:31+00:00". A list separates by commas, the members of a record by colons, and a
 * backslash makes a comma, colon or backslash part of the text: needs "befriending:since the move,housing" (the first
 * is the primary one). Needs that go different ways come back as parts, a record each, with the needs of a part
 * separated by blanks: "food housing:accepted:hub-accepted:::oak:Oak Hub,medicines:on-hold:waitlisted:all-full". When
 * tier_needed is "universal" and knowing where to go is enough, "ended" has places_to_go in the same form. Where the
 * person lives is told by address_lines and postcode, or gp_practice_ods instead of a postcode, or no_fixed_abode
 * "true" with neighbourhood_code or contact_hub_id. consent_to_share "in_doubt" is held for a person. A new record
 * carries its own request_id and correlation_id: submitting the same record again never makes a second referral. NULL:
 * out of memory. */
referral_record *referral_record_new(void);
/* NULL as value removes the field. INVALID: no field has this name. Forms are looked at when the record is sent. */
int referral_record_set(referral_record *, const char *field, const char *value);
/* NULL: not set. "type" is the name of the message that was received ("offer", "ended" ...). Lives until the field is
 * set again or the record is freed. */
const char *referral_record_get(const referral_record *, const char *field);
/* NULL is fine. */
void referral_record_free(referral_record *);

/* OK: the referral is stored durably and the network has taken responsibility; it is not placed yet. sent_at and
 * authored_on are set to now when they are absent. id may be NULL. */
int referral_submit(referral_client *, referral_record *, char id[REFERRAL_ID_MAX]);
/* How one referral stands: *out is a new record of type "referral", to be freed; NULL when not OK. */
int referral_status(referral_client *, const char *id, referral_record **out);
/* Withdraws a referral. reason: a code of status_reason ("26", "no-longer-needed" ...); note may be NULL. */
int referral_cancel(referral_client *, const char *id, const char *reason, const char *note);

/* Waits for the next update from the own mailbox: for a sender "routed", "answered", "progressed", "ended", "linked",
 * "erased", for a GP practice "message_back"; for a hub "offer", "person", "updated", "reminder", "withdrawn",
 * "linked", "enquiry", "enquiry_answered", "erased". timeout_ms: milliseconds, 0: only what is there, -1: for ever.
 * *out is a new record, to be freed; NULL when not OK. TIMEOUT: connected, and nothing has come.
 * mailbox_number tells an update from every other. Several programs of one party share its mailbox: each gets some of
 * the updates, in the order of their numbers, but for what another one was given and did not confirm: that comes late,
 * and may come to both. Keep the numbers of what is stored, and drop what is there. */
int referral_next(referral_client *, referral_record **out, int timeout_ms);
/* Says that the caller has stored this update, and all with a lower number that referral_next returned before it.
 * Nothing is confirmed without this call: what is not confirmed comes again after a while, a reconnect or a restart, so
 * call it after storing, not before. Confirming an offer tells the sender's side that the hub's system has it;
 * confirming "ended", or "message_back", closes the referral. */
int referral_confirm(referral_client *, const referral_record *update);
/* A hub's answer to an "offer", or how it goes. The record is one that was received about the referral, or one in which
 * referral_id and offer_number are set. state and code:
 *   "accepted", "in-progress"      code NULL
 *   "on-hold", "resumed"           code NULL; on-hold with a note: what is waited for
 *   "progressed"                   code NULL, with a note
 *   "rejected", "failed"           code of status_reason ("22", "40", "99" with a note ...)
 *   "handed-back"                  the same: the hub that accepted cannot go on, the next is asked
 *   "completed"                    code of outcome ("got-help" ...)
 * note may be NULL else. "progressed", "completed" and "failed" also tell what is set in the record of support_offered
 * ("befriending,housing") and outcome_scores ("before:ONS4:3 4 3 8::2026-09-01,after:ONS4:7 6 8 3::2026-11-20"). */
int referral_reply(referral_client *, const referral_record *, const char *state, const char *code, const char *note);
/* Says any other request of PROTOCOL.md: type is its name, the record its fields. The record is a new one of its own
 * (referral_record_new): its request_id makes a repeat harmless, so say with one record one thing, as often as needed.
 *   "update"          a sender: referral_id, and what is new (phone, postcode, note, consent_to_share ...)
 *   "enquire"         a hub: hub_id, who is meant (nhs_number, or family_name, given_name, date_of_birth), and
 *                     referral_id of a case or note with the reason; *answer has the enquiry_id
 *   "answer_enquiry"  a hub: enquiry_id, known ("known", "not-known", "cannot-say" with a contact)
 *   "capacity"        a hub: service_id, places
 * A hub refers on by referral_submit, with onward_from (the referral_id of its case) and that case's correlation_id.
 * *answer is a new record, to be freed: "done" as a rule; NULL when not OK. answer may be NULL.
 * INVALID: there is no such request, or a field is missing, or does not belong into it. */
int referral_say(referral_client *, const char *type, const referral_record *, referral_record **answer);

/* A sentence for people about the last call: what failed, where, why, what to try. Repeats no personal data. Never
 * NULL, also for NULL; lives until the next call with this handle. */
const char *referral_errmsg(const referral_client *);
/* A few words for a result. Never NULL. */
const char *referral_strerror(int rc);
/* Of the library that runs: "0.1.0". */
const char *referral_version(void);

#ifdef __cplusplus
}
#endif
#endif
