/* domainname.c - brings domain names into lower-case A-labels */
#include "policy/address/domainname.h"

#include <idn2.h>
#include <string.h>

/* Letters, digits, "-", ".", "_" and what is not ASCII; 64 bytes a word. */
static bool
is_name_byte(char c)
{
	static const uint64_t name[4] = { UINT64_C(0x03ff600000000000),
		UINT64_C(0x07fffffe87fffffe), UINT64_MAX, UINT64_MAX };
	unsigned char byte = (unsigned char)c;

	return (name[byte >> 6] >> (byte & 63) & 1) != 0;
}

static struct ag_str
without_final_dot(struct ag_str name)
{
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	return name;
}

/* No label is empty. */
static bool
is_well_formed(struct ag_str name)
{
	char before = '.';

	for (size_t i = 0; i < name.len; before = name.ptr[i++])
		if (!is_name_byte(name.ptr[i]) ||
		    (name.ptr[i] == '.' && before == '.'))
			return false;
	return before != '.' && name.len <= AG_DOMAIN_MAX &&
	    ag_str_is_utf8(name);
}

/* Converts in place; on failure the name stays as it is. */
static enum ag_domain_status
convert(char name[static AG_DOMAIN_MAX + 1])
{
	enum ag_domain_status status = AG_DOMAIN_UNCONVERTIBLE;
	char *ascii = NULL;
	struct ag_str result;

	switch (idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL)) {
	case IDN2_OK:
		break;
	case IDN2_MALLOC:
		return AG_DOMAIN_NO_MEMORY;
	default:
		return AG_DOMAIN_UNCONVERTIBLE;
	}
	result = without_final_dot(ag_str(ascii));
	if (is_well_formed(result) && ag_str_is_ascii(result)) {
		ag_str_copy_lower(result, name);
		status = AG_DOMAIN_OK;
	}
	idn2_free(ascii);
	return status;
}

enum ag_domain_status
ag_domain_parse(struct ag_str name, char out[static AG_DOMAIN_MAX + 1])
{
	name = without_final_dot(name);
	out[0] = '\0';
	if (!is_well_formed(name))
		return AG_DOMAIN_BAD;
	ag_str_copy_lower(name, out);
	return ag_str_is_ascii(name) ? AG_DOMAIN_OK : convert(out);
}

bool
ag_domain_is_listable(struct ag_str name)
{
	return ag_str_is_ascii(name);
}

struct ag_str
ag_domain_parent(struct ag_str name)
{
	return ag_str_skip(name, ag_str_find(name, '.') + 1);
}
