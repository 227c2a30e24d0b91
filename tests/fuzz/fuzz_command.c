/* SPDX-License-Identifier: MIT
 * Command lines of referralctl, a word a line: each is refused with words and an exit code, or asks what the daemon can
 * read. The daemon is not there: the exchange below looks at each question, and says that nobody answers, or that all
 * went well with nothing to tell. The last byte chooses. Nothing may crash. */
#include <string.h>
#include <unistd.h>

#include "clients/exchange.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 40, LINE_MAX_BYTES = 2000 };

int ctl_main(int argc, char **argv); /* clients/ctl.c */

struct exchange {
    bool is_alive; /* for one question */
};
static bool next_is_alive;

enum exchange_result exchange_open(struct exchange **out, const struct exchange_options *options)
{
    REQUIRE(options->endpoint && options->client && options->timeout_ms > 0);
    *out = malloc(sizeof **out);
    REQUIRE(*out);
    (*out)->is_alive = next_is_alive;
    return EXCHANGE_OK;
}

void exchange_close(struct exchange **exchange)
{
    free(*exchange);
    *exchange = NULL;
}

enum exchange_result exchange_ask(struct exchange *exchange, struct message *request, exchange_answer answer,
                                  void *context)
{
    static const uint8_t id[UUID_BYTES] = {1};
    static struct decoder *decoder;
    static struct message decoded;
    static unsigned char bytes[MESSAGE_BYTES_MAX];
    struct fault fault;
    bool is_alive = exchange->is_alive;

    (void)answer, (void)context;
    if (!decoder)
        decoder = decoder_open();
    REQUIRE(decoder);
    if (!message_has(request, FIELD_request_id))
        message_set_uuid(request, FIELD_request_id, id);
    size_t length = fuzz_is_whole(request) ? encode(request, bytes, sizeof bytes) : 0;
    if (length > 0 && !decode(decoder, bytes, length, &decoded, &fault))
        REQUIRE(fault.refusal != REFUSAL_NONE);
    exchange->is_alive = false;
    return length == 0 ? EXCHANGE_MISUSE : is_alive ? EXCHANGE_OK : EXCHANGE_UNREACHABLE;
}

const char *exchange_sentence(const struct exchange *exchange)
{
    (void)exchange;
    return "nobody answers";
}

enum refusal exchange_refusal(const struct exchange *exchange)
{
    (void)exchange;
    return REFUSAL_NONE;
}

/* Splits at the ends of lines; words that name files, and commands that go on for ever, are not for this. */
static int split(char *line, char **words)
{
    static char program[] = "referralctl";
    int count = 0;

    words[count++] = program;
    for (char *rest, *word = strtok_r(line, "\n", &rest); word && count < WORDS_MAX;
         word = strtok_r(NULL, "\n", &rest)) {
        if (strchr(word, '/') || strcmp(word, "watch") == 0 || strcmp(word, "follow") == 0)
            return 0;
        words[count++] = word;
    }
    words[count] = NULL;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char line[LINE_MAX_BYTES + 1];
    char *words[WORDS_MAX + 1];

    if (size == 0 || size > LINE_MAX_BYTES)
        return 0;
    if (chdir("/proc/self/fdinfo") != 0) /* no file is made or found by chance */
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    next_is_alive = data[size - 1] == '\n';
    int count = split(line, words);
    if (count > 1)
        REQUIRE(ctl_main(count, words) >= 0);
    return 0;
}
