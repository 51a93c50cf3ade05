// A file system of a few megabytes that can be filled up.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(1 << 16);

export class SmallDisk {
  #path;
  #ballast;

  /** Mounts it at `path`. Call it in a mount namespace of one's own only: that unmounts it. */
  constructor(path, { megabytes, inodes }) {
    mkdirSync(path, { recursive: true });
    const options = `size=${megabytes}m,nr_inodes=${inodes},mode=0700`;
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'sigmq-chaos', path]);
    if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
    this.#path = path;
    this.#ballast = join(path, 'ballast');
    mkdirSync(this.#ballast);
  }

  get freeBytes() {
    const { bavail, bsize } = statfsSync(this.#path);
    return bavail * bsize;
  }

  /** Until not another byte fits. */
  fill() {
    const fd = openSync(join(this.#ballast, 'bytes'), 'a');
    const isFull = writeUntilFull(fd);
    closeSync(fd);
    return isFull;
  }

  /** Until not another file fits. */
  fillWithFiles() {
    for (let n = 0; ; n++) {
      try {
        closeSync(openSync(join(this.#ballast, `file-${n}`), 'wx'));
      } catch (error) {
        if (error.code === 'ENOSPC') return true;
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }

  empty() {
    for (const name of readdirSync(this.#ballast)) rmSync(join(this.#ballast, name));
  }
}

function writeUntilFull(fd) {
  for (let size = CHUNK.length; size > 0; ) {
    try {
      const written = writeSync(fd, CHUNK, 0, size);
      if (written < size) size = Math.floor(size / 2);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      size = Math.floor(size / 2);
    }
  }
  return true;
}
