import type { texts as english } from './en/index.ts';

/** What every language has to say: the keys of the English texts. */
export type Texts = {
  readonly [Page in keyof typeof english]: { readonly [Key in keyof (typeof english)[Page]]: string };
};
