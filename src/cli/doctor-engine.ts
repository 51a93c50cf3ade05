import { Inspector } from '../client/inspector.ts';
import { SigmqError } from '../errors.ts';
import type { EngineStatus } from '../queue/engine-status.ts';
import { openStore } from '../queue/open-store.ts';
import type { StoreFinding } from './doctor-store.ts';

/**
 * What the doctor says about a store that is not a file: as the running broker sees it, or, without one, as a broker
 * would.
 * @param url of the store, if no broker is running
 */
export async function lookAtEngine(
  dir: string | undefined,
  url: string | undefined,
): Promise<StoreFinding[]> {
  try {
    const engine = url === undefined ? await askBroker(dir) : await ask(url);
    return engine ? findings(engine) : [];
  } catch (error) {
    if (!(error instanceof SigmqError)) throw error;
    return [{ mark: 'bad', text: `${error.message} ${error.hint}` }];
  }
}

async function askBroker(dir: string | undefined): Promise<EngineStatus | null> {
  const broker = await Inspector.open({ dir });
  try {
    return (await broker.status()).engine;
  } finally {
    await broker.close();
  }
}

async function ask(url: string): Promise<EngineStatus | undefined> {
  const store = await openStore({ kind: 'postgres', url });
  try {
    return await store.engine?.();
  } finally {
    await store.close();
  }
}

function findings({ name, error, version, latencyMs, ...rest }: EngineStatus): StoreFinding[] {
  if (error !== null) return [{ mark: 'bad', text: error }];
  const { notifies, brokers, warnings } = rest;
  const others =
    brokers.length === 1 ? '1 other broker uses' : `${brokers.length} other brokers use`;
  const told = notifies ? 'sends notifications' : 'sends no notifications';
  return [
    {
      mark: 'ok',
      text: `The store is ${name} ${version}: it answers in ${latencyMs} ms and ${told}; ${others} it.`,
    },
    ...warnings.map((text) => ({ mark: 'bad', text: `The store: ${text}` }) as const),
  ];
}
