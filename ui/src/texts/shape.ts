import type { texts as english } from './en/index.ts';

/** The texts of every language: the keys of the English ones. */
export type Texts = {
  readonly [Page in keyof typeof english]: { readonly [Key in keyof (typeof english)[Page]]: string };
};
