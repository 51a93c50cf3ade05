import { statSync } from 'node:fs';
import { quietly } from '../../quietly.ts';
import { scopeErrors } from './errors.ts';

/** A picture must not take the place of the recording that it shows. @throws SigmqError same-file */
export function assertOther(svg: string, vcd: string): void {
  const [picture, recording] = [svg, vcd].map((path) => quietly(() => statSync(path)));
  if (!picture?.isFile() || picture.ino !== recording?.ino || picture.dev !== recording.dev) return;
  throw scopeErrors.sameFile(svg);
}
