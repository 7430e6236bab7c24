/*
 * pages.h - a hint to the system about large arrays
 *
 * A table of many megabytes in pages of 4 KB is a page fault for each of them
 * while it is filled, and an address to be translated at nearly every look-up.
 */
#ifndef AG_PAGES_H
#define AG_PAGES_H

#include <stddef.h>

/*
 * Asks for large pages behind memory, of size bytes, which was just allocated
 * and has not been written to; NULL is ignored.  What is not written to still
 * takes no memory, but for the rest of a large page.  Where there are no large
 * pages, nothing happens.
 */
void ag_pages_large(void *memory, size_t size);

#endif
