/** A file system of its own that gets full, for the length of a test. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export class SmallDisk {
  /** Where it is mounted. */
  readonly path: string;

  /** @returns undefined, and the test says so, where nothing can be mounted */
  static mount(t: TestContext, size: string): SmallDisk | undefined {
    const above = mkdtempSync(join(tmpdir(), 'sigmq-disk-'));
    const path = join(above, 'small');
    mkdirSync(path);
    const options = `size=${size},mode=700`;
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
    t.after(() => {
      spawnSync('umount', ['-l', path]); // SQLite closes its files when its statements are collected
      rmSync(above, { recursive: true, force: true });
    });
    if (mounted.status === 0) return new SmallDisk(path);
    t.skip('SKIPPED: no tmpfs can be mounted here; needs root');
    return undefined;
  }

  private constructor(path: string) {
    this.path = path;
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  resize(size: string): void {
    spawnSync('mount', ['-o', `remount,size=${size}`, this.path]);
  }

  /** As another program would, until not another byte fits. */
  fill(): void {
    const fd = openSync(join(this.path, 'filler'), 'a');
    for (let size = 1 << 16; size > 0; ) {
      try {
        if (writeSync(fd, Buffer.alloc(size)) < size) size >>= 1;
      } catch {
        size >>= 1;
      }
    }
    closeSync(fd);
  }

  /** That program's file is deleted. */
  empty(): void {
    rmSync(join(this.path, 'filler'), { force: true });
  }
}
