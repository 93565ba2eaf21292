/** Questions to another process that it has not answered yet, by number. */
export class Questions<Answer extends { readonly id: number }> {
  readonly #open = new Map<number, (answer: Answer | null) => void>();
  #asked = 0;
  #isOver = false;

  /** Resolves with the answer; null: the other process has ended. `send` gets the number that the answer must carry. */
  ask(send: (id: number) => void): Promise<Answer | null> {
    if (this.#isOver) return Promise.resolve(null);
    const id = this.#asked++;
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    this.#open.set(id, resolve);
    send(id);
    return promise;
  }

  answered(answer: Answer): void {
    this.#open.get(answer.id)?.(answer);
    this.#open.delete(answer.id);
  }

  end(): void {
    this.#isOver = true;
    for (const resolve of this.#open.values()) resolve(null);
    this.#open.clear();
  }
}
