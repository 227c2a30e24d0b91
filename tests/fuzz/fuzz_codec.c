/* SPDX-License-Identifier: MIT
 * Whatever decode accepts is encoded within its limit, and that encoding is canonical. Nothing may crash. */
#include <string.h>

#include "proto/check.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct decoder *decoder;
    static struct message message;
    static unsigned char first[MESSAGE_BYTES_MAX];
    static unsigned char second[MESSAGE_BYTES_MAX];
    struct fault fault;
    size_t length;

    if (!decoder)
        decoder = decoder_open();
    REQUIRE(decoder);
    if (!decode(decoder, data, size, &message, &fault)) {
        REQUIRE(fault.refusal != REFUSAL_NONE && strlen(fault.field) < sizeof fault.field);
        return 0;
    }
    check_request(&message, INT64_C(1793523600000), &fault);
    length = encode(&message, first, sizeof first);
    REQUIRE(length > 0);
    REQUIRE(decode(decoder, first, length, &message, &fault));
    REQUIRE(encode(&message, second, sizeof second) == length);
    REQUIRE(memcmp(first, second, length) == 0);
    return 0;
}
