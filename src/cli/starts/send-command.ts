import { startCommand } from '../main.ts';
import { sendCommand } from '../send-command.ts';

export const start = (program: string): Promise<void> => startCommand(program, sendCommand);
