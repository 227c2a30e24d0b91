/* SPDX-License-Identifier: MIT
 * recent: two tables whose slot follows from the number. */
#include "daemon/recent.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/io/seal.h"
#include "proto/codec.h"

enum { REFERRALS = 4096, LETTER_BYTES = 1536 };

struct label {
    uint64_t mailbox_number;
    uint32_t party;
    uint32_t length; /* 0: empty */
};

/* What is looked at to find something, or to forget all, stands apart: most of the rest is never touched. */
struct recent {
    uint64_t numbers[REFERRALS]; /* 0: empty */
    struct label labels[RECENT_LETTERS];
    struct referral referrals[REFERRALS];
    uint8_t letters[RECENT_LETTERS][LETTER_BYTES];
};

struct recent *recent_open(void)
{
    /* Pages that are not used cost nothing: AddressSanitizer, too, would mark each one of calloc's. */
    void *recent = mmap(NULL, sizeof(struct recent), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert(recent != MAP_FAILED);
    return recent;
}

void recent_close(struct recent **recent)
{
    if (*recent) {
        recent_forget(*recent);
        munmap(*recent, sizeof **recent);
    }
    *recent = NULL;
}

void recent_forget(struct recent *recent)
{
    for (size_t i = 0; i < REFERRALS; i++)
        if (recent->numbers[i])
            seal_wipe(&recent->referrals[i], sizeof recent->referrals[i]);
    for (size_t i = 0; i < RECENT_LETTERS; i++)
        if (recent->labels[i].length)
            seal_wipe(recent->letters[i], LETTER_BYTES);
    memset(recent->numbers, 0, sizeof recent->numbers);
    memset(recent->labels, 0, sizeof recent->labels);
}

/* The bytes of a referral up to its newest offer: most have one, and there is room for many. */
static size_t used_bytes(const struct referral *referral)
{
    return offsetof(struct referral, offers) + referral->offers_count * sizeof referral->offers[0];
}

void recent_keep(struct recent *recent, const struct referral *referral)
{
    size_t slot = referral->number % REFERRALS;

    recent->numbers[slot] = referral->number;
    memcpy(&recent->referrals[slot], referral, used_bytes(referral));
}

bool recent_find(const struct recent *recent, uint64_t number, struct referral *referral)
{
    const struct referral *found = &recent->referrals[number % REFERRALS];

    if (!number || recent->numbers[number % REFERRALS] != number)
        return false;
    size_t used = used_bytes(found);
    memcpy(referral, found, used);
    memset((uint8_t *)referral + used, 0, sizeof *referral - used);
    return true;
}

/* Numbers of one party follow one another, so that its letters do not take each other's slots; parties begin apart. */
static size_t slot_of(uint32_t party, uint64_t mailbox_number)
{
    return (party * (size_t)(RECENT_LETTERS / 16 + 1) + mailbox_number) % RECENT_LETTERS;
}

void recent_keep_letter(struct recent *recent, uint32_t party, uint64_t mailbox_number, const struct message *message)
{
    size_t slot = slot_of(party, mailbox_number);
    size_t length = encode(message, recent->letters[slot], LETTER_BYTES);

    if (!length)
        seal_wipe(recent->letters[slot], LETTER_BYTES);
    recent->labels[slot] = (struct label){mailbox_number, party, (uint32_t)length};
}

const void *recent_find_letter(const struct recent *recent, uint32_t party, uint64_t mailbox_number, size_t *length)
{
    size_t slot = slot_of(party, mailbox_number);
    const struct label *label = &recent->labels[slot];

    *length = label->length;
    return label->length && label->party == party && label->mailbox_number == mailbox_number ? recent->letters[slot]
                                                                                             : NULL;
}
