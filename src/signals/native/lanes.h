/* Eight numbers at once, as every CPU of these two architectures can: the same ones on both. */
#pragma once
#include <stdint.h>

typedef int16_t Lanes __attribute__((vector_size(16)));

#if defined(__SSE2__)
#include <emmintrin.h>

/* The sum of their products. */
static inline int32_t dot(Lanes a, Lanes b) {
  __m128i sums = _mm_madd_epi16((__m128i)a, (__m128i)b);
  sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0xb1)));
}

/* Their products with one number, of 65536ths the whole ones. */
static inline Lanes scaled(Lanes a, int16_t b) {
  return (Lanes)_mm_mulhi_epi16((__m128i)a, _mm_set1_epi16(b));
}

/* Their sums; what would be more than fits is the most that does. */
static inline Lanes added(Lanes a, Lanes b) {
  return (Lanes)_mm_adds_epi16((__m128i)a, (__m128i)b);
}

#elif defined(__ARM_NEON)
#include <arm_neon.h>

static inline int32_t dot(Lanes a, Lanes b) {
  int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
  return vaddvq_s32(vmlal_high_s16(vmull_s16(vget_low_s16(x), vget_low_s16(y)), x, y));
}

static inline Lanes scaled(Lanes a, int16_t b) {
  int16x8_t x = (int16x8_t)a;
  int32x4_t low = vmull_n_s16(vget_low_s16(x), b), high = vmull_n_s16(vget_high_s16(x), b);
  return (Lanes)vcombine_s16(vshrn_n_s32(low, 16), vshrn_n_s32(high, 16));
}

static inline Lanes added(Lanes a, Lanes b) {
  return (Lanes)vqaddq_s16((int16x8_t)a, (int16x8_t)b);
}

#else
#error "The addon is for x64 and arm64."
#endif
