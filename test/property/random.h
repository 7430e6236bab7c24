/*
 * random.h - repeatable chance for property tests
 *
 * A run prints its seed first; given as the program's argument the seed makes
 * the same run again.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes the seed from the argument, else from the clock, and prints it. */
void random_begin(int argc, char **argv);

/* A number from 0 to n - 1; n is not 0. */
unsigned random_below(unsigned n);

/* Evenly spread over all bits. */
uint64_t random_bits(void);

/* False when the run has taken three seconds or that many rounds. */
bool random_goes_on(unsigned rounds);

#endif
