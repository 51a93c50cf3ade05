/** For people: why a consumer gets nothing from a queue. */
export function ungroupedText(pid: number, queue: string): string {
  return `Consumer ${pid} gets nothing from queue ${queue}, which has groups: start it with --group, or remove them with \`sigmq group rm\`.`;
}
