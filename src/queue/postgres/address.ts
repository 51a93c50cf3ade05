import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'node:tls';
import { postgresErrors } from './errors.ts';

/** Where libpq looks for a server of the same machine, on Debian. */
const SOCKET_FOLDER = '/var/run/postgresql';
const DEFAULT_PORT = 5432;
const DEFAULT_SCHEMA = 'sigmq';
/** Its name is a part of the name of a channel, which has 63 bytes at most. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,55}$/;
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:(?<userinfo>[^@/?#]*)@)?(?<hosts>[^/?#]*)(?:\/(?<database>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const PARAMETERS = ['schema', 'host', 'port', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

interface PostgresHost {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
}

/** Of a store in a PostgreSQL database. */
export interface PostgresAddress {
  /** Tried in this order; the first one that takes writes is used. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  /** To be tried in this order. */
  readonly ssl: readonly (false | ConnectionOptions)[];
  /** For people: a URL that says nothing secret. */
  readonly name: string;
}

/**
 * Reads `postgres://user@host:port,host:port/database?schema=NAME`, as in libpq
 * (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING); what it does not say comes from
 * PGUSER, PGHOST, PGPORT and PGDATABASE.
 * @throws SigmqError bad-store-url
 */
export function parseAddress(url: string, env: NodeJS.ProcessEnv): PostgresAddress {
  const parts = URL_PARTS.exec(url)?.groups;
  if (!parts) throw postgresErrors.badUrl('it is not of the form postgres://user@host/database');
  // What follows an unencoded / ? or # of a password would be taken for something else, and shown.
  if (`${parts.hosts}${parts.database}${parts.query}`.includes('@'))
    throw postgresErrors.badUrl(
      'there is an @ behind the host; write it as %40, and a password elsewhere',
    );
  const [user = '', password] = (parts.userinfo ?? '').split(':').map(decode);
  if (password !== undefined) throw postgresErrors.passwordInUrl();
  const query = parametersOf(parts.query ?? '');
  const schema = query.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA.test(schema))
    throw postgresErrors.badUrl('the name of a schema has lower-case letters, digits and _');
  const name = user || env.PGUSER || userInfo().username;
  const database = decode(parts.database ?? '') || env.PGDATABASE || name;
  const hosts = hostsOf(query.get('host') ?? decode(parts.hosts ?? ''), query.get('port'), env);
  const shown = hosts
    .map(
      ({ host, port }) => `${host.includes(':') ? `[${host}]` : encodeURIComponent(host)}:${port}`,
    )
    .join(',');
  const suffix = schema === DEFAULT_SCHEMA ? '' : `?schema=${schema}`;
  return {
    ...{ hosts, user: name, database, schema, ssl: sslOf(query) },
    name: `postgres://${encodeURIComponent(name)}@${shown}/${encodeURIComponent(database)}${suffix}`,
  };
}

function parametersOf(text: string): URLSearchParams {
  const query = new URLSearchParams(text);
  for (const name of query.keys()) {
    if (/^(pass|password|passfile)$/.test(name)) throw postgresErrors.passwordInUrl();
    if (!PARAMETERS.includes(name))
      throw postgresErrors.badUrl(
        `it has an unknown parameter; known are ${PARAMETERS.join(', ')}`,
      );
  }
  return query;
}

function hostsOf(text: string, ports: string | null, env: NodeJS.ProcessEnv): PostgresHost[] {
  const local = existsSync(SOCKET_FOLDER) ? SOCKET_FOLDER : 'localhost';
  const port = portOf(ports || env.PGPORT || String(DEFAULT_PORT));
  return (text || env.PGHOST || local).split(',').map((one) => {
    const [, bracketed, plain, own] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(one) ?? [];
    const host = bracketed || plain;
    if (!host)
      throw postgresErrors.badUrl('one of its hosts has no name, or no port after the colon');
    return { host, port: own === undefined ? port : portOf(own) };
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw postgresErrors.badUrl('a port is a number from 1 to 65535');
  return port;
}

/** As libpq does it: `prefer`, the default, encrypts if the server can, and does not ask who that is. */
function sslOf(query: URLSearchParams): (false | ConnectionOptions)[] {
  const mode = query.get('sslmode') ?? 'prefer';
  if (!(SSL_MODES as readonly string[]).includes(mode))
    throw postgresErrors.badUrl(`sslmode is one of ${SSL_MODES.join(', ')}`);
  if (mode === 'disable') return [false];
  const options: ConnectionOptions = { rejectUnauthorized: mode.startsWith('verify') };
  for (const [name, key] of [
    ['sslrootcert', 'ca'],
    ['sslcert', 'cert'],
    ['sslkey', 'key'],
  ] as const) {
    const file = query.get(name);
    if (file !== null) options[key] = contentOf(name, file);
  }
  if (mode === 'verify-ca') options.checkServerIdentity = () => undefined;
  return mode === 'prefer' ? [options, false] : [options];
}

function contentOf(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw postgresErrors.badUrl(`${name} cannot be read: ${(error as Error).message}`);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw postgresErrors.badUrl('it is not percent-encoded');
  }
}
