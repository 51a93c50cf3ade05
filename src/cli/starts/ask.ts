import { askCommand } from '../ask-command.ts';
import { startCommand } from '../main.ts';

export { ask } from '../ask.ts';

export const start = (program: string): Promise<void> => startCommand(program, askCommand);
