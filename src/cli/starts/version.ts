import { VERSION } from '../../version.ts';
import { printHelp } from '../output.ts';

export const start = (): void => printHelp(`${VERSION}\n`);
