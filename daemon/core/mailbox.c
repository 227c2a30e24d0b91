/* SPDX-License-Identifier: MIT
 * mailbox: a ring of what is owed. */
#include "daemon/core/mailbox.h"

#include <assert.h>

uint64_t mailbox_unconfirmed(const struct mailbox *mailbox)
{
    return mailbox->last - mailbox->confirmed;
}

static struct owed *slot(const struct mailbox *mailbox, uint64_t number)
{
    assert(number > mailbox->confirmed && number <= mailbox->last);
    return &mailbox->ring[(mailbox->first + (number - mailbox->confirmed - 1)) % mailbox->capacity];
}

uint64_t mailbox_append(struct mailbox *mailbox, struct owed owed)
{
    assert(mailbox_unconfirmed(mailbox) < mailbox->capacity);
    mailbox->last++;
    *slot(mailbox, mailbox->last) = owed;
    return mailbox->last;
}

struct owed mailbox_at(const struct mailbox *mailbox, uint64_t number)
{
    return *slot(mailbox, number);
}

void mailbox_confirm(struct mailbox *mailbox, uint64_t number)
{
    assert(number >= mailbox->confirmed && number <= mailbox->last);
    if (mailbox->capacity)
        mailbox->first = (uint32_t)((mailbox->first + (number - mailbox->confirmed)) % mailbox->capacity);
    mailbox->confirmed = number;
    if (mailbox->sent < number)
        mailbox->sent = number;
}

uint64_t mailbox_next_to_send(const struct mailbox *mailbox, uint32_t window)
{
    return mailbox->sent < mailbox->last && mailbox->sent < mailbox->confirmed + window ? mailbox->sent + 1 : 0;
}
