let decoder: InstanceType<typeof TextDecoder> | undefined;

/** The text, with its byte order mark if it has one; undefined: these bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
