/* systemd.c - tells the service manager when the daemon is ready */
#include "milter/base/systemd.h"

#ifdef HAVE_SYSTEMD

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <systemd/sd-daemon.h>

void
ag_notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void
ag_notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
ag_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void
ag_notify_status(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	sd_notifyf(0, "STATUS=%s", text);
}

#else

void
ag_notify_ready(void)
{
}

void
ag_notify_reloading(void)
{
}

void
ag_notify_stopping(void)
{
}

void
ag_notify_status(const char *format, ...)
{
	(void)format;
}

#endif
