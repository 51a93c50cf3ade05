import { brokerCommand } from '../broker-command.ts';
import { startCommand } from '../main.ts';

export { broker } from '../broker.ts';

export const start = (program: string): Promise<void> => startCommand(program, brokerCommand);
