/* SPDX-License-Identifier: MIT
 * limits: every bound of the wire in one place. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define PROTOCOL_VERSION 1

#define MESSAGE_BYTES_MAX (64 * 1024)
#define MESSAGE_DEPTH_MAX 8
#define MESSAGE_ELEMENTS_MAX 4096
#define MESSAGE_LIST_VALUES_MAX 400 /* elements of all lists of one message together; message_back may need 387 */
/* A submit leaves room for what the network adds when it passes the person on to a hub, and for the note of an update.
 */
#define SUBMIT_BYTES_MAX (MESSAGE_BYTES_MAX - 12 * 1024)
#define ID_BYTES_MAX 64
#define UUID_BYTES 16
#define UUID_TEXT_BYTES 36
#define REFERRAL_ID_BYTES_MAX 24 /* "R", 19 digits, "-", 2 digits, NUL */

#endif
