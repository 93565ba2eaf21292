/**
 * Remembers what was said last of each subject, so that a fault that lasts is said once, is said anew when it reads
 * differently, and its end can be said once as well. Holds one text per subject that is at fault.
 */
export class SaidOnce<Subject = string> {
  #said = new Map<Subject, string>();

  /** True: this was not the last that was said of the subject, and is to be said now. */
  isNews(subject: Subject, text: string): boolean {
    if (this.#said.get(subject) === text) return false;
    this.#said.set(subject, text);
    return true;
  }

  /** Of all that is at fault now, what is to be said now. What is not among it is over. */
  news(faults: ReadonlyMap<Subject, string>): (readonly [Subject, string])[] {
    const news = [...faults].filter(([subject, text]) => this.#said.get(subject) !== text);
    this.#said = new Map(faults);
    return news;
  }

  /** Nothing is at fault with the subject any more. True: something was said of it, so its end may be said. */
  isOver(subject: Subject): boolean {
    return this.#said.delete(subject);
  }

  /** Something was said of the subject that is not over. */
  has(subject: Subject): boolean {
    return this.#said.has(subject);
  }

  /** Those of which something was said that is not over. */
  subjects(): Subject[] {
    return [...this.#said.keys()];
  }
}
