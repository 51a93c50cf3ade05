/** Does `work` with so many of them at a time, and goes on with the next when all of these are done. */
export async function inGroups(items, size, work) {
  for (let n = 0; n < items.length; n += size) {
    await Promise.all(items.slice(n, n + size).map((item) => work(item)));
  }
}
