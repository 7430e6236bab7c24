/* packed.c - compresses list texts with zstd and opens them again */
#include "policy/base/packed.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

/* A shorter text is not worth it. */
#define PACK_FROM 4096

struct ag_packed_bytes {
	atomic_uint shares;
	XXH128_hash_t hash; /* of the text */
	char byte[];
};

static XXH128_hash_t
hash(struct ag_str text)
{
	return XXH3_128bits(text.len > 0 ? text.ptr : "", text.len);
}

static struct ag_packed_bytes *
make_bytes(size_t len)
{
	struct ag_packed_bytes *bytes = malloc(sizeof(*bytes) + len);

	if (bytes != NULL)
		atomic_init(&bytes->shares, 1);
	return bytes;
}

static bool
keep_as_it_is(struct ag_packed *packed, struct ag_str text)
{
	packed->bytes = make_bytes(text.len);
	if (packed->bytes == NULL)
		return false;
	if (text.len > 0)
		memcpy(packed->bytes->byte, text.ptr, text.len);
	packed->len = packed->text_len = text.len;
	return true;
}

/*
 * Lines of a list have little in common but their digits and letters: a small
 * table of what was seen finds as much as a large one, in less time.
 */
static void
set_up(ZSTD_CCtx *context)
{
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
	ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 14);
	ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, 5);
}

/* What it needs; 0 when it does not get smaller, or for want of memory. */
static size_t
compress(char *to, size_t room, struct ag_str text)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t n = 0;

	if (context == NULL)
		return 0;
	set_up(context);
	n = ZSTD_compress2(context, to, room, text.ptr, text.len);
	ZSTD_freeCCtx(context);
	return ZSTD_isError(n) ? 0 : n;
}

/* False when the text has to be kept as it is. */
static bool
keep_compressed(struct ag_packed *packed, struct ag_str text)
{
	/* no more room than it has now; what is not written to is not there */
	struct ag_packed_bytes *bytes = make_bytes(text.len), *shorter;
	size_t n =
	    bytes != NULL ? compress(bytes->byte, text.len - 1, text) : 0;

	if (n == 0) {
		free(bytes);
		return false;
	}
	shorter = realloc(bytes, sizeof(*bytes) + n);
	packed->bytes = shorter != NULL ? shorter : bytes;
	packed->len = n;
	packed->text_len = text.len;
	return true;
}

bool
ag_packed_make(struct ag_packed *packed, struct ag_str text)
{
	*packed = (struct ag_packed){ NULL, 0, 0 };
	if (!(text.len >= PACK_FROM && keep_compressed(packed, text)) &&
	    !keep_as_it_is(packed, text))
		return false;
	packed->bytes->hash = hash(text);
	return true;
}

bool
ag_packed_is(const struct ag_packed *packed, struct ag_str text)
{
	return packed->bytes != NULL && packed->text_len == text.len &&
	    XXH128_isEqual(packed->bytes->hash, hash(text)) != 0;
}

struct ag_packed
ag_packed_share(const struct ag_packed *packed)
{
	if (packed->bytes != NULL)
		atomic_fetch_add(&packed->bytes->shares, 1);
	return *packed;
}

/* Bytes that are as many as the text's are the text. */
static bool
open_bytes(struct ag_str raw, size_t text_len, struct ag_str *text)
{
	char *copy = malloc(text_len + 1);
	size_t n = text_len;

	*text = ag_str(NULL);
	if (copy == NULL)
		return false;
	if (raw.len < text_len)
		n = ZSTD_decompress(copy, text_len, raw.ptr, raw.len);
	else if (text_len > 0)
		memcpy(copy, raw.ptr, text_len);
	if (n != text_len) {
		free(copy);
		return false;
	}
	*text = (struct ag_str){ copy, text_len };
	return true;
}

struct ag_str
ag_packed_raw(const struct ag_packed *packed)
{
	return packed->bytes != NULL ?
	    (struct ag_str){ packed->bytes->byte, packed->len } :
	    ag_str(NULL);
}

bool
ag_packed_open(const struct ag_packed *packed, struct ag_str *text)
{
	/* nobody else writes to bytes: what fails is an allocation */
	return open_bytes(ag_packed_raw(packed), packed->text_len, text);
}

static void
write_name(XXH128_hash_t of, char name[static AG_PACKED_NAME])
{
	snprintf(name, AG_PACKED_NAME, "%016llx%016llx",
	    (unsigned long long)of.high64, (unsigned long long)of.low64);
}

void
ag_packed_name(const struct ag_packed *packed, char name[static AG_PACKED_NAME])
{
	write_name(packed->bytes->hash, name);
}

bool
ag_packed_unpack(struct ag_str raw, size_t text_len, const char *name,
    struct ag_str *text)
{
	char own[AG_PACKED_NAME];

	if (!open_bytes(raw, text_len, text))
		return false;
	write_name(hash(*text), own);
	if (strcmp(own, name) == 0)
		return true;
	free((char *)text->ptr);
	*text = ag_str(NULL);
	return false;
}

void
ag_packed_free(struct ag_packed *packed)
{
	if (packed->bytes != NULL &&
	    atomic_fetch_sub(&packed->bytes->shares, 1) == 1)
		free(packed->bytes);
	*packed = (struct ag_packed){ NULL, 0, 0 };
}
