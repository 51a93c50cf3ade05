#include "tables.h"
#include <stdbool.h>

int16_t stretched[4096], squashed[4096];
int32_t rates[COUNT_LIMIT + 1];
uint8_t next_history[256][2], history_bits[256];
uint32_t first_guesses[256];

/* How often the more frequent bit is counted at most, by how often the other one is. */
static const uint8_t most[] = {40, 24, 12, 8, 6, 5};
enum { FEW = sizeof most, MANY = 41 };

/* A frequent bit that did not come this time was not so certain: fewer of them count from now on. */
static const uint8_t fewer[] = {0, 1, 2, 2, 3, 3, 4, 4, 4, 5};

static bool fits(const uint32_t n[2]) {
  uint32_t few = n[n[1] < n[0]], many = n[n[1] >= n[0]];
  return few < FEW && many <= most[few];
}

static void count(uint32_t n[2], uint32_t bit) {
  n[bit]++;
  uint32_t *other = &n[!bit];
  *other = *other < sizeof fewer ? fewer[*other] : fewer[sizeof fewer - 1];
  while (!fits(n)) n[n[bit] > *other ? bit : !bit]--;
}

static void prepare_histories(void) {
  static uint8_t numbers[MANY][MANY][2];
  uint32_t zeros[256], ones[256], end = 0;
  for (uint32_t sum = 0; sum < 2 * MANY; sum++)
    for (uint32_t one = 0; one <= sum; one++) {
      uint32_t n[2] = {sum - one, one};
      if (!fits(n)) continue;
      /* Where both came, the last one matters. */
      bool is_mixed = n[0] && n[1];
      for (uint32_t last = 0; last < 2; last++) {
        if (last && !is_mixed) numbers[n[0]][n[1]][1] = numbers[n[0]][n[1]][0];
        else zeros[end] = n[0], ones[end] = n[1], numbers[n[0]][n[1]][last] = (uint8_t)end++;
      }
    }
  for (uint32_t i = 0; i < end; i++) {
    history_bits[i] = (uint8_t)(zeros[i] + ones[i]);
    first_guesses[i] = (uint32_t)((uint64_t)(ones[i] * 3 + 1) * 0x3fffff / ((zeros[i] + ones[i]) * 3 + 2)) << 10;
    for (uint32_t bit = 0; bit < 2; bit++) {
      uint32_t n[2] = {zeros[i], ones[i]};
      count(n, bit);
      next_history[i][bit] = numbers[n[0]][n[1]][bit];
    }
  }
}

static void prepare_curves(void) {
  static const int32_t curve[33] = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                    310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                    3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};
  for (int32_t x = 0; x < 4096; x++) {
    int32_t step = x >> 7, part = x & 127;
    squashed[x] = (int16_t)((curve[step] * (128 - part) + curve[step + 1] * part + 64) >> 7);
  }
  int32_t done = 0;
  for (int32_t x = 1; x < 4096; x++)
    while (done <= squashed[x]) stretched[done++] = (int16_t)(x - 2048);
  while (done < 4096) stretched[done++] = 2047;
}

void prepare_tables(void) {
  static bool is_ready;
  if (is_ready) return;
  prepare_curves();
  prepare_histories();
  for (int32_t n = 0; n <= COUNT_LIMIT; n++) rates[n] = 655360 / (10 * n + 16);
  is_ready = true;
}
