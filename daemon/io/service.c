/* SPDX-License-Identifier: MIT
 * service: the only door to libsystemd. */
#include "daemon/io/service.h"

#include <systemd/sd-daemon.h>

void service_ready(void)
{
    sd_notify(0, "READY=1\nSTATUS=Serving");
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Finishing what is in hand");
}
