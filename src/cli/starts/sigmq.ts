import { main } from '../main.ts';
import { sigmq } from '../sigmq.ts';

export { sigmq };

export const start = (): Promise<void> => main(sigmq());
