/* SPDX-License-Identifier: MIT
 * service: what systemd is told. Without systemd every call does nothing. */
#ifndef IO_SERVICE_H
#define IO_SERVICE_H

void service_ready(void);
void service_stopping(void);

#endif
