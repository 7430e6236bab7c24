/*
 * systemd.h - tells the service manager what the daemon does
 *
 * As sd_notify(3) has it; nothing, where the program was built without
 * libsystemd or was not started by a service manager.
 */
#ifndef AG_NOTIFY_H
#define AG_NOTIFY_H

void ag_notify_ready(void);
void ag_notify_reloading(void);
void ag_notify_stopping(void);

/* A line for people. */
void ag_notify_status(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
