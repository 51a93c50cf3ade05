/** CRC-32 as in IEEE 802.3, zlib and gzip: polynomial 0x04C11DB7 reflected, all ones in and out. */
const POLYNOMIAL = 0xedb88320;

/** Of each byte. Every start of `sigmq send` makes it: by doubling, 255 steps instead of 2048. */
const table = new Int32Array(256);
for (let bit = 128, crc = 1; bit > 0; bit >>= 1) {
  crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  for (let byte = 0; byte < 256; byte += 2 * bit) {
    table[bit + byte] = crc ^ (table[byte] as number);
  }
}

/**
 * The checksum of `bytes`, 0 to 2^32 - 1. To continue where an earlier part ended, pass its result: `crc32(b,
 * crc32(a))` is the checksum of `a` followed by `b`.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}
