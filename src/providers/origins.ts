/** The URLs of a provider and their origins; a key goes only to origins that it was entered for. */
import type { HttpProviderConfig } from '../config/config.ts';

/** With several URLs, as the file spells them. */
export const urlsIn = (text: string): string[] =>
  text
    .split(',')
    .map(url => url.trim())
    .filter(url => url !== '');

/** Scheme, host and port, of a looked-up name too; a text that is no URL is returned as it is. */
export const originOf = (url: string): string => URL.parse(url.replace(/^dns\+/i, ''))?.origin ?? url;

export const originsOf = ({ baseUrls }: HttpProviderConfig): string[] => originsIn(baseUrls);

export const originsIn = (urls: readonly string[]): string[] => [...new Set(urls.map(originOf))].sort();
