import { startCommand } from '../main.ts';
import { sendCommand } from '../send-command.ts';

export { send } from '../send.ts';

export const start = (program: string): Promise<void> => startCommand(program, sendCommand);
