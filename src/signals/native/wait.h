/* How exchange.c gets its signals. */
#pragma once
#include <stdint.h>

/* What wait_for_signal() returns when the process behind `pidfd` (-1: none) has ended. */
enum { ENDED = -1 };

/* The next signal, as pid * 2 + bit; 0: none came in time; or ENDED. */
int wait_for_signal(int32_t microseconds, int32_t pidfd, int64_t before, int32_t *nameless);
/* Undoes what waiting may have done to where this process runs: once after each row of waits. */
void part(void);
