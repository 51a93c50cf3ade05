import chalk from 'chalk';

/** None after --no-color or with $NO_COLOR (https://no-color.org); otherwise chalk goes by the terminal. */
export function useColours({ color }: { readonly color?: boolean }): void {
  if (process.env.NO_COLOR || color === false) chalk.level = 0;
}
