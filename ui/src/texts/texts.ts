/** The console's texts: English and Chinese, each in a chunk of its own, with the same keys. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { later } from '../parts/later.ts';
import type { texts as english } from './en/index.ts';
import type { Texts } from './shape.ts';

export const languages = { en: 'English', zh: '中文' } as const;
export type Language = keyof typeof languages;
declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'shell';
    resources: typeof english;
  }
}

const storageKey = 'tokligence-language';
const load: { readonly [L in Language]: () => Promise<{ texts: Texts }> } = {
  en: later(() => import('./en/index.ts')),
  zh: later(() => import('./zh/index.ts')),
};

export async function startTexts(): Promise<void> {
  const language = preferred();
  const { texts } = await load[language]();
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: texts },
    defaultNS: 'shell',
    // React escapes what it renders.
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  document.documentElement.lang = language;
}

export async function chooseLanguage(language: Language): Promise<void> {
  const { texts } = await load[language]();
  for (const [page, content] of Object.entries(texts)) i18next.addResourceBundle(language, page, content);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  localStorage.setItem(storageKey, language);
}

function preferred(): Language {
  const stored = localStorage.getItem(storageKey);
  if (stored === 'en' || stored === 'zh') return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
