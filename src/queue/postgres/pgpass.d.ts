declare module 'pgpass' {
  /** Calls back with the password for a connection; undefined: there is none, or its file is not ours alone. */
  export default function pgpass(
    connection: unknown,
    callback: (password: string | undefined) => void,
  ): void;
}
