/* Of logline.h, the lines that are JSON objects. */
#include <jansson.h>

#include "milter/maillog/line.h"

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* {"log":"LINE\n","stream":"stdout","time":"STAMP"} */
static void
write_docker(const json_t *object, struct ag_buf *out)
{
	ag_buf_printf(out, "%s %s", text_of(object, "time"),
	    text_of(object, "log"));
}

/* journalctl -o json has microseconds since 1970. */
static void
write_journal(const json_t *object, struct ag_buf *out)
{
	struct ag_str time = ag_str(text_of(object, "__REALTIME_TIMESTAMP"));
	const char *pid = text_of(object, "SYSLOG_PID");

	if (pid[0] == '\0')
		pid = text_of(object, "_PID");
	ag_buf_str(out, ag_str_head(time, time.len > 6 ? time.len - 6 : 0));
	ag_buf_printf(out, " %s %s[%s]: %s", text_of(object, "_HOSTNAME"),
	    text_of(object, "SYSLOG_IDENTIFIER"), pid,
	    text_of(object, "MESSAGE"));
}

struct ag_str
ag_logjson_flatten(struct ag_str text, char scratch[static AG_LOGLINE_MAX])
{
	json_t *object = json_loadb(text.ptr, text.len, 0, NULL);
	struct ag_buf out = ag_buf(scratch, AG_LOGLINE_MAX);
	struct ag_str flat;

	if (json_object_get(object, "log") != NULL)
		write_docker(object, &out);
	else if (json_object_get(object, "MESSAGE") != NULL)
		write_journal(object, &out);
	json_decref(object);
	flat = ag_buf_get(&out);
	return ag_str_trim(ag_str_head(flat, ag_str_find(flat, '\n')));
}
