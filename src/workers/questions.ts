import { SparseMap } from '../domain/structures/sparse-map.ts';

/** Questions to another process that it has not answered yet, by number. */
export class Questions<Answer extends { readonly id: number }> {
  readonly #open = new SparseMap<number, ((answer: Answer | null) => void) | null>(null);
  #asked = 0;
  #isOver = false;

  /** Resolves with the answer; null: the other process has ended, or the question was given up. `send` gets the number that the answer must carry. */
  ask(send: (id: number) => void): Promise<Answer | null> {
    if (this.#isOver) return Promise.resolve(null);
    const id = this.#asked++;
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    this.#open.set(id, resolve);
    send(id);
    return promise;
  }

  answered(answer: Answer): void {
    this.#settle(answer.id, answer);
  }

  giveUp(id: number): void {
    this.#settle(id, null);
  }

  end(): void {
    this.#isOver = true;
    for (const [, resolve] of this.#open.entries()) resolve?.(null);
    this.#open.clear();
  }

  #settle(id: number, answer: Answer | null): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}
