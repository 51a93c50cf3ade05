/* What every model begins with: tables that integers alone decide, so that all machines have the same. */
#pragma once
#include <stdint.h>

/* A guess learns ever more slowly, down to 1/256. */
enum { COUNT_LIMIT = 255 };

/* ln(p / (1 - p)) of 4096ths, in 256ths: -2048 to 2047. And its inverse, by what is stretched plus 2048. */
extern int16_t stretched[4096], squashed[4096];
/* How far a guess goes towards what came, after so many bits; 65536ths. */
extern int32_t rates[COUNT_LIMIT + 1];

/*
 * A history says which bits came in one place so far: how many zeros, how many ones, and which was the last. It is the
 * number of one of some 250 such triples; 0: none came. What it becomes with a bit, how many bits it is made of, and
 * how likely a 1 is when nothing else is known; see Model.
 */
extern uint8_t next_history[256][2], history_bits[256];
extern uint32_t first_guesses[256];

/* Once, before anything else. */
void prepare_tables(void);
