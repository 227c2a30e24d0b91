/* SPDX-License-Identifier: MIT
 * ctl_draft: a network file as it is sent to the daemon. */
#include "clients/ctl_draft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/check.h"

/* What a text may not hold is found by lines, so that the sentence can name one. */
static bool is_text(const char *path, const char *text, size_t length, char *why, size_t why_size)
{
    size_t line = 1;

    for (const char *at = text, *end = text + length; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at), characters;

        if (!check_utf8((struct text){at, (uint32_t)bytes}, true, &characters)) {
            snprintf(why, why_size, "%s:%zu: not text in UTF-8, or a control character", path, line);
            return false;
        }
        at += bytes + 1;
    }
    if (length == 0)
        snprintf(why, why_size, "%s is empty", path);
    return length > 0;
}

/* Editors of other systems end lines by CR LF. */
static size_t drop_carriage_returns(char *text, size_t length)
{
    size_t kept = 0;

    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' || i + 1 == length || text[i + 1] != '\n')
            text[kept++] = text[i];
    return kept;
}

char *draft_read(const char *path, size_t *length, char *why, size_t why_size)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = file ? malloc(DRAFT_BYTES_MAX + 1) : NULL;
    bool is_whole = false;

    snprintf(why, why_size, "cannot read %s: %s", path, strerror(errno));
    if (text) {
        *length = fread(text, 1, DRAFT_BYTES_MAX + 1, file);
        is_whole = !ferror(file);
    }
    if (is_whole && *length > DRAFT_BYTES_MAX)
        snprintf(why, why_size, "%s is larger than %d MiB", path, DRAFT_BYTES_MAX >> 20);
    if (is_whole)
        is_whole = *length <= DRAFT_BYTES_MAX;
    if (is_whole) {
        *length = drop_carriage_returns(text, *length);
        is_whole = is_text(path, text, *length, why, why_size);
    }
    if (file && file != stdin)
        fclose(file);
    if (is_whole)
        return text;
    free(text);
    return NULL;
}

size_t draft_piece(const char *text, size_t left)
{
    size_t length = left < DRAFT_PIECE_BYTES ? left : DRAFT_PIECE_BYTES;

    /* A byte 10xxxxxx goes on with a character that has begun before it. */
    while (length < left && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}
