import { type Coding, loadAddon } from '../signals/addon.ts';

/** Models in memory, of half a megabyte each; whose turn was longest ago begins anew. */
const MAX_MODELS = 32;
/** Steps go round from 1 to this; 0 is a model that has learned nothing. */
export const MAX_STEP = 63;

/** What one end of a pair of processes has learned from the messages that went from one to the other. */
export abstract class Learner {
  static readonly #all = new Set<Learner>();
  /** Whose text is under way, of each kind. */
  static readonly #underWay = new Map<Coding, Learner>();
  readonly #kind: Coding;
  #memory: Uint8Array | undefined;
  #frames = 0;

  protected constructor(kind: Coding) {
    this.#kind = kind;
  }

  /** Of the next frame. */
  protected get step(): number {
    return this.#frames === 0 ? 0 : 1 + ((this.#frames - 1) % MAX_STEP);
  }

  /** Somebody else's text is to be coded. */
  protected abstract giveWay(): void;

  /** Begins the next frame: see {@link Addon.beginCoding}. */
  protected begin(bytes: Uint8Array, room: Uint8Array): void {
    const { addon } = loadAddon();
    const other = Learner.#underWay.get(this.#kind);
    if (other) other.giveWay();
    Learner.#underWay.set(this.#kind, this);
    addon?.beginCoding(this.#kind, this.#model(addon.modelBytes), bytes, room);
  }

  /** See {@link Addon.feedCoding}. */
  protected fed(bytes: number): void {
    if (Learner.#underWay.get(this.#kind) === this) loadAddon().addon?.feedCoding(bytes);
  }

  /** See {@link Addon.endCoding}. */
  protected end(): number {
    if (Learner.#underWay.get(this.#kind) !== this) return -1;
    Learner.#underWay.delete(this.#kind);
    return loadAddon().addon?.endCoding(this.#kind) ?? -1;
  }

  #model(bytes: number): Uint8Array {
    Learner.#all.delete(this);
    Learner.#all.add(this);
    this.#memory ??= this.#newMemory(bytes);
    this.#frames++;
    return this.#memory;
  }

  /** To touch memory for the first time costs far more than to clear it. */
  #newMemory(bytes: number): Uint8Array {
    const [oldest] = Learner.#all;
    if (Learner.#all.size <= MAX_MODELS || !oldest) return new Uint8Array(bytes);
    oldest.reset();
    const memory = oldest.#memory ?? new Uint8Array(bytes);
    oldest.#memory = undefined;
    Learner.#all.delete(oldest);
    return memory;
  }

  /** It has learned nothing. */
  reset(): void {
    if (Learner.#underWay.get(this.#kind) === this) {
      Learner.#underWay.delete(this.#kind);
      loadAddon().addon?.dropCoding(this.#kind);
    }
    if (this.#frames > 0) this.#memory?.fill(0);
    this.#frames = 0;
    if (!this.#memory) Learner.#all.delete(this);
  }
}
