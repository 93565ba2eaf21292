/**
 * Remembers the last text reported of each subject, so that a lasting fault is reported once, again when its text
 * changes, and its end once as well. Holds one text per faulty subject.
 */
export class SaidOnce<Subject = string> {
  #said = new Map<Subject, string>();

  /** Returns true if the text differs from the subject's last one and must be reported now. */
  isNews(subject: Subject, text: string): boolean {
    if (this.#said.get(subject) === text) return false;
    this.#said.set(subject, text);
    return true;
  }

  /** Takes all present faults and returns those that must be reported now. Subjects without a fault are over. */
  news(faults: ReadonlyMap<Subject, string>): (readonly [Subject, string])[] {
    const news = [...faults].filter(([subject, text]) => this.#said.get(subject) !== text);
    this.#said = new Map(faults);
    return news;
  }

  /** The subject has no fault any more. Returns true if one was reported, so that its end may be reported. */
  isOver(subject: Subject): boolean {
    return this.#said.delete(subject);
  }

  /** Whether a fault of the subject was reported and is not over. */
  has(subject: Subject): boolean {
    return this.#said.has(subject);
  }

  /** Returns the subjects with a reported fault that is not over. */
  subjects(): Subject[] {
    return [...this.#said.keys()];
  }
}
