/* pages.c - asks the system for large pages */
#include "policy/base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE_BYTES ((uintptr_t)4096)

/* What is smaller has no whole large page in it, or not much more. */
#define LARGE_FROM ((size_t)4 << 20)

void
ag_pages_large(void *memory, size_t size)
{
	uintptr_t begin = (uintptr_t)memory, end = begin + size;

	if (memory == NULL || size < LARGE_FROM)
		return;
	/* what shares a page with others stays as it is */
	begin = (begin + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	end &= ~(PAGE_BYTES - 1);
	/* a system with larger pages refuses: it has no need of this */
	(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}
