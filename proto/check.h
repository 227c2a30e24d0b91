/* SPDX-License-Identifier: MIT
 * check: what one field alone cannot tell, and the forms of single values. Pure. */
#ifndef PROTO_CHECK_H
#define PROTO_CHECK_H

#include "proto/codec.h"

/* The rules between the fields of a decoded request (PROTOCOL.md lists them under "Rules between fields"). now_ms is
 * the daemon's clock: a birth date may not be after its day, sent_at not more than five minutes after it.
 * Returns false with *fault set. */
bool check_request(const struct message *, int64_t now_ms, struct fault *);

/* Forms. Each returns false when the text does not have the form, or names something that cannot exist. */
bool check_nhs_number(struct text, char normal[11]); /* ten digits, spaces allowed as 3-3-4, modulus 11 */
bool check_postcode(struct text, char normal[10]);   /* "pl11ae" -> "PL1 1AE" */
bool check_id(struct text);                          /* [A-Za-z0-9._-]+ */
bool check_phone(struct text);
bool check_email(struct text);
bool check_ods(struct text);
bool check_digits(struct text);
/* UTF-8 without control characters (LF and TAB allowed when lines is true); *characters counts code points. */
bool check_utf8(struct text, bool lines, size_t *characters);

bool uuid_parse(struct text, uint8_t uuid[UUID_BYTES]);
void uuid_format(const uint8_t uuid[UUID_BYTES], char out[UUID_TEXT_BYTES + 1]); /* lower case */

bool referral_id_parse(struct text, uint64_t *number);
void referral_id_format(uint64_t number, char out[REFERRAL_ID_BYTES_MAX]);

/* Proleptic Gregorian calendar, years 1900 to 9999; "2026-02-29" is refused. */
bool date_parse(struct text, int64_t *days);
void date_format(int64_t days, char out[11]);
/* Offset is mandatory ("Z" or "+01:00"); up to nine decimals, cut to milliseconds; a leap second counts as the second
 * before. */
bool datetime_parse(struct text, int64_t *ms);
void datetime_format(int64_t ms, char out[25]); /* 2026-11-22T14:02:31.123Z */

#endif
