import { consumeCommand } from '../consume-command.ts';
import { startCommand } from '../main.ts';

export { consume } from '../consume.ts';

export const start = (program: string): Promise<void> => startCommand(program, consumeCommand);
