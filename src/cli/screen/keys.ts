/** What node:readline says of a key. */
export interface Key {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly sequence?: string | undefined;
}

const NAMED: ReadonlySet<string> = new Set([
  ...['space', 'escape', 'tab', 'backspace', 'up', 'down', 'left', 'right'],
  ...['pageup', 'pagedown', 'home', 'end'],
]);

/** The name of a key as {@link View} gets it; undefined: none that anybody waits for. */
export function keyName(text: string | undefined, key: Key): string | undefined {
  const { name, ctrl, sequence } = key;
  if (sequence === '\x1c') return 'ctrl-\\';
  if (name === 'return' || name === 'enter') return 'enter';
  if (name !== undefined && NAMED.has(name)) return name;
  if (ctrl) return name === undefined ? undefined : `ctrl-${name}`;
  return text !== undefined && [...text].length === 1 && text >= ' ' ? text : undefined;
}
